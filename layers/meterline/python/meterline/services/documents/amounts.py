"""The amounts of an invoice's document, from its lines to what is left to pay."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from meterline.services.billing.amounts import explained
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.billing.private_states import TaxWords
from meterline.services.documents.document import BalanceChange, Discount, TaxRow, Totals

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice


def totals_of(invoice: "Invoice", words: Mapping[str, TaxWords]) -> Totals:
    """What each step of the invoice's computation came to; ``words`` are those of its tax rates."""
    lines = invoice_lines(invoice)
    said = explained(invoice, lines, lines)
    steps = {step["step"]: step["amount"] for step in said["amounts"]}
    return Totals(
        lines=steps["lines"],
        discounts=tuple(map(_discount, said["discounts"])),
        credits=-steps["credits"],
        taxes=tuple(_tax(tax, words) for tax in said["taxes"]),
        total_excluding_tax=invoice["total_excluding_tax"] or 0,
        total=invoice["total"],
        balance=balance_change(
            steps["balance"], invoice["starting_balance"], invoice["ending_balance"]
        ),
        notes_before_payment=invoice["pre_payment_credit_notes_amount"],
        amount_due=invoice["amount_due"],
        amount_paid=invoice["amount_paid"],
        amount_remaining=invoice["amount_remaining"],
    )


def balance_change(added: int, before: int, after: int | None) -> BalanceChange:
    """What a balance adds to an invoice's total, told apart by where that comes from or goes to.

    ``before`` and ``after`` (None of a draft) are the balance, positive if it is owed; all are
    minor units.
    """
    if after is None:
        return BalanceChange(used=added, put_on=0, left_owed=0)
    put_on, left_owed = max(min(before, 0) - after, 0), max(after - max(before, 0), 0)
    return BalanceChange(used=added - put_on + left_owed, put_on=put_on, left_owed=left_owed)


def _discount(said: Mapping[str, Any]) -> Discount:
    percent = said["percent_off"]
    return Discount(
        said["amount"], None if percent is None else Decimal(percent), said["amount_off"]
    )


def _tax(said: Mapping[str, Any], words: Mapping[str, TaxWords]) -> TaxRow:
    details, percentage = said["tax_rate_details"], said["percentage"]
    rate_id = details["tax_rate"] if details else ""
    called = words.get(rate_id)
    return TaxRow(
        tax_rate=rate_id,
        name=called["display_name"] if called else "",
        jurisdiction=(called["jurisdiction"] or "") if called else "",
        percentage=None if percentage is None else Decimal(percentage),
        is_inclusive=said["tax_behavior"] == "inclusive",
        taxable_amount=said["taxable_amount"] or 0,
        amount=said["amount"],
        reason=said["taxability_reason"],
    )
