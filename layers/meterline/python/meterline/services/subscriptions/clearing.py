"""Clearing away after an end: pending prorations are dropped, invoices stop advancing.

One commit takes so many of either. An ended subscription remembers what is left of them, and due
work goes on with it.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import invoice_due_at, subscription_of
from meterline.services.billing.pending_items import Selection
from meterline.services.billing.private_states import StopsFrom, SubscriptionState, WorkLeft
from meterline.services.billing.subscription_bodies import subscription_document
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.store.base.documents import Document
from meterline.store.base.keys import Cursor
from meterline.store.base.packing import text_bytes
from meterline.store.billing.repository import Span

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, Subscription

_INVOICES_AT_ONCE = 40
_INVOICES_BYTES = 1_500_000
"""As many invoices are stopped in one commit, by number and by size."""
_DROPPED_AT_ONCE = 250


def drop_more_prorations(ctx: Context, document: "Document[Subscription]") -> list[Document]:
    """Go on dropping the pending prorations of a subscription that has ended.

    Returns the documents written.
    """
    uow = _uow_of(ctx, document)
    subscription = drop_prorations(uow, document.body)
    uow.put_first(subscription_document(subscription, document))
    return uow.save()


def drop_prorations(uow: UnitOfWork, subscription: "Subscription") -> "Subscription":
    """Drop the pending prorations of a subscription, as many as one commit can emit.

    Returns the subscription, which remembers if more are left. Dropping those is due at once, and
    no invoice takes them meanwhile.
    """
    its_own = frozenset({subscription["id"]})
    own = Selection(subscription["currency"], its_own, with_held_back=True)
    pending = [document for document in uow.pending.selected(own) if document.body["proration"]]
    uow.drop_items(pending[:_DROPPED_AT_ONCE])
    left = len(pending) - _DROPPED_AT_ONCE
    uow.pending.hold_back(own, until_dropped=left > 0)
    rest: WorkLeft | None = {"at": uow.ctx.now, "left": left} if left > 0 else None
    return replace(SubscriptionState.of(subscription), drops=rest).on(subscription)


def _uow_of(ctx: Context, subscription: "Document[Subscription]") -> UnitOfWork:
    customer = ctx.store.get(subscription.body["customer"])
    assert customer is not None, "a subscription's customer is never removed"  # noqa: S101
    return open_unit_of_work(ctx, customer)


def stop_invoices(
    uow: UnitOfWork, subscription: "Subscription", latest_id: str | None
) -> "Subscription":
    """Stop the drafts and open invoices of a subscription that ends from advancing by themselves.

    The latest one before the end, which an index may not show yet, is found by its id, others among
    the newest invoices of the customer, as many as fit into this decision. Returns the
    subscription, which remembers where to go on; going on is due at once.
    """
    latest = uow.ctx.store.get(latest_id or "")
    if latest is not None:
        _stop(uow, subscription, latest)
    return _stop_page(uow, subscription, Span())


def stop_more_invoices(ctx: Context, document: "Document[Subscription]") -> list[Document]:
    """Go on stopping the invoices of a subscription that has ended; nothing if all are.

    Returns the documents written.
    """
    cursor = SubscriptionState.of(document.body).stops_from
    if cursor is None:
        return []
    uow = _uow_of(ctx, document)
    span = Span(older_than=Cursor(cursor["created"], cursor["id"]))
    subscription = _stop_page(uow, document.body, span)
    uow.put_first(subscription_document(subscription, document))
    return uow.save()


def _stop_page(uow: UnitOfWork, subscription: "Subscription", span: Span) -> "Subscription":
    page = uow.ctx.store.page(
        "invoice", span, limit=min(_INVOICES_AT_ONCE, uow.room), parent=subscription["customer"]
    )
    documents = list(_while_they_fit(page.documents))
    for document in documents:
        _stop(uow, subscription, document)
    cursor: StopsFrom | None = None
    if page.has_more or len(documents) < len(page.documents):
        last = documents[-1]
        cursor = {"created": last.created, "id": last.id, "at": uow.ctx.now}
    return replace(SubscriptionState.of(subscription), stops_from=cursor).on(subscription)


def _while_they_fit(documents: list["Document[Invoice]"]) -> Iterator["Document[Invoice]"]:
    """The first of the documents, as many as one commit takes by their size; at least one."""
    size = 0
    for document in documents:
        size += text_bytes(document.body)
        if size > _INVOICES_BYTES and document is not documents[0]:
            return
        yield document


def _stop(uow: UnitOfWork, subscription: "Subscription", document: "Document[Invoice]") -> None:
    if uow.drafted(document.id) is not None:
        return  # the latest one, which is also among the newest
    invoice = document.body
    advances = invoice["status"] in ("draft", "open") and invoice["auto_advance"]
    if not advances or subscription_of(invoice) != subscription["id"]:
        return
    stopped = invoice | {"auto_advance": False, "next_payment_attempt": None}
    uow.put(replace(document, body=stopped, due_at=invoice_due_at(stopped)))
    uow.emit("invoice.updated", stopped, invoice)
