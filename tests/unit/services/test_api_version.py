"""Which versions of Stripe's API a client may name."""

import inspect
import re

import pytest
import stripe.params
from stripe import _api_version

from meterline.core.base.errors import BillingError
from meterline.services.base.api_version import API_VERSION, KNOWN_VERSIONS, requested_version


def test_the_known_versions_are_those_that_the_sdk_lists() -> None:
    source = inspect.getsource(stripe.params.WebhookEndpointCreateParams)
    assert set(re.findall(r'"(\d{4}-\d\d-\d\d[.a-z]*)"', source)) == KNOWN_VERSIONS


def test_meterline_speaks_the_version_of_the_sdk() -> None:
    assert _api_version._ApiVersion.CURRENT == API_VERSION  # noqa: SLF001 - has no public name
    assert API_VERSION in KNOWN_VERSIONS


@pytest.mark.parametrize(
    ("header", "version"),
    [
        (API_VERSION, API_VERSION),
        ("2020-08-27", "2020-08-27"),
        ("2025-03-31.preview", "2025-03-31.preview"),
        ("2026-10-14.preview", "2026-10-14.preview"),
        ("2026-10-28.preview", "2026-10-28.preview"),
        ("2025-03-31.basil; some_beta=v1", "2025-03-31.basil"),
        ("2022-11-15;some_beta=v1; other_beta=v3", "2022-11-15"),
    ],
)
def test_a_header_names_a_release_or_a_preview_with_flags_after_it(
    header: str, version: str
) -> None:
    assert requested_version(header) == version


@pytest.mark.parametrize(
    "header",
    [
        "2025-03-30.preview",
        "2026-10-29.preview",
        "2026-02-00.preview",
        "2026-13-01.preview",
        "2026-09-30.previews",
        "2026-09-30",
        "2020-08-27;",
        "2020-08-27; some_beta",
        "; some_beta=v1",
        "yesterday; some_beta=v1",
    ],
)
def test_any_other_header_is_refused(header: str) -> None:
    with pytest.raises(BillingError, match="Invalid Stripe API version: "):
        requested_version(header)
