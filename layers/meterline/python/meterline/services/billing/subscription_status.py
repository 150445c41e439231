"""What its invoices make of a subscription's status: behind, given up, recovered.

The status follows the latest finalised invoice; older ones that are still open do not count
(contract section 5.10).
"""

from typing import TYPE_CHECKING

from meterline.services.billing.invoice_bodies import subscription_of
from meterline.services.billing.subscription_bodies import subscription_document
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.store.billing.repository import Span

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        Subscription,
        SubscriptionChanges,
    )
    from meterline.store.base.documents import Document

_NOT_FINAL = ("draft", "void")


def judged_by(uow: UnitOfWork, invoice: "Invoice") -> "Document[Subscription] | None":
    """The subscription whose status an open invoice decides about; None if there is none."""
    subscription_id = subscription_of(invoice)
    if subscription_id is None:
        return None
    document: Document[Subscription] | None = uow.read([subscription_id]).get(subscription_id)
    if document is None or not _is_latest_finalized(uow, invoice, document.body):
        return None
    return document


def recover(uow: UnitOfWork, invoice: "Invoice") -> None:
    """Let a subscription that waited for this invoice go on, as the invoice was paid or voided.

    Paid: it is active, or if it was unpaid, once its very latest invoice is paid. Void: it is
    active again if it was past due, and expired if it never became active.
    """
    document = judged_by(uow, invoice)
    if document is None:
        return
    before = document.body
    is_latest = before["latest_invoice"] == invoice["id"]
    changes: SubscriptionChanges = {}
    match before["status"], invoice["status"]:
        case "incomplete", "paid" if is_latest:
            changes = {"status": "active"}
        case "incomplete", "void" if is_latest:
            changes = {"status": "incomplete_expired", "ended_at": uow.ctx.now}
        case "past_due", "paid" | "void":
            changes = {"status": "active"}
        case "unpaid", "paid" if is_latest:
            changes = {"status": "active"}
    if changes:
        change_status(uow, document, changes)


def change_status(
    uow: UnitOfWork, document: "Document[Subscription]", changes: "SubscriptionChanges"
) -> None:
    """Store a subscription in another status, and emit the update."""
    changed: Subscription = {**document.body, **changes}
    uow.put(subscription_document(changed, document))
    uow.emit("customer.subscription.updated", changed, document.body)


def _is_latest_finalized(uow: UnitOfWork, invoice: "Invoice", subscription: "Subscription") -> bool:
    """Whether an invoice that is final is the newest such one of its subscription."""
    if subscription["latest_invoice"] == invoice["id"]:
        return True
    latest: Document[Invoice] | None = uow.ctx.store.get(subscription["latest_invoice"] or "")
    if latest is None or latest.body["status"] not in _NOT_FINAL:
        return False
    finals = uow.ctx.store.page(
        "invoice",
        Span(),
        limit=1,
        parent=subscription["customer"],
        keep=lambda body: (
            subscription_of(body) == subscription["id"] and body["status"] not in _NOT_FINAL
        ),
    )
    return [document.id for document in finals.documents] == [invoice["id"]]
