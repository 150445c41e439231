"""The document of a credit note. Amounts are integer minor units of the invoice's currency."""

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.documents.document import InvoiceDocument, TaxRow
from meterline.services.documents.reading import read_document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import (
        CreditNote,
        CreditNoteLineItem,
        CreditNoteLineItemTax,
        CreditNoteTotalTax,
        Invoice,
    )


@frozen
class NoteLine:
    """A line that is taken back: ``amount`` is before discounts and taxes that are added."""

    description: str
    quantity: Decimal | None
    unit_amount: Decimal | None
    amount: int
    percentages: tuple[Decimal, ...]


@frozen
class NoteDocument:
    """All that a credit note says. ``total`` is what is taken back, taxes and all.

    ``total = taken_off + onto_balance + refunded + settled_outside``.
    """

    id: str
    number: str
    billed: InvoiceDocument
    """The invoice that it takes back of, as it stands now; its parties are the note's."""
    status: Literal["issued", "void"]
    issued_at: int
    reason: str
    memo: str
    lines: tuple[NoteLine, ...]
    subtotal: int
    discounts: int
    credits: int
    taxes: tuple[TaxRow, ...]
    total: int
    taken_off: int
    """Of what the invoice had due."""
    onto_balance: int
    refunded: int
    settled_outside: int


def read_note_document(ctx: Context, note: "CreditNote", invoice: "Invoice") -> NoteDocument:
    """The document of a credit note of an invoice."""
    billed = read_document(ctx, invoice)
    refunded = sum(refund["amount_refunded"] for refund in note["refunds"])
    outside = note["out_of_band_amount"] or 0
    reductions = note["pretax_credit_amounts"]
    return NoteDocument(
        id=note["id"],
        number=note["number"],
        billed=billed,
        status=note["status"],
        issued_at=note["effective_at"] or note["created"],
        reason=note["reason"] or "",
        memo=note["memo"] or "",
        lines=tuple(_line(line, billed) for line in note["lines"]["data"]),
        subtotal=note["subtotal"],
        discounts=note["discount_amount"],
        credits=sum(
            part["amount"] for part in reductions if part["type"] == "credit_balance_transaction"
        ),
        taxes=tuple(_tax(tax, billed) for tax in note["total_taxes"]),
        total=note["total"],
        taken_off=note["pre_payment_amount"],
        onto_balance=note["post_payment_amount"] - refunded - outside,
        refunded=refunded,
        settled_outside=outside,
    )


def _line(line: "CreditNoteLineItem", billed: InvoiceDocument) -> NoteLine:
    unit, quantity = line["unit_amount_decimal"], line["quantity"]
    return NoteLine(
        description=line["description"] or "",
        quantity=None if quantity is None else Decimal(quantity),
        unit_amount=None if unit is None else Decimal(unit),
        amount=line["amount"],
        percentages=tuple(_percentages(line["taxes"], billed)),
    )


def _percentages(
    taxes: "Iterable[CreditNoteLineItemTax]", billed: InvoiceDocument
) -> "Iterable[Decimal]":
    known = {tax.tax_rate: tax.percentage for tax in billed.totals.taxes}
    found = (known.get(_rate_of(tax)) for tax in taxes)
    return (percentage for percentage in found if percentage is not None)


def _rate_of(tax: "CreditNoteLineItemTax | CreditNoteTotalTax") -> str:
    details = tax["tax_rate_details"]
    return details["tax_rate"] if details else ""


def _tax(tax: "CreditNoteTotalTax", billed: InvoiceDocument) -> TaxRow:
    named = {one.tax_rate: one for one in billed.totals.taxes}.get(_rate_of(tax))
    return TaxRow(
        tax_rate=_rate_of(tax),
        name=named.name if named else "",
        jurisdiction=named.jurisdiction if named else "",
        percentage=named.percentage if named else None,
        is_inclusive=tax["tax_behavior"] == "inclusive",
        taxable_amount=tax["taxable_amount"] or 0,
        amount=tax["amount"],
        reason=tax["taxability_reason"],
    )
