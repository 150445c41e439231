"""Every operation of Stripe's schema is driven through the SDK, or says why it is missing."""

import pytest

from meterline.api.routes.description import ROUTES, all_operations
from tests.contract.coverage import (
    CASES,
    DOCUMENT,
    MISSING,
    reason_for_missing,
    summary,
    with_coverage,
)
from tests.contract.operations import BEYOND_STRIPE, operation_of, stripe_operations

ROUTED = [*all_operations(), *ROUTES.operations]


@pytest.mark.parametrize("routed", ROUTED, ids=lambda one: f"{one.method} {one.path}")
def test_what_the_api_routes_is_known_and_driven(routed: object) -> None:
    operation = operation_of(routed.method, routed.path)  # type: ignore[attr-defined]
    assert operation is not None, "give it a row in operations.py"
    assert operation.name in CASES, "give it a case in tests/contract/cases"


@pytest.mark.parametrize("name", stripe_operations())
def test_an_operation_is_driven_or_says_why_it_is_missing(name: str) -> None:
    assert (name in CASES) != bool(reason_for_missing(name))


def test_what_is_driven_is_routed() -> None:
    routed = {operation_of(one.method, one.path) for one in ROUTED}
    names = {one.name for one in routed if one is not None}
    assert names >= CASES.keys()
    assert CASES.keys() <= stripe_operations().keys() | {
        operation.name for operation in BEYOND_STRIPE
    }


def test_no_reason_is_given_for_nothing() -> None:
    resources = {f"{name.rpartition('.')[0]}.*" for name in stripe_operations()}
    excused = {name for names in MISSING.values() for name in names}
    assert excused <= resources | stripe_operations().keys()


def test_the_documentation_tells_the_coverage_as_it_is() -> None:
    assert DOCUMENT.read_text() == with_coverage(DOCUMENT.read_text()), (
        "run python -m tests.contract.coverage"
    )


def test_a_change_of_the_coverage_changes_the_documentation() -> None:
    stale = DOCUMENT.read_text().replace(summary(), "All operations are driven")
    assert stale != DOCUMENT.read_text()
    assert with_coverage(stale) == DOCUMENT.read_text()
