"""Credit notes of any invoice, in any order: they never exceed, and add up to what they took.

A sequence of notes on lines and amounts, by shares and by taxes that are given, before and after
the payment, some of them voided.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meterline.core.base.errors import BillingError
from meterline.core.base.money import charge_step_minor
from meterline.services.billing.amounts import is_charged
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.credit_notes.credited_parts import stored, tax_key
from meterline.services.credit_notes.decision import Decided, decide, with_note, without_note
from tests.unit.services.random_invoices import drafts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import Invoice, InvoiceLine


@dataclass
class Ledger:
    """A final invoice and the notes that stand."""

    uow: Any
    invoice: "Invoice"
    issued: "list[Decided]" = field(default_factory=list)

    def issue(self, params: Any) -> Decided | None:
        """The note that a request gets; None where it is refused."""
        try:
            decided = decide(self.uow, self.invoice, params)
        except BillingError:
            return None
        self.invoice = with_note(self.invoice, decided)
        if self.invoice["amount_remaining"] == 0 and self.invoice["status"] == "open":
            self.invoice = self.invoice | {"status": "paid"}
        self.issued.append(decided)
        return decided

    def void(self, place: int) -> None:
        """Take a note back that lowered what is due of an open invoice."""
        if self.invoice["status"] != "open" or not self.issued:
            return
        decided = self.issued.pop(place % len(self.issued))
        credited = {id_: stored(portions) for id_, portions in decided.credited.items()}
        self.invoice = without_note(self.invoice, decided.note, credited)

    def pay(self) -> None:
        """The invoice is paid: nothing of it is due any more."""
        self.invoice = self.invoice | {"status": "paid", "amount_remaining": 0}

    @property
    def left(self) -> int:
        """What of the total did not come back."""
        return self.invoice["total"] - sum(one.note["total"] for one in self.issued)


@st.composite
def _requests(draw: st.DrawFn, ledger: Ledger) -> Any:
    """A note on an amount, or on lines of the invoice or its own; it may ask for too much."""
    kind = draw(st.sampled_from(["amount", "lines", "lines", "lines", "all", "own"]))
    if kind == "amount":
        return {"amount": draw(st.integers(1, max(1, ledger.left)))}
    if kind == "own":
        own = {"type": "custom_line_item", "unit_amount": draw(st.integers(1, 500))}
        return {"lines": [own]}
    billed = invoice_lines(ledger.invoice)
    chosen = [line for line in billed if kind == "all" or draw(st.booleans())]
    if not chosen:
        return {"amount": 1}
    return {"lines": [draw(_of_line(line, whole=kind == "all")) for line in chosen]}


@st.composite
def _of_line(draw: st.DrawFn, line: "InvoiceLine", *, whole: bool) -> Any:
    asked: dict[str, Any] = {"type": "invoice_line_item", "invoice_line_item": line["id"]}
    if whole:
        return asked
    asked["amount"] = draw(st.integers(*sorted((0, line["amount"]))))
    rated = {tax["tax_rate_details"]["tax_rate"]: tax for tax in line["taxes"]}  # type: ignore[index]
    if rated and draw(st.integers(0, 3)) == 0:
        asked["tax_amounts"] = [
            {
                "tax_rate": rate,
                "amount": draw(st.integers(*sorted((0, tax["amount"])))),
                "taxable_amount": 0,
            }
            for rate, tax in rated.items()
        ]
    return asked


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drafts(), st.data())
def test_notes_never_exceed_and_add_up(drafted: "tuple[Any, Invoice]", data: st.DataObject) -> None:
    uow, draft = drafted
    status: Any = "open" if draft["amount_due"] else "paid"
    final: Invoice = {**draft, "status": status, "number": "A-1"}
    ledger = Ledger(uow, final)
    for _ in range(data.draw(st.integers(1, 6))):
        act = data.draw(st.sampled_from(["issue", "issue", "issue", "issue", "void", "pay"]))
        if act == "issue":
            ledger.issue(data.draw(_requests(ledger)))
        elif act == "void":
            ledger.void(data.draw(st.integers(0, 5)))
        else:
            ledger.pay()
        check(ledger, final)
    _check_that_the_rest_comes_back(ledger, final)


def _check_that_the_rest_comes_back(ledger: Ledger, final: "Invoice") -> None:
    """What is left of an invoice can be taken back as an amount, and all taxes come with it."""
    own = any(line["type"] == "custom_line_item" for line in _lines(ledger))
    ledger.pay()
    if ledger.left <= 0:
        return
    assert ledger.issue({"amount": ledger.left}) is not None
    check(ledger, final)
    if not own:
        taxes = Counter({tax_key(tax): tax["amount"] for tax in final["total_taxes"]})
        assert _taxes(ledger) == {key: amount for key, amount in taxes.items() if amount}


def check(ledger: Ledger, final: "Invoice") -> None:
    """The notes that stand add up to what the invoice says, and exceed nothing."""
    invoice = ledger.invoice
    notes = [one.note for one in ledger.issued]
    pre = sum(note["pre_payment_amount"] for note in notes)
    post = sum(note["post_payment_amount"] for note in notes)
    assert (pre, post) == (
        invoice["pre_payment_credit_notes_amount"],
        invoice["post_payment_credit_notes_amount"],
    )
    assert pre + post == sum(note["total"] for note in notes) <= max(final["total"], 0)
    assert invoice["amount_due"] == final["amount_due"] - pre >= 0
    step = charge_step_minor(invoice["currency"]) if is_charged(invoice) else 1
    assert invoice["amount_remaining"] % step == 0
    assert invoice["total"] == final["total"]
    for note in notes:
        _check_note(note)
    for line in invoice_lines(final):
        parts = [part for part in _lines(ledger) if part.get("invoice_line_item") == line["id"]]
        _check_line(line, parts)
    _check_taxes(ledger, final)


def _check_note(note: Any) -> None:
    """A note is the sum of its lines, in each of its figures."""
    inside = sum(t["amount"] for t in note["total_taxes"] if t["tax_behavior"] == "inclusive")
    on_top = sum(t["amount"] for t in note["total_taxes"] if t["tax_behavior"] == "exclusive")
    assert (
        note["amount"] == note["total"] == note["pre_payment_amount"] + note["post_payment_amount"]
    )
    assert note["total_excluding_tax"] == note["total"] - inside - on_top
    assert note["subtotal_excluding_tax"] == note["subtotal"] - inside
    of = note["lines"]["data"]
    if not of:
        assert note["subtotal"] == note["total"] - on_top
        return
    amount = sum(line["amount"] for line in of)
    off = sum(part["amount"] for line in of for part in line["pretax_credit_amounts"])
    assert note["total"] == amount - off + on_top
    assert sum(part["amount"] for part in note["pretax_credit_amounts"]) == off
    assert note["discount_amount"] == sum(line["discount_amount"] for line in of)
    assert note["discount_amount"] == sum(part["amount"] for part in note["discount_amounts"])
    taxes = sum(tax["amount"] for line in of for tax in line["taxes"])
    assert taxes == inside + on_top


def _check_line(line: "InvoiceLine", parts: "list[Any]") -> None:
    """Of a line comes back no more than it billed, of its reductions and each tax neither."""
    _within(sum(part["amount"] for part in parts), line["amount"])
    off: Counter[object] = Counter()
    for one in (one for part in parts for one in part["pretax_credit_amounts"]):
        off[one.get("discount")] += one["amount"]
    billed_off: Counter[object] = Counter()
    for one in line["pretax_credit_amounts"]:
        billed_off[one.get("discount")] += one["amount"]
    for source, amount in off.items():
        _within(amount, billed_off[source])
    for place, tax in enumerate(line["taxes"]):
        _within(sum(part["taxes"][place]["amount"] for part in parts), tax["amount"])


def _check_taxes(ledger: Ledger, final: "Invoice") -> None:
    """Of no tax comes back more than lines of its sign billed, whatever named lines or amounts."""
    billed: Counter[tuple[object, bool]] = Counter()
    for tax in (tax for line in invoice_lines(final) for tax in line["taxes"]):
        billed[tax_key(tax), tax["amount"] > 0] += tax["amount"]
    back: Counter[tuple[object, bool]] = Counter()
    for tax in _credited_taxes(ledger):
        back[tax_key(tax), tax["amount"] > 0] += tax["amount"]
    for source, amount in back.items():
        _within(amount, billed[source])


def _credited_taxes(ledger: Ledger) -> "Iterable[Any]":
    """The taxes that notes took of the invoice; those of lines of their own are their own."""
    for one in ledger.issued:
        of = one.note["lines"]["data"]
        if not of:
            yield from one.note["total_taxes"]
        for line in of:
            if line["type"] == "invoice_line_item":
                yield from line["taxes"]


def _taxes(ledger: Ledger) -> "dict[object, int]":
    sums: Counter[object] = Counter()
    for tax in _credited_taxes(ledger):
        sums[tax_key(tax)] += tax["amount"]
    return {key: amount for key, amount in sums.items() if amount}


def _lines(ledger: Ledger) -> "list[Any]":
    return [line for one in ledger.issued for line in one.note["lines"]["data"]]


def _within(part: int, whole: int) -> None:
    lowest, highest = sorted((0, whole))
    assert lowest <= part <= highest
