"""Creating, previewing, changing and voiding credit notes (contract section I).

A note first lowers what its invoice has due. What it takes back of money that was paid goes onto
the customer's balance, or is recorded as given back elsewhere: Meterline moves no money.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.ids import timed_id
from meterline.services.base.lookups import customer_of, find, on_customers_time
from meterline.services.base.patch import save_update
from meterline.services.base.secret_addresses import CREDIT_NOTES, new_address
from meterline.services.billing.invoice_bodies import invoice_due_at
from meterline.services.billing.private_states import CreditedPortions
from meterline.services.billing.subscription_status import recover
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.credit_notes.credited_parts import (
    stored,
)
from meterline.services.credit_notes.decision import (
    KIND,
    Decided,
    decide,
    with_note,
    without_note,
)
from meterline.services.customers.balances import Booking, book
from meterline.services.invoices.finalize import paid
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        CreditNote,
        CreditNoteLineItem,
        CreditNoteRefund,
        Invoice,
    )

_FINAL = ("open", "paid", "uncollectible")
_UNPAID = ("open", "uncollectible")


@frozen
class CreditNoteState(PrivateState):
    """What a note remembers: what it took back of which line, for when it is voided."""

    credited: dict[str, CreditedPortions] | None = None


def create_credit_note(ctx: Context, params: Body) -> "CreditNote":
    """Issue a credit note for a final invoice.

    BillingError for more than is left of the invoice or a line, and where what was paid before is
    not given back exactly.
    """
    ctx, document, uow = _open(ctx, params)
    decided = decide(uow, document.body, params)
    note = _given_back(uow, decided, params)
    state = {id_: stored(portions) for id_, portions in decided.credited.items()}
    note = CreditNoteState(credited=state).on(note)
    note["pdf"] = f"{new_address(CREDIT_NOTES, note)}/pdf"
    uow.put(Document(KIND, note["livemode"], note, parent=note["customer"]))
    uow.emit("credit_note.created", note)
    _meet(uow, document, decided)
    uow.save(result_id=note["id"])
    return note


def preview_credit_note(ctx: Context, params: Body) -> "CreditNote":
    """The note that the same parameters would issue; nothing is stored."""
    _, document, uow = _open(ctx, params)
    return _given_back(uow, decide(uow, document.body, params), params)


def preview_lines(ctx: Context, params: Body) -> "list[CreditNoteLineItem]":
    """Its lines."""
    return preview_credit_note(ctx, params)["lines"]["data"]


def update_credit_note(ctx: Context, note_id: str, params: Body) -> "CreditNote":
    """Change the memo and metadata of a note, never what it takes back."""
    document = find(ctx, KIND, note_id)
    note: CreditNote = document.body | {
        "memo": or_none(params["memo"]) if "memo" in params else document.body["memo"],
        "metadata": merged_metadata(document.body["metadata"], params.get("metadata")),
    }
    return save_update(ctx, document, note, "credit_note.updated")


def void_credit_note(ctx: Context, note_id: str, params: Body) -> "CreditNote":  # noqa: ARG001 - route
    """Let a note never have been: what it lowered is due again.

    Only while its invoice is open, so that nothing was paid or given back because of it.
    """
    document = find(ctx, KIND, note_id)
    issued = find(ctx, "invoice", document.body["invoice"])
    ctx = on_customers_time(ctx, issued)
    _check_voidable(document.body, issued.body)
    uow = open_unit_of_work(ctx, customer_of(ctx, issued))
    note = document.body | {"status": "void", "voided_at": ctx.now}
    invoice = without_note(issued.body, note, CreditNoteState.of(note).credited or {})
    uow.put(replace(document, body=note))
    uow.put(replace(issued, body=invoice, due_at=invoice_due_at(invoice)))
    uow.emit("credit_note.voided", note)
    uow.emit("invoice.updated", invoice, issued.body)
    uow.save(result_id=note_id)
    return note


def _check_voidable(note: "CreditNote", invoice: "Invoice") -> None:
    if note["status"] == "void":
        raise BillingError("This credit note is already void.")
    if note["type"] != "pre_payment" or invoice["status"] != "open":
        raise BillingError(
            "Only credit notes of open invoices can be voided; this invoice is"
            f" {invoice['status']}. Bill what is owed again with a new invoice."
        )


def _open(ctx: Context, params: Body) -> "tuple[Context, Document[Invoice], UnitOfWork]":
    document = find(ctx, "invoice", params["invoice"], param="invoice")
    if document.body["status"] not in _FINAL:
        raise BillingError(
            "Credit notes are for open, paid and uncollectible invoices; this invoice is"
            f" {document.body['status']}.",
            param="invoice",
        )
    ctx = on_customers_time(ctx, document)
    return ctx, document, open_unit_of_work(ctx, customer_of(ctx, document))


def _given_back(uow: UnitOfWork, decided: Decided, params: Body) -> "CreditNote":
    """The note, with what gives back what was paid: it must come to that exactly."""
    refunds = [_refund(refund) for refund in params.get("refunds", ())]
    balance, outside = params.get("credit_amount", 0), params.get("out_of_band_amount", 0)
    given = balance + outside + sum(refund["amount_refunded"] for refund in refunds)
    if given != decided.settlement.post_payment_minor:
        raise BillingError(
            "The sum of credit_amount, refund_amount, and out_of_band_amount must equal the credit"
            f" note amount. {decided.settlement.post_payment_minor} of it exceed what the invoice"
            f" has due, and {given} are given back.",
            param="credit_amount",
        )
    note = decided.note | {"refunds": refunds}
    if "out_of_band_amount" in params:
        note["out_of_band_amount"] = outside
    if balance:
        note["customer_balance_transaction"] = _put_on_balance(uow, note, balance)
    return note


def _refund(requested: Body) -> "CreditNoteRefund":
    return {
        "amount_refunded": requested["amount_refunded"],
        "payment_record_refund": requested["payment_record_refund"],
        "refund": "",
        "type": "payment_record_refund",
    }


def _put_on_balance(uow: UnitOfWork, note: "CreditNote", amount_minor: int) -> str:
    """Put an amount onto the customer's balance as credit; the id of the transaction."""
    if uow.customer.get("deleted"):
        raise BillingError(
            "The customer is deleted and has no balance. Record what is given back elsewhere with"
            " `out_of_band_amount`.",
            param="credit_amount",
        )
    booking = Booking(
        amount=-amount_minor,
        currency=note["currency"],
        type="credit_note",
        fields={
            "id": timed_id("cbtxn_", note["id"]),
            "credit_note": note["id"],
            "invoice": note["invoice"],
        },
    )
    uow.customer, transaction = book(uow.ctx, uow.customer, booking)
    uow.put(transaction)
    return transaction.id


def _meet(uow: UnitOfWork, document: "Document[Invoice]", decided: Decided) -> None:
    """Change the invoice as the note says; one that has nothing due any more is paid."""
    before = document.body
    invoice = with_note(before, decided)
    settles = before["status"] in _UNPAID and invoice["amount_remaining"] == 0
    if settles:
        invoice = paid(invoice, uow.ctx.now)
    uow.put(replace(document, body=invoice, due_at=invoice_due_at(invoice)))
    uow.emit("invoice.updated", invoice, before)
    if settles:
        uow.emit("invoice.paid", invoice)
        recover(uow, invoice)
