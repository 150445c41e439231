"""Dunning: an open invoice that is not paid in time is held against its subscription."""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.account.settings import account_settings
from meterline.services.base.context import Context
from meterline.services.base.lookups import customer_of
from meterline.services.billing.invoice_bodies import (
    deadlines_of_invoice,
    invoice_due_at,
    with_deadlines,
)
from meterline.services.billing.subscription_bodies import subscription_document
from meterline.services.billing.subscription_status import change_status, judged_by
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.subscriptions.cancel import cancel_on
from meterline.services.subscriptions.clearing import stop_invoices
from meterline.store.base.documents import Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice


def dun_invoice(ctx: Context, document: "Document[Invoice]") -> list[Document]:
    """Pass the next deadline of an open invoice; nothing if none has come.

    Late: an invoice with a due date emits ``invoice.overdue``, and its subscription becomes past
    due. Given up: the subscription becomes unpaid, or is cancelled, as the account's settings say.
    Returns the documents written.
    """
    invoice = document.body
    due_at = invoice_due_at(invoice)
    if invoice["status"] != "open" or due_at is None or due_at > ctx.now:
        return []
    uow = open_unit_of_work(ctx, customer_of(ctx, document))
    deadlines = deadlines_of_invoice(invoice)
    if deadlines.late_at is not None:
        dunned = with_deadlines(invoice, replace(deadlines, late_at=None))
        if invoice["due_date"] is not None:
            uow.emit("invoice.overdue", dunned)
        _fall_behind(uow, dunned)
    else:
        dunned = _give_up(uow, with_deadlines(invoice, replace(deadlines, given_up_at=None)))
    uow.put_first(replace(document, body=dunned, due_at=invoice_due_at(dunned)))
    return uow.save()


def _fall_behind(uow: UnitOfWork, invoice: "Invoice") -> None:
    document = judged_by(uow, invoice)
    if document is not None and document.body["status"] == "active":
        change_status(uow, document, {"status": "past_due"})


def _give_up(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    """Give up the subscription whose status this invoice decides; returns the invoice after it."""
    document = judged_by(uow, invoice)
    if document is None or document.body["status"] != "past_due":
        return invoice
    if account_settings(uow.ctx)["unpaid_action"] == "mark_unpaid":
        change_status(uow, document, {"status": "unpaid"})
        return invoice
    canceled, _ = cancel_on(uow, document.body, {}, reason="payment_failed")
    canceled = stop_invoices(uow, canceled, document.body["latest_invoice"])
    uow.put(subscription_document(canceled, document))
    uow.emit("customer.subscription.deleted", canceled)
    stopped: Document[Invoice] | None = uow.drafted(invoice["id"])
    return with_deadlines(stopped.body, deadlines_of_invoice(invoice)) if stopped else invoice
