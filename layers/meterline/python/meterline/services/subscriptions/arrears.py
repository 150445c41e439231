"""Open invoices that are not paid in time: told, and held against their subscriptions."""

from dataclasses import replace

from meterline.services.account.account_settings import account_settings
from meterline.services.base.context import Context
from meterline.services.base.lookups import customer_of
from meterline.services.billing.invoice_bodies import arrears_of, invoice_due_at, with_arrears
from meterline.services.billing.ledger import Ledger, open_ledger
from meterline.services.billing.standing import change_status, judged_by
from meterline.services.billing.subscription_bodies import subscription_document
from meterline.services.subscriptions.cancel import cancel_on, stop_invoices
from meterline.store.base.documents import Body, Document


def pursue_invoice(ctx: Context, document: Document) -> list[Document]:
    """Pass the next deadline of an open invoice; nothing if none has come.

    Late: an invoice with a due date is told to be overdue, and its subscription becomes past due.
    Given up: the subscription becomes unpaid, or is cancelled, as the account has it. Returns the
    documents written.
    """
    invoice = document.body
    due_at = invoice_due_at(invoice)
    if invoice["status"] != "open" or due_at is None or due_at > ctx.now:
        return []
    ledger = open_ledger(ctx, customer_of(ctx, document))
    deadlines = arrears_of(invoice)
    if deadlines.late_at is not None:
        after = with_arrears(invoice, replace(deadlines, late_at=None))
        if invoice["due_date"] is not None:
            ledger.tell("invoice.overdue", after)
        _fall_behind(ledger, after)
    else:
        after = with_arrears(invoice, replace(deadlines, given_up_at=None))
        after = _give_up(ledger, after)
    ledger.put_first(replace(document, body=after, due_at=invoice_due_at(after)))
    return ledger.save()


def _fall_behind(ledger: Ledger, invoice: Body) -> None:
    document = judged_by(ledger, invoice)
    if document is not None and document.body["status"] == "active":
        change_status(ledger, document, {"status": "past_due"})


def _give_up(ledger: Ledger, invoice: Body) -> Body:
    """The invoice after its subscription was given up, if it is what that depends on."""
    document = judged_by(ledger, invoice)
    if document is None or document.body["status"] != "past_due":
        return invoice
    if account_settings(ledger.ctx)["unpaid_action"] == "mark_unpaid":
        change_status(ledger, document, {"status": "unpaid"})
        return invoice
    after, _ = cancel_on(ledger, document.body, {}, reason="payment_failed")
    after = stop_invoices(ledger, after)
    ledger.put(subscription_document(after, document))
    ledger.tell("customer.subscription.deleted", after)
    stopped = ledger.drafted(invoice["id"])
    return with_arrears(stopped.body, arrears_of(invoice)) if stopped else invoice
