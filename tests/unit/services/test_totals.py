"""An invoice's totals are the sums of what its lines say, whatever discounts and taxes meet."""

from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.periods import Period
from meterline.services.billing.amounts import explained, with_amounts
from meterline.services.billing.invoice_bodies import InvoiceTerms, invoice_lines, new_invoice
from meterline.services.billing.private_states import (
    DiscountTerms,
    InvoiceState,
    LineState,
    TaxTerms,
)

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice

PERCENTAGES = st.decimals(0, 100, places=4, allow_nan=False, allow_infinity=False)
RATES: st.SearchStrategy[list[TaxTerms]] = st.lists(
    st.builds(
        lambda number, percentage, inclusive: {
            "id": f"txr_{number}",
            "percentage": f"{percentage:f}",
            "inclusive": inclusive,
        },
        st.integers(0, 3),
        PERCENTAGES,
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda rate: rate["id"],
)


def discount(name: str, percent: Decimal | None, amount: int) -> DiscountTerms:
    return {
        "id": name,
        "created": 0,
        "amount_off": None if percent is not None else amount,
        "currency": None,
        "duration": "forever",
        "percent_off": None if percent is None else f"{percent:f}",
        "products": None,
    }


DISCOUNTS = st.lists(
    st.builds(
        discount,
        st.sampled_from("abc"),
        st.none() | PERCENTAGES.filter(bool),
        st.integers(1, 5_000),
    ),
    max_size=2,
    unique_by=lambda terms: terms["id"],
)


@st.composite
def lines(draw: st.DrawFn) -> Any:
    """A line with discounts of its own, rates or amounts of its own, or neither."""
    amount = draw(st.integers(-(10**6), 10**6))
    own = [terms | {"id": f"own_{terms['id']}"} for terms in draw(DISCOUNTS)]
    state = LineState(
        discounts=own or None,
        tax_rates=draw(st.none() | RATES),
        tax_exempt=draw(st.sampled_from([None, "none", "exempt", "reverse"])),
    )
    line = {
        "id": f"il_{draw(st.uuids())}",
        "object": "line_item",
        "amount": amount,
        "description": None,
        "discountable": amount >= 0,
        "discounts": [terms["id"] for terms in own],
        "period": {"start": 0, "end": 1},
        "pricing": None,
        "quantity_decimal": "1",
    }
    return state.on(line)


@given(
    st.lists(lines(), max_size=5),
    RATES,
    DISCOUNTS,
    st.sampled_from(["jpy", "eur", "kwd"]),
    st.sampled_from(["none", "exempt", "reverse"]),
    st.integers(-5_000, 5_000),
)
def test_totals_are_the_sums_of_their_parts(
    of: list[Any],
    defaults: list[Any],
    discounts: list[DiscountTerms],
    currency: str,
    exempt: str,
    balance: int,
) -> None:
    customer: Any = {
        "id": "cus_1",
        "balance": balance,
        "currency": currency,
        "email": None,
        "livemode": False,
        "shipping": None,
        "tax_exempt": exempt,
    }
    terms = InvoiceTerms("in_1", 0, "manual", Period(0, 1), None)
    draft = new_invoice(terms, customer, currency) | {"default_tax_rates": defaults}
    draft = InvoiceState(discounts=discounts).on(draft)
    uow: Any = SimpleNamespace(customer=customer)
    invoice = with_amounts(uow, draft, of)
    check(invoice)
    again = with_amounts(uow, invoice, invoice_lines(invoice))
    assert again == invoice  # amounts depend on nothing that they set


def check(invoice: "Invoice") -> None:
    of = invoice_lines(invoice)
    taxes = [tax for line in of for tax in line["taxes"]]
    inside = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    on_top = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    pretax = sum(
        line["amount"] - sum(part["amount"] for part in line["pretax_credit_amounts"])
        for line in of
    )
    assert invoice["total"] == pretax + on_top
    assert invoice["total_excluding_tax"] == pretax - inside
    assert invoice["subtotal_excluding_tax"] == invoice["subtotal"] - inside
    assert invoice["total"] - invoice["total_excluding_tax"] == inside + on_top
    assert sum(tax["amount"] for tax in invoice["total_taxes"]) == inside + on_top
    owed = {line["id"]: line["amount"] for line in of}
    for line in of:
        base = owed[line["id"]] - sum(part["amount"] for part in line["pretax_credit_amounts"])
        own = sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == "inclusive")
        assert {tax["taxable_amount"] for tax in line["taxes"]} <= {base - own}
        assert all(tax["amount"] * base >= 0 for tax in line["taxes"])
    told = explained(invoice, of, of)
    assert sum(amount["amount"] for amount in told["amounts"]) == invoice["amount_due"]
