"""What of an invoice has been credited so far, and how that is remembered on it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.billing.credit_notes import Portions, minus, nothing_of, plus
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.billing.private_states import CreditedPortions, InvoiceState

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, InvoiceLine, InvoiceLineTax

WHOLE = ""
"""What stands for an invoice as a whole, of which an amount was credited that names no line."""

type TaxKey = tuple[str, str, str]
"""A tax rate's id, whether the tax is contained or added, and why it is what it is."""


def billed_portions(line: "InvoiceLine") -> Portions:
    """What a line of a final invoice billed."""
    return Portions(
        line["amount"],
        tuple(part["amount"] for part in line["pretax_credit_amounts"]),
        tuple(tax["amount"] for tax in line["taxes"]),
    )


def credited_portions(invoice: "Invoice", line: "InvoiceLine") -> Portions:
    """What of a line came back already."""
    known = (InvoiceState.of(invoice).credited or {}).get(line["id"])
    return nothing_of(billed_portions(line)) if known is None else loaded(known)


def credited_minor(invoice: "Invoice") -> int:
    """What credit notes that stand have taken back of an invoice's total."""
    before_payment = invoice["pre_payment_credit_notes_amount"]
    return before_payment + invoice["post_payment_credit_notes_amount"]


def taxes_left(invoice: "Invoice") -> dict[TaxKey, int]:
    """Each tax of an invoice, less what of it was credited."""
    left: dict[TaxKey, int] = {}
    for line in invoice_lines(invoice):
        back = credited_portions(invoice, line).taxes
        for tax, credited in zip(line["taxes"], back, strict=True):
            key = tax_key(tax)
            left[key] = left.get(key, 0) + tax["amount"] - credited
    of_whole = _taxes_of_whole(invoice)
    return {key: amount - of_whole.get(key, 0) for key, amount in left.items()}


def _taxes_of_whole(invoice: "Invoice") -> dict[TaxKey, int]:
    """What came back of each tax with amounts of the whole invoice."""
    whole = (InvoiceState.of(invoice).credited or {}).get(WHOLE)
    if whole is None:
        return {}
    taxes = (tax for line in invoice_lines(invoice) for tax in line["taxes"])
    return dict(zip(dict.fromkeys(map(tax_key, taxes)), whole["taxes"], strict=True))


class TaxRooms:
    """What lines can still bring back of each tax of an invoice, as a note's lines take of it.

    Amounts of the whole invoice brought back taxes that no line remembers. Of charges, and of what
    gave back by itself, a tax is counted apart: one may come back without the other.
    """

    def __init__(self, invoice: "Invoice") -> None:
        self._left: dict[tuple[TaxKey, bool], int] = {}
        for line in invoice_lines(invoice):
            back = credited_portions(invoice, line).taxes
            for tax, credited in zip(line["taxes"], back, strict=True):
                place = tax_key(tax), tax["amount"] > 0
                self._left[place] = self._left.get(place, 0) + tax["amount"] - credited
        for key, credited in _taxes_of_whole(invoice).items():
            place = key, credited > 0
            self._left[place] = self._left.get(place, 0) - credited

    def most_of(self, tax: "InvoiceLineTax", amount_minor: int) -> int:
        """As much of an amount of a line's tax as there is room for."""
        left = self._left[tax_key(tax), tax["amount"] > 0]
        most = min(abs(amount_minor), max(left if tax["amount"] > 0 else -left, 0))
        return most if tax["amount"] > 0 else -most

    def take(self, tax: "InvoiceLineTax", amount_minor: int) -> int:
        """The same, which there is no room for any more."""
        taken = self.most_of(tax, amount_minor)
        self._left[tax_key(tax), tax["amount"] > 0] -= taken
        return taken


def total_left(invoice: "Invoice") -> int:
    """The total of an invoice, less what of it was credited by its lines or as a whole."""
    credited = InvoiceState.of(invoice).credited or {}
    back = sum(
        _total(line, loaded(credited[line["id"]]))
        for line in invoice_lines(invoice)
        if line["id"] in credited
    )
    whole = loaded(credited[WHOLE]).amount if WHOLE in credited else 0
    return invoice["total"] - back - whole


def _total(line: "InvoiceLine", portions: Portions) -> int:
    """What portions of a line come to, with the taxes that were added."""
    added = sum(
        amount
        for tax, amount in zip(line["taxes"], portions.taxes, strict=True)
        if tax["tax_behavior"] == "exclusive"
    )
    return portions.amount - sum(portions.pretax) + added


def tax_key(tax: "InvoiceLineTax") -> TaxKey:
    """What tells taxes of an invoice apart."""
    details = tax["tax_rate_details"]
    rate_id = details["tax_rate"] if details else ""
    return rate_id, tax["tax_behavior"], tax["taxability_reason"]


def with_credited(invoice: "Invoice", portions: Mapping[str, Portions]) -> "Invoice":
    """The invoice, of which this came back too, by the ids of its lines."""
    return _changed(invoice, portions.items(), adds=True)


def without_credited(invoice: "Invoice", portions: Mapping[str, CreditedPortions]) -> "Invoice":
    """The invoice, of which this did not come back after all."""
    return _changed(invoice, ((id_, loaded(known)) for id_, known in portions.items()), adds=False)


def _changed(
    invoice: "Invoice", portions: Iterable[tuple[str, Portions]], *, adds: bool
) -> "Invoice":
    state = InvoiceState.of(invoice)
    credited = dict(state.credited or {})
    combine = plus if adds else minus
    for line_id, more in portions:
        known = credited.get(line_id)
        former = nothing_of(more) if known is None else loaded(known)
        credited[line_id] = stored(combine(former, more))
    return replace(state, credited=credited).on(invoice)


def stored(portions: Portions) -> CreditedPortions:
    """Portions as they are remembered."""
    return {
        "amount": portions.amount,
        "pretax": list(portions.pretax),
        "taxes": list(portions.taxes),
    }


def loaded(known: CreditedPortions) -> Portions:
    """Portions that were remembered."""
    return Portions(known["amount"], tuple(known["pretax"]), tuple(known["taxes"]))
