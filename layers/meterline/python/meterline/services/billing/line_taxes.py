"""The taxes of an invoice's amounts: which rates count for a line, and what they come to.

A line's own rates replace the invoice's defaults; amounts that somebody else has computed replace
both. A line that gives back what was billed before is taxed as that was, whatever counts now. The
percentage of a rate never changes, so what a line remembers of it stays true.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from meterline.core.base.unset import UNSET, Unset
from meterline.core.billing.taxes import Rate, Tax, share_of_tax, taxes_on
from meterline.services.billing.amount_steps import Amounts, Explanation, Step
from meterline.services.billing.invoice_bodies import rate_id
from meterline.services.billing.line_discounts import reductions_minor
from meterline.services.billing.private_states import (
    BilledBefore,
    GivenTax,
    InvoiceItemState,
    LineState,
    Taxed,
    TaxShares,
    TaxTerms,
)
from meterline.services.billing.tax_basis import (
    is_answered,
    is_automatic,
    is_taxed_as_billed,
    taxable_minor,
    with_untaxed,
)
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.tax_rates import named_rates
from meterline.services.customers.customer_state import CustomerState

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        Invoice,
        InvoiceCustomerTaxId,
        InvoiceItem,
        InvoiceLine,
        InvoiceLineTax,
        InvoiceTotalTax,
        TaxRate,
    )

type _Key = tuple[str, str, str]

_REASONS: Final = {"exempt": "customer_exempt", "reverse": "reverse_charge"}
"""Why a customer who owes no tax owes none, by ``tax_exempt``."""

_BY_HAND: Final = "not_available"
"""Nobody says why a rate counts that was given by hand."""


class Taxes(Step):
    """Adds the taxes of each line to it, or finds them in it."""

    name = "taxes"

    def apply(self, amounts: Amounts) -> Amounts:
        """The lines with their taxes, for the customer as it is now."""
        invoice = _of_customer(amounts.invoice, amounts.uow.customer)
        defaults = tax_terms(invoice["default_tax_rates"])
        exempt = invoice["customer_tax_exempt"] or "none"
        untaxed = with_untaxed(amounts.lines)
        answered = is_answered(invoice, untaxed)
        given = [_given(line, answered=answered) for line in untaxed]
        lines = [
            _with_taxes(line, _taxed(line, own, defaults, exempt), own)
            for line, own in zip(untaxed, given, strict=True)
        ]
        invoice = _with_status(invoice, answered=answered) | {"total_taxes": _summed(lines)}
        return replace(amounts, invoice=invoice, lines=lines)

    def added_to_line(self, invoice: "Invoice", line: "InvoiceLine") -> int:  # noqa: ARG002 - of every step
        """What taxes come on top of a line; those that are in its price add nothing."""
        return sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == "exclusive")

    def explain(self, invoice: "Invoice", shown: Sequence["InvoiceLine"]) -> Explanation:
        """What each rate came to, and whether the customer owes it."""
        terms = {
            rate["id"]: rate
            for known in (tax_terms(invoice["default_tax_rates"]), *map(_rates_of, shown))
            for rate in known
        }
        return {
            "taxes": [_with_percentage(tax, terms) for tax in invoice["total_taxes"]],
            "tax_exempt": invoice["customer_tax_exempt"],
        }

    def explain_line(self, line: "InvoiceLine") -> Explanation:
        """What each rate came to on the line."""
        terms = {rate["id"]: rate for rate in _rates_of(line)}
        return {"taxes": [_with_percentage(tax, terms) for tax in line["taxes"]]}


def requested_rates(
    uow: UnitOfWork,
    requested: Sequence[str] | Literal[Unset.UNSET],
    kept: "Iterable[TaxRate]",
    param: str,
) -> "list[TaxRate]":
    """The tax rates that a parameter asks for; an empty one asks for none.

    ``kept`` are those in their place so far. What customers give back who never had any is not
    looked up.
    """
    if requested is UNSET or not requested:
        return []
    found = uow.read(requested)
    agreed = [document.body for id_, document in found.items() if id_ in uow.agreed]
    rates = named_rates(found, requested, [*kept, *agreed], param)
    remember_taxed(uow)
    return rates


def remember_taxed(uow: UnitOfWork) -> None:
    """Have the customer remember that something of it may be taxed."""
    uow.customer = replace(CustomerState.of(uow.customer), taxed=True).on(uow.customer)


def taxes_of_amount(amount_minor: int, rates: "Sequence[TaxRate]") -> "list[InvoiceLineTax]":
    """The taxes that rates come to on an amount before taxes, minor units, which no line billed."""
    terms = tax_terms(rates)
    paired = zip(terms, taxes_on(amount_minor, _rates(terms)), strict=True)
    return [_tax(rate, tax, _BY_HAND) for rate, tax in paired]


def tax_terms(rates: "Iterable[TaxRate]") -> list[TaxTerms]:
    """What lines remember of tax rates."""
    return [
        {"id": rate["id"], "percentage": rate["percentage"], "inclusive": rate["inclusive"]}
        for rate in rates
    ]


def with_rates[S: LineState](state: S, rates: "Sequence[TaxRate]") -> S:
    """What is remembered of a line or an item with rates of its own; without any it has none, and
    the defaults of its invoice count.
    """
    given = None if rates else state.tax_amounts
    own = tax_terms(rates) or None
    return replace(state, tax_amounts=given, tax_rates=own, tax_exempt=None, tax_shares=None)


def taxed_item(item: "InvoiceItem", rates: "Sequence[TaxRate]") -> "InvoiceItem":
    """An invoice item with other rates of its own."""
    state = with_rates(InvoiceItemState.of(item), rates)
    return state.on(item | {"tax_rates": list(rates)})


def as_taxed[S: LineState](state: S, billed: "InvoiceLine") -> S:
    """What is remembered of a line that gives back a part of ``billed``: it is taxed as that."""
    return _as_taxed(state, LineState.of(billed).taxed)


def as_billed_before[S: LineState](state: S, billed: BilledBefore) -> S:
    """The same of a line that takes back what thresholds have billed of a period's usage: taxed was
    what discounts and credits left of it.
    """
    untaxed = -reductions_minor(billed["gives_back"]) or None
    return replace(_as_taxed(state, billed.get("taxed")), untaxed=untaxed)


def _as_taxed[S: LineState](state: S, taxed: Taxed | None) -> S:
    if taxed is None:
        return replace(state, tax_rates=[], tax_exempt=None, tax_shares=None)
    return replace(
        state,
        tax_rates=taxed["rates"],
        tax_exempt=taxed.get("exempt", "none"),
        tax_shares=taxed.get("shares"),
    )


def _of_customer(invoice: "Invoice", customer: "Customer") -> "Invoice":
    """A draft with the customer's address, exemption and tax ids, which it follows until it is
    final; one whose customer is deleted has what it had.
    """
    if customer.get("deleted") or "tax_exempt" not in customer:
        return invoice
    ids = CustomerState.of(customer).tax_ids or ()
    shown: list[InvoiceCustomerTaxId] = [
        {"type": own["type"], "value": own["value"]} for own in ids
    ]
    return invoice | {
        "customer_address": customer.get("address"),
        "customer_email": customer["email"],
        "customer_name": customer.get("name"),
        "customer_phone": customer.get("phone"),
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": shown,
    }


def _with_status(invoice: "Invoice", *, answered: bool) -> "Invoice":
    """An invoice that says whether the taxes of its engine count, if it has one."""
    if not is_automatic(invoice):
        return invoice
    before = invoice["automatic_tax"]
    former = None if before["status"] == "complete" else before["status"]
    return invoice | {"automatic_tax": before | {"status": "complete" if answered else former}}


def _given(line: "InvoiceLine", *, answered: bool) -> list[GivenTax] | None:
    """The taxes of a line that are not computed here: those that a request gave, or an engine."""
    state = LineState.of(line)
    if state.tax_amounts is not None or not answered or is_taxed_as_billed(state):
        return state.tax_amounts
    return state.engine_taxes or []


def _taxed(
    line: "InvoiceLine", given: list[GivenTax] | None, defaults: list[TaxTerms], exempt: str
) -> Taxed | None:
    """By what a line is taxed; None if by nothing."""
    if given is not None:
        return _given_as_taxed(given, taxable_minor(line)) if given else None
    state = LineState.of(line)
    rates = defaults if state.tax_rates is None else state.tax_rates
    if not rates:
        return None
    exempt = state.tax_exempt or exempt
    if exempt != "none":
        return {"rates": rates, "exempt": exempt}
    shares = state.tax_shares
    return {"rates": rates} if shares is None else {"rates": rates, "shares": shares}


def _given_as_taxed(given: list[GivenTax], before_tax_minor: int) -> Taxed:
    """What is remembered of taxes that somebody else has computed, for what gives them back."""
    taxed: Taxed = {"rates": [tax["rate"] for tax in given]}
    if before_tax_minor:
        taxed["shares"] = {
            "amounts": [tax["amount"] for tax in given],
            "taxable": [tax["taxable_amount"] for tax in given],
            "of": before_tax_minor,
        }
    return taxed


def _with_taxes(
    line: "InvoiceLine", taxed: Taxed | None, given: list[GivenTax] | None
) -> "InvoiceLine":
    line = replace(LineState.of(line), taxed=taxed).on(line)
    return line | {"taxes": [] if taxed is None else _taxes(line, taxed, given)}


def _taxes(
    line: "InvoiceLine", taxed: Taxed, given: list[GivenTax] | None
) -> "list[InvoiceLineTax]":
    if given is not None:
        return [
            _tax(tax["rate"], Tax(tax["amount"], tax["taxable_amount"]), tax["reason"])
            for tax in given
        ]
    reason = _REASONS.get(taxed.get("exempt", "none"))
    before_tax = taxable_minor(line)
    shares = taxed.get("shares")
    if reason is not None:
        taxes = [Tax(0, before_tax)] * len(taxed["rates"])
    elif shares is not None:
        taxes = _shared(shares, before_tax)
    else:
        taxes = taxes_on(before_tax, _rates(taxed["rates"]))
    paired = zip(taxed["rates"], taxes, strict=True)
    return [_tax(rate, tax, reason or _BY_HAND) for rate, tax in paired]


def _shared(shares: TaxShares, before_tax_minor: int) -> list[Tax]:
    """The taxes that come back with a part of a line whose taxes somebody else has computed."""
    return [
        Tax(
            share_of_tax(amount, before_tax_minor, shares["of"]),
            share_of_tax(taxable, before_tax_minor, shares["of"]),
        )
        for amount, taxable in zip(shares["amounts"], shares["taxable"], strict=True)
    ]


def _rates(terms: Iterable[TaxTerms]) -> list[Rate]:
    return [Rate(Decimal(rate["percentage"]), rate["inclusive"]) for rate in terms]


def _tax(rate: TaxTerms, tax: Tax, reason: str) -> "InvoiceLineTax":
    return {
        "amount": tax.amount_minor,
        "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": reason,
        "taxable_amount": tax.taxable_minor,
        "type": "tax_rate_details",
    }


def _summed(lines: "Iterable[InvoiceLine]") -> "list[InvoiceTotalTax]":
    """The taxes of all lines by their rate, and by why they are what they are."""
    sums: dict[_Key, InvoiceTotalTax] = {}
    for tax in (tax for line in lines for tax in line["taxes"]):
        key = rate_id(tax), tax["tax_behavior"], tax["taxability_reason"]
        known = sums.get(key)
        if known is None:
            sums[key] = {**tax}
        else:
            known["amount"] += tax["amount"]
            known["taxable_amount"] = (known["taxable_amount"] or 0) + (tax["taxable_amount"] or 0)
    return list(sums.values())


def _rates_of(line: "InvoiceLine") -> list[TaxTerms]:
    taxed = LineState.of(line).taxed
    return [] if taxed is None else taxed["rates"]


def _with_percentage(tax: Any, terms: dict[str, TaxTerms]) -> Explanation:  # noqa: ANN401 - of a line or of an invoice
    known = terms.get(rate_id(tax))
    return {**tax, "percentage": None if known is None else known["percentage"]}
