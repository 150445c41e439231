"""Which operations of Stripe's schema are driven, and which are missing and why.

``python -m tests.contract.coverage`` brings the documentation up to date.
"""

from collections.abc import Mapping
from pathlib import Path

from tests.contract.cases import (
    billing_credits,
    catalog,
    credit_notes,
    customers,
    entitlements,
    events,
    invoices,
    schedules,
    subscriptions,
    usage,
)
from tests.contract.cases.table import Case
from tests.contract.operations import BEYOND_STRIPE, stripe_operations

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"
_BEGIN, _END = "<!-- coverage -->", "<!-- /coverage -->"

_AREAS = (
    catalog,
    entitlements,
    customers,
    billing_credits,
    usage,
    subscriptions,
    schedules,
    invoices,
    credit_notes,
    events,
)

CASES: Mapping[str, Case] = {name: case for area in _AREAS for name, case in area.CASES.items()}
"""How each operation is tried, by its name."""

MISSING: Mapping[str, tuple[str, ...]] = {
    "no payment methods or bank transfers: Meterline moves no money": (
        "Customer.createFundingInstructions",
        "Customer.createSource",
        "Customer.deleteSource",
        "Customer.listCashBalanceTransactions",
        "Customer.listPaymentMethods",
        "Customer.listSources",
        "Customer.retrieveCashBalance",
        "Customer.retrieveCashBalanceTransaction",
        "Customer.retrievePaymentMethod",
        "Customer.retrieveSource",
        "Customer.updateCashBalance",
        "Customer.updateSource",
        "Customer.verifySource",
    ),
}
"""The operations that are not there, by reason; ``Resource.*`` stands for all of a resource."""


def reason_for_missing(name: str) -> str | None:
    """Why an operation is not there; None if nothing says so."""
    whole = name.rpartition(".")[0] + ".*"
    for reason, names in MISSING.items():
        if name in names or whole in names:
            return reason
    return None


def driven() -> list[str]:
    """The operations of Stripe's schema that are driven."""
    return [name for name in stripe_operations() if name in CASES]


def summary() -> str:
    """The coverage in a line."""
    beyond = len([operation for operation in BEYOND_STRIPE if operation.name in CASES])
    return (
        f"{len(driven())} of the {len(stripe_operations())} operations of the schema are driven "
        f"through the SDK, and {beyond} beyond it"
    )


def described() -> str:
    """The coverage as the documentation has it: what is whole, and a table of the rest."""
    resources: dict[str, list[str]] = {}
    for name in stripe_operations():
        resources.setdefault(name.rpartition(".")[0], []).append(name)
    gaps = {one: [name for name in names if name not in CASES] for one, names in resources.items()}
    whole = [one for one, missing in sorted(gaps.items()) if not missing]
    rows = [
        f"| {one} | {len(resources[one]) - len(missing)} of {len(resources[one])} "
        f"| {'; '.join(sorted({reason_for_missing(name) or '' for name in missing}))} |"
        for one, missing in sorted(gaps.items())
        if missing
    ]
    parts = [f"{summary()}. Whole: {', '.join(whole)}.", "", "| resource | operations | missing |"]
    return "\n".join([*parts, "|---|---|---|", *rows])


def with_coverage(text: str) -> str:
    """A text with the coverage as it is between its two marks."""
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{described()}\n{_END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_coverage(DOCUMENT.read_text()))
