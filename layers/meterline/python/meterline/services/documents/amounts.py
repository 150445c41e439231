"""The amounts of an invoice's document, from its lines to what is left to pay."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from meterline.services.billing.amounts import explained
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.documents.document import Discount, TaxRow, Totals

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, TaxRate

type Rates = "Mapping[str, TaxRate]"


def totals_of(invoice: "Invoice", rates: Rates) -> Totals:
    """What each step of the invoice's computation came to; ``rates`` are those that taxes name."""
    lines = invoice_lines(invoice)
    said = explained(invoice, lines, lines)
    steps = {step["step"]: step["amount"] for step in said["amounts"]}
    return Totals(
        lines=steps["lines"],
        discounts=tuple(map(_discount, said["discounts"])),
        credits=-steps["credits"],
        taxes=tuple(_tax(tax, rates) for tax in said["taxes"]),
        total_excluding_tax=invoice["total_excluding_tax"] or 0,
        total=invoice["total"],
        balance=steps["balance"],
        notes_before_payment=invoice["pre_payment_credit_notes_amount"],
        amount_due=invoice["amount_due"],
        amount_paid=invoice["amount_paid"],
        amount_remaining=invoice["amount_remaining"],
    )


def rate_ids(invoice: "Invoice") -> list[str]:
    """The tax rates that the invoice's taxes name, once each."""
    details = (tax["tax_rate_details"] for tax in invoice["total_taxes"])
    return list(dict.fromkeys(one["tax_rate"] for one in details if one is not None))


def _discount(said: Mapping[str, Any]) -> Discount:
    percent = said["percent_off"]
    return Discount(
        said["amount"], None if percent is None else Decimal(percent), said["amount_off"]
    )


def _tax(said: Mapping[str, Any], rates: Rates) -> TaxRow:
    details = said["tax_rate_details"]
    named = details["tax_rate"] if details else ""
    rate: Mapping[str, Any] = rates.get(named, {})
    percentage = said["percentage"] or rate.get("percentage")
    return TaxRow(
        tax_rate=named,
        name=rate.get("display_name") or "",
        jurisdiction=rate.get("jurisdiction") or "",
        percentage=None if percentage is None else Decimal(percentage),
        is_inclusive=said["tax_behavior"] == "inclusive",
        taxable_amount=said["taxable_amount"] or 0,
        amount=said["amount"],
        reason=said["taxability_reason"],
    )
