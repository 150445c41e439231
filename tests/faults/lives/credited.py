"""What credit notes must take back: of each line, of its reductions and taxes, and of the whole."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from fractions import Fraction

from meterline.store.base.documents import Body
from tests.faults.broken import BrokenRuleError
from tests.faults.lives.life import Life
from tests.faults.lives.taxes import on_top

GIVEN = {"taxes": "given"}
"""The metadata of notes whose request said what the taxes are."""


def check_notes(life: Life) -> None:
    """All notes of each invoice together, and each by itself."""
    notes: dict[str, list[Body]] = defaultdict(list)
    for versions in life.shop.record.of_kind("credit_note"):
        notes[versions[0]["invoice"]].append(versions[-1])
    for invoice, of_invoice in notes.items():
        _check_invoice(life, life.shop.record.versions[invoice][-1], of_invoice)


def _check_invoice(life: Life, invoice: Body, notes: list[Body]) -> None:
    issued = [note for note in notes if note["status"] == "issued"]
    if len({note["number"] for note in notes}) != len(notes):
        raise _fault(life, invoice, "a credit note has a number of its own", f"{len(notes)}")
    taken = sum(note["total"] for note in issued)
    if taken > invoice["total"]:
        raise _fault(life, invoice, "notes never exceed", f"{taken} of {invoice['total']}")
    for name in ("pre_payment", "post_payment"):
        told = invoice[f"{name}_credit_notes_amount"]
        summed = sum(note[f"{name}_amount"] for note in issued)
        if told != summed:
            text = f"{name}: {told}, not {summed}"
            raise _fault(life, invoice, "an invoice says what its notes took", text)
    for note in notes:
        _check_note(life, invoice, note)
    _check_taxes(life, invoice, issued)
    if len(issued) == len(notes) and all(map(_is_by_shares, notes)):
        lines = {line["id"]: line for line in invoice["lines"]["data"]}
        for line_id, parts in _parts_by_line(notes).items():
            _check_line(life, invoice, lines[line_id], parts)


def _is_by_shares(note: Body) -> bool:
    """Whether a note takes shares of lines, and neither an amount nor taxes that were given."""
    return bool(note["lines"]["data"]) and note["metadata"] != GIVEN


def _parts_by_line(notes: list[Body]) -> dict[str, list[Body]]:
    parts: dict[str, list[Body]] = defaultdict(list)
    for note in notes:
        for line in note["lines"]["data"]:
            if line["type"] == "invoice_line_item":
                parts[line["invoice_line_item"]].append(line)
    return parts


def _check_taxes(life: Life, invoice: Body, issued: list[Body]) -> None:
    """Of no tax comes back more than lines of its sign billed, by lines and amounts together."""
    billed, back = Counter[tuple[str, bool]](), Counter[tuple[str, bool]]()
    for line in invoice["lines"]["data"]:
        billed.update(_taxes_of(line["taxes"]))
    for note in issued:
        back.update(_taxes_of(note["total_taxes"] if not note["lines"]["data"] else ()))
        for line in note["lines"]["data"]:
            back.update(_taxes_of(line["taxes"] if "invoice_line_item" in line else ()))
    for tax, amount in back.items():
        if abs(amount) > abs(billed[tax]):
            text = f"{tax[0]}: {amount} of {billed[tax]}"
            raise _fault(life, invoice, "no tax comes back more than it was", text)


def _taxes_of(taxes: Iterable[Body]) -> Counter[tuple[str, bool]]:
    sums = Counter[tuple[str, bool]]()
    for tax in taxes:
        sums[tax["tax_rate_details"]["tax_rate"], tax["amount"] > 0] += tax["amount"]
    return sums


def _check_note(life: Life, invoice: Body, note: Body) -> None:
    """A note adds up, and goes where it says."""
    taxes = sum(tax["amount"] for tax in note["total_taxes"])
    within = sum(t["amount"] for t in note["total_taxes"] if t["tax_behavior"] == "inclusive")
    figures = (note["total_excluding_tax"], note["subtotal_excluding_tax"], note["discount_amount"])
    off = sum(part["amount"] for part in note["discount_amounts"])
    if figures != (note["total"] - taxes, note["subtotal"] - within, off):
        raise _fault(
            life, invoice, "a note says what it is without taxes", f"{note['id']} {figures}"
        )
    lines = note["lines"]["data"]
    taxes = sum(tax["amount"] for tax in note["total_taxes"] if tax["tax_behavior"] == "exclusive")
    off = sum(part["amount"] for part in note["pretax_credit_amounts"])
    amount = sum(line["amount"] for line in lines)
    if lines and amount - off + taxes != note["total"]:
        text = f"{note['id']}: {note['total']} of {amount}, {off}, {taxes}"
        raise _fault(life, invoice, "a note is the sum of its lines", text)
    met = note["pre_payment_amount"] + note["post_payment_amount"]
    booked = note["customer_balance_transaction"]
    given = -life.shop.record.versions[booked][-1]["amount"] if booked else 0
    given += note["out_of_band_amount"] or 0
    if met != note["total"] or given != note["post_payment_amount"]:
        text = f"{note['id']}: {note['total']}, {met} met, {given} given back"
        raise _fault(life, invoice, "a note goes where it says", text)


def _check_line(life: Life, invoice: Body, line: Body, parts: list[Body]) -> None:
    """Of a line comes back a share of its reductions and taxes, and all of them with all of it."""
    amount = sum(part["amount"] for part in parts)
    if abs(amount) > abs(line["amount"]) or amount * line["amount"] < 0:
        text = f"{line['id']}: {amount} of {line['amount']}"
        raise _fault(life, invoice, "no line comes back more than it billed", text)
    off = sum(part["amount"] for one in parts for part in one["pretax_credit_amounts"])
    billed_off = sum(part["amount"] for part in line["pretax_credit_amounts"])
    taxes = sum(map(on_top, parts))
    for found, whole, what in ((off, billed_off, "reductions"),):
        if found != _share(whole, amount, line["amount"]):
            text = f"{line['id']}: {found} of {whole} {what} with {amount} of {line['amount']}"
            raise _fault(life, invoice, "reductions come back in proportion", text)
    billed_taxes = on_top(line)
    close = abs(taxes - Fraction(billed_taxes * amount, line["amount"] or 1))
    if close > len(line["taxes"]) * Fraction(1, 2) or (
        amount == line["amount"] and taxes != billed_taxes
    ):
        text = f"{line['id']}: {taxes} of {billed_taxes} with {amount} of {line['amount']}"
        raise _fault(life, invoice, "taxes come back in proportion", text)


def _share(part: int, of: int, whole: int) -> int:
    """The nearest share; a half goes down."""
    if not whole:
        return 0
    exact = abs(Fraction(part * of, whole))
    share = int(exact) + (exact - int(exact) > Fraction(1, 2))
    return share if part * of * whole >= 0 else -share


def _fault(life: Life, invoice: Body, rule: str, text: str) -> BrokenRuleError:
    return BrokenRuleError(rule, life.shop.say(f"{invoice['id']}: {text}"))
