"""What a credit note shows: its lines, their sums, and the parts of an amount without lines."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from meterline.core.billing.credit_notes import Portions, taxes_within
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.billing.private_states import LineState
from meterline.services.credit_notes.credited_parts import (
    WHOLE,
    TaxKey,
    tax_key,
    taxes_left,
    total_left,
)

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        CreditNoteChanges,
        CreditNoteDiscountAmount,
        CreditNotePretaxCreditAmount,
        CreditNoteTotalTax,
        Invoice,
    )
    from meterline.services.credit_notes.note_lines import NoteLine

type Credited = Mapping[str, Portions]
"""What comes back of an invoice, by the ids of its lines."""


def sums_of_lines(lines: "Sequence[NoteLine]") -> "CreditNoteChanges":
    """The amounts of a note that its lines come to; own discounts of lines are in the subtotal."""
    taxes = _summed_taxes(lines)
    added, contained = _by_behavior(taxes, "exclusive"), _by_behavior(taxes, "inclusive")
    before_tax = sum(line.amount_off_minor for line in lines)
    subtotal = sum(line.portions.amount - _own_discounts_minor(line) for line in lines)
    discounts = _summed_discounts(lines)
    return {
        "amount": before_tax + added,
        "discount_amount": sum(part["amount"] for part in discounts),
        "discount_amounts": discounts,
        "pretax_credit_amounts": _summed_pretax(lines),
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - contained,
        "total": before_tax + added,
        "total_excluding_tax": before_tax - contained,
        "total_taxes": taxes,
    }


def sums_of_amount(invoice: "Invoice", amount_minor: int) -> "CreditNoteChanges":
    """The amounts of a note that takes an amount of the whole invoice back, its taxes within it."""
    shares = zip(taxes_left(invoice), whole_portions(invoice, amount_minor).taxes, strict=True)
    by_key = dict(shares)
    taxes = [
        tax | {"amount": by_key[key], "taxable_amount": None}
        for key, tax in _taxes_by_key(invoice).items()
    ]
    added, contained = _by_behavior(taxes, "exclusive"), _by_behavior(taxes, "inclusive")
    before_tax = amount_minor - added
    return {
        "amount": amount_minor,
        "discount_amount": 0,
        "discount_amounts": [],
        "pretax_credit_amounts": [],
        "subtotal": before_tax,
        "subtotal_excluding_tax": before_tax - contained,
        "total": amount_minor,
        "total_excluding_tax": before_tax - contained,
        "total_taxes": taxes,
    }


def whole_portions(invoice: "Invoice", amount_minor: int) -> Portions:
    """What comes back with an amount of the whole invoice.

    Its taxes are in proportion to what the lines have left, which lines of a note's own take
    nothing of.
    """
    left, rest = taxes_left(invoice), total_left(invoice)
    return Portions(amount_minor, (), taxes_within([*left.values()], rest, amount_minor))


def credited_by(invoice: "Invoice", lines: "Sequence[NoteLine]", amount_minor: int) -> Credited:
    """What a note takes back: of the lines that it names, or of the invoice as a whole."""
    if not lines:
        return {WHOLE: whole_portions(invoice, amount_minor)}
    return {line.line["id"]: line.portions for line in lines if line.line is not None}


def _own_discounts_minor(line: "NoteLine") -> int:
    """What comes back of the discounts that stand on the invoice's line itself."""
    if line.line is None:
        return 0
    own = {terms["id"] for terms in LineState.of(line.line).discounts or ()}
    return sum(part["amount"] for part in line.body["discount_amounts"] if part["discount"] in own)


def _by_behavior(taxes: "Iterable[CreditNoteTotalTax]", behavior: str) -> int:
    return sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == behavior)


def _summed_taxes(lines: "Iterable[NoteLine]") -> "list[CreditNoteTotalTax]":
    sums: dict[TaxKey, CreditNoteTotalTax] = {}
    for tax in (tax for line in lines for tax in line.body["taxes"]):
        key = tax_key(tax)
        former = sums.get(key)
        if former is None:
            sums[key] = tax
            continue
        taxable = (former["taxable_amount"] or 0) + (tax["taxable_amount"] or 0)
        amount = former["amount"] + tax["amount"]
        sums[key] = former | {"amount": amount, "taxable_amount": taxable}
    return list(sums.values())


def _taxes_by_key(invoice: "Invoice") -> "dict[TaxKey, CreditNoteTotalTax]":
    taxes = (tax for line in invoice_lines(invoice) for tax in line["taxes"])
    return {tax_key(tax): tax for tax in taxes}


def _summed_discounts(lines: "Iterable[NoteLine]") -> "list[CreditNoteDiscountAmount]":
    sums: dict[str, int] = {}
    for part in (part for line in lines for part in line.body["discount_amounts"]):
        sums[part["discount"]] = sums.get(part["discount"], 0) + part["amount"]
    return [{"amount": amount, "discount": discount} for discount, amount in sums.items()]


def _summed_pretax(lines: "Iterable[NoteLine]") -> "list[CreditNotePretaxCreditAmount]":
    sums: dict[tuple[object, ...], CreditNotePretaxCreditAmount] = {}
    for part in (part for line in lines for part in line.body["pretax_credit_amounts"]):
        source = (part.get("discount"), part.get("credit_balance_transaction"))
        former = sums[source]["amount"] if source in sums else 0
        sums[source] = part | {"amount": former + part["amount"]}
    return list(sums.values())
