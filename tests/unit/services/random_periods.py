"""A period of any mix: usage that thresholds bill bit by bit, a licence that changes within it.

Discounts, tax rates, the customer's exemption, credits and balance change between its invoices.
Their lines and amounts come from the steps that bill; what they come to is for the tests to say.
"""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from meterline.core.base.periods import Period
from meterline.core.billing.invoicing import BillingMode
from meterline.core.subscriptions.item_changes import (
    BilledSpan,
    Fee,
    ItemChange,
    prorate_change,
)
from meterline.services.billing.amounts import applied_balance, with_amounts
from meterline.services.billing.draft_credits import taken_from
from meterline.services.billing.invoice_bodies import InvoiceTerms, invoice_lines, new_invoice
from meterline.services.billing.line_taxes import as_taxed
from meterline.services.billing.private_states import (
    InvoiceState,
    LineState,
    SubscriptionItemState,
)
from meterline.services.billing.tier_lines import tier_line, whole_lines
from meterline.services.credits.balances import balances_of, less
from meterline.services.customers.balances import with_balance
from meterline.services.customers.customer_state import CustomerState
from meterline.services.invoices.billed_before import usage_billed
from meterline.services.invoices.lines import less_billed_before
from tests.unit.services.random_invoices import CURRENCIES, DISCOUNTS, EXEMPT, RATES, credits_

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, InvoiceLine
    from meterline.core.credits.grants import GrantBalance

SECONDS = 2_592_000
USAGE, LICENCE = "si_usage", "si_licence"


@dataclass
class Billing:
    """What is billed of a period so far, and by which terms what comes next is billed."""

    customer: Any
    currency: str
    invoices: "list[Invoice]" = field(default_factory=list)
    balances: "list[list[GrantBalance]]" = field(default_factory=list)
    """What grants had left before each invoice."""
    usage: int = 0
    span: BilledSpan | None = None
    pending: "list[InvoiceLine]" = field(default_factory=list)
    terms: dict[str, Any] = field(default_factory=dict)
    item: Any = field(default_factory=lambda: {"id": USAGE})

    @property
    def uow(self) -> Any:
        """The decision that the next invoice is made in."""
        return SimpleNamespace(customer=self.customer, ctx=SimpleNamespace(now=1, store=self))

    def get(self, invoice_id: str) -> Any:
        """An invoice as it is stored."""
        found = (one for one in self.invoices if one["id"] == invoice_id)
        return next((SimpleNamespace(body=one) for one in found), None)

    def line(self, item: str, amount: int, **more: Any) -> "InvoiceLine":
        """A line of an item, with the discounts and rates that the item has of its own."""
        number = len(self.invoices)
        state = LineState(
            product_name="Thing",
            meter="mtr_1" if item == USAGE else None,
            discounts=self.terms["own_discounts"] or None,
            tax_rates=self.terms["own_rates"] or None,
        )
        line: Any = {
            "id": f"il_{item}_{number}_{len(self.pending)}",
            "object": "line_item",
            "amount": amount,
            "currency": self.currency,
            "description": None,
            "discountable": True,
            "discounts": [terms["id"] for terms in state.discounts or ()],
            "invoice": f"in_{number}",
            "parent": {
                "subscription_item_details": {"invoice_item": None, "subscription_item": item}
            },
            "period": {"start": 0, "end": SECONDS},
            "pricing": {"price_details": {"price": "p", "product": "prod"}},
            "quantity_decimal": str(abs(amount)),
        }
        shown: InvoiceLine = state.on(line | more)
        return shown

    def use(self, amounts: list[int]) -> "list[InvoiceLine]":
        """The lines of all usage of the period, tier by tier, less what was billed of it."""
        first = self.line(USAGE, amounts[0])
        lines = [
            tier_line(first, place) | {"amount": amount, "quantity_decimal": str(amount)}
            for place, amount in enumerate(amounts)
        ]
        return less_billed_before(lines, usage_billed(self.uow, self.item))

    def bill(self, lines: "list[InvoiceLine]") -> "Invoice":
        """The next invoice, which is final: credits and balance are less by it."""
        number = f"in_{len(self.invoices)}"
        terms = InvoiceTerms(number, 0, "manual", Period(0, 1), None)
        asked: Any = {
            "collection_method": self.terms["method"],
            "default_tax_rates": self.terms["rates"],
        }
        draft: Invoice = new_invoice(terms, self.customer, self.currency) | asked
        draft = InvoiceState(discounts=self.terms["discounts"]).on(draft)
        self.balances.append(balances_of(self.customer))
        invoice = with_amounts(self.uow, draft, [*self.pending, *lines])
        self.pending = []
        self.invoices.append(invoice)
        self.customer = less(self.customer, taken_from(invoice_lines(invoice)))
        ending = applied_balance(invoice).ending_balance_minor
        self.customer = with_balance(self.customer, self.currency, ending)
        self._remember(invoice)
        return invoice

    def change_licence(self, at: int, fee: Fee | None) -> None:
        """Give the unused time of the licence back, and charge another fee for the rest."""
        period = Period(0, SECONDS)
        billed = () if self.span is None else (self.span,)
        change = ItemChange(at, period, period, None, fee, billed)
        prorated = prorate_change(change, BillingMode.FLEXIBLE)
        for part in prorated.debits:
            line = self.line(LICENCE, part.amount_minor, discountable=False, discounts=[])
            self.pending.insert(0, replace(LineState.of(line), discounts=None).on(line))
        for part in prorated.credits:
            line = self.line(LICENCE, part.amount_minor, discountable=False, discounts=[])
            [charged] = [one for one in self.charges if one["id"] == part.credited]
            back = replace(LineState.of(line), discounts=None, corrects=str(part.credited))
            self.pending.insert(0, as_taxed(back, charged).on(line))
        self.span = None
        if prorated.debits:
            debit = next(line for line in self.pending if LineState.of(line).corrects is None)
            [billed_span] = prorated.billed
            self.span = replace(billed_span, source=debit["id"])

    @property
    def charges(self) -> "list[InvoiceLine]":
        """What invoices billed in advance for the licence."""
        return [
            line
            for invoice in self.invoices
            for line in invoice_lines(invoice)
            if line["id"].startswith(f"il_{LICENCE}") and LineState.of(line).corrects is None
        ]

    def _remember(self, invoice: "Invoice") -> None:
        for line in whole_lines(invoice_lines(invoice)):
            of = line["parent"]["subscription_item_details"]
            item = None if of is None else of["subscription_item"]
            if item == USAGE and LineState.of(line).meter:
                state = SubscriptionItemState(
                    usage_billed={
                        "amount": line["amount"],
                        "quantity": line["quantity_decimal"],
                        "invoice": invoice["id"],
                    }
                )
                self.item = state.on({"id": USAGE})
                self.usage = line["amount"]
            elif item == LICENCE and line["discountable"]:
                off = sum(part["amount"] for part in line["discount_amounts"])
                fee = Fee(line["amount"], off)
                self.span = BilledSpan(fee, Period(0, SECONDS), line["id"])


@st.composite
def _terms(draw: st.DrawFn) -> dict[str, Any]:
    own = [terms | {"id": f"own_{terms['id']}"} for terms in draw(DISCOUNTS)]
    own_rates = [terms | {"id": f"own_{terms['id']}"} for terms in draw(RATES)]
    return {
        "discounts": draw(DISCOUNTS),
        "own_discounts": draw(st.sampled_from([[], own])),
        "rates": draw(RATES),
        "own_rates": draw(st.sampled_from([[], own_rates])),
        "method": draw(st.sampled_from(["charge_automatically", "send_invoice"])),
    }


def _usage(draw: st.DrawFn) -> list[int]:
    """What all usage so far comes to, tier by tier: it may be less than before."""
    return draw(st.lists(st.integers(0, 20_000), min_size=1, max_size=3))


@st.composite
def periods(draw: st.DrawFn) -> Billing:
    """A period with its invoices: two to five, at terms that may change before each."""
    currency = draw(st.sampled_from(CURRENCIES))
    customer: Any = {
        "id": "cus_1",
        "balance": 0,
        "currency": currency,
        "email": None,
        "livemode": False,
        "shipping": None,
        "tax_exempt": draw(EXEMPT),
    }
    customer = CustomerState(credits=draw(credits_()) or None).on(customer)
    customer = with_balance(customer, currency, draw(st.integers(-5_000, 5_000)))
    billing = Billing(customer, currency, terms=draw(_terms()))
    first = billing.line(LICENCE, draw(st.integers(0, 50_000)))
    billing.bill([first])
    instants = sorted(draw(st.lists(st.integers(1, SECONDS), min_size=1, max_size=4)))
    for at in instants:
        if draw(st.booleans()):
            billing.terms = draw(_terms())
            billing.customer = {**billing.customer, "tax_exempt": draw(EXEMPT)}
        was_billed = billing.span is not None and any(
            line["id"] == billing.span.source for line in billing.charges
        )
        if was_billed and draw(st.booleans()):
            gross = draw(st.none() | st.integers(0, 50_000))
            fee = None if gross is None else Fee(gross, draw(st.integers(0, gross)))
            billing.change_licence(at, fee)
        billing.bill(billing.use(_usage(draw)))
    return billing
