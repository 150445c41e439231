"""Open invoices whose due date has passed without a payment."""

from dataclasses import replace

from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.services.invoices.bodies import invoice_due_at
from meterline.store.documents import Change, Document


def tell_overdue(ctx: Context, document: Document) -> list[Document]:
    """Tell once that an open invoice is past its due date; nothing if that is not so.

    Returns the documents written.
    """
    invoice = document.body
    due_at = invoice_due_at(invoice)
    if invoice["status"] != "open" or due_at is None or due_at > ctx.now:
        return []
    body = invoice | {"_": (invoice.get("_") or {}) | {"overdue_told": True}}
    told = replace(document, body=body, due_at=invoice_due_at(body))
    ctx.save(Change(puts=[told]), [EventDraft("invoice.overdue", body)])
    return [told]
