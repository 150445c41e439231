"""Invoices of any mix: discounts of lines and of the whole, credits, taxes, what was billed before.

Their amounts come from the steps that bill; what they must come to is for the tests to say.
"""

from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from meterline.core.base.periods import Period
from meterline.services.billing.amounts import with_amounts
from meterline.services.billing.invoice_bodies import InvoiceTerms, new_invoice
from meterline.services.billing.private_states import (
    DiscountTerms,
    InvoiceState,
    LineState,
    TaxTerms,
)
from meterline.services.customers.customer_state import CustomerState

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice

CURRENCIES = ("jpy", "eur", "kwd", "isk")
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
    """A discount of a percentage, or else of an amount."""
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

EXEMPT = st.sampled_from(["none", "none", "exempt", "reverse"])


@st.composite
def _states(draw: st.DrawFn, amount: int) -> LineState:
    """What a line of an amount remembers: it is usage, or gives back, or was taxed by somebody."""
    own = [terms | {"id": f"own_{terms['id']}"} for terms in draw(DISCOUNTS)]
    state: dict[str, Any] = {"discounts": own or None}
    if draw(st.booleans()):
        state["meter"] = "mtr_1"
    if amount < 0 and draw(st.booleans()):
        billed = -amount + draw(st.integers(0, 10**5))
        off = draw(st.integers(0, billed))
        state["gives_back"] = {"amount": billed, "discounts": [["former", off]] if off else []}
    taxes = draw(st.sampled_from(["defaults", "own", "given"]))
    if taxes == "own":
        state |= {
            "tax_rates": draw(RATES),
            "tax_exempt": draw(st.sampled_from([None, "none", "exempt", "reverse"])),
        }
    if taxes == "given":
        state["tax_amounts"] = [
            {
                "amount": draw(st.integers(*sorted((0, amount // 4)))),
                "rate": rate,
                "reason": "standard_rated",
                "taxable_amount": amount,
            }
            for rate in draw(RATES.filter(lambda rates: len(rates) < 3))
        ]
    return LineState(**state)


@st.composite
def lines(draw: st.DrawFn) -> Any:
    """A line of any kind."""
    amount = draw(st.integers(-(10**4), 10**6))
    state = draw(_states(amount))
    price = {"price_details": {"price": draw(st.sampled_from("pq")), "product": "prod"}}
    line = {
        "id": f"il_{draw(st.uuids())}",
        "object": "line_item",
        "amount": amount,
        "description": None,
        "discountable": amount >= 0 or state.gives_back is not None,
        "discounts": [terms["id"] for terms in state.discounts or ()],
        "period": {"start": 0, "end": 1},
        "pricing": price if state.meter else None,
        "quantity_decimal": f"{draw(st.decimals('0.001', 1_000, places=3)):f}",
    }
    return state.on(line)


@st.composite
def credits_(draw: st.DrawFn) -> Any:
    """What a customer's grants have left."""
    return [
        {
            "grant": f"credgr_{number}",
            "category": "paid",
            "created": 0,
            "currency": draw(st.sampled_from(CURRENCIES)),
            "effective_at": 0,
            "expires_at": None,
            "left": draw(st.integers(1, 10**6)),
            "prices": draw(st.sampled_from([None, ["p"]])),
            "priority": 50,
        }
        for number in range(draw(st.integers(0, 2)))
    ]


@st.composite
def drafts(draw: st.DrawFn) -> "tuple[Any, Invoice]":
    """A decision about a customer, and a draft with its amounts."""
    currency = draw(st.sampled_from(CURRENCIES))
    customer: Any = {
        "id": "cus_1",
        "balance": draw(st.just(0) | st.integers(-5_000, 5_000)),
        "currency": currency,
        "email": None,
        "livemode": False,
        "shipping": None,
        "tax_exempt": draw(EXEMPT),
    }
    customer = CustomerState(credits=draw(credits_()) or None).on(customer)
    terms = InvoiceTerms("in_1", 0, "manual", Period(0, 1), None)
    method = draw(st.sampled_from(["charge_automatically", "send_invoice"]))
    asked: Any = {"collection_method": method, "default_tax_rates": draw(RATES)}
    draft: Invoice = new_invoice(terms, customer, currency) | asked
    draft = InvoiceState(discounts=draw(DISCOUNTS)).on(draft)
    uow: Any = SimpleNamespace(customer=customer, ctx=SimpleNamespace(now=1))
    return uow, with_amounts(uow, draft, draw(st.lists(lines(), max_size=5)))
