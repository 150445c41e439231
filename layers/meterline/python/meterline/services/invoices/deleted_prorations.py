"""Deleting a proration: the subscription's item is not charged, or not credited, for that time.

A debit charges an item for the rest of its period. A later change credits nothing for a deleted
debit. If a credit gives the debit back already, that credit must be deleted first, or with it.
In flexible mode a later change credits what a deleted credit had given back. Classic mode credits
the current price, which nothing billed once the debit is deleted: it credits nothing then.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.services.billing.item_origins import origin_of_item, subscription_of_item
from meterline.services.billing.item_terms import (
    billed_spans,
    is_metered,
    with_billed,
    with_uncharged,
)
from meterline.services.billing.private_states import (
    Credited,
    InvoiceItemState,
    SubscriptionItemState,
)
from meterline.services.billing.subscription_bodies import items_of, with_items
from meterline.services.billing.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, InvoiceItem, SubscriptionItem
    from meterline.store.base.documents import Document


def note_credit(uow: UnitOfWork, sources: Iterable[str], credit_id: str) -> None:
    """Record the credit on those invoice items of ``sources`` that can still be deleted."""
    for source in sources:
        document = _editable_item(uow, source)
        if document is None:
            continue
        state = InvoiceItemState.of(document.body)
        known = [*(state.credited_by or ()), credit_id]
        credited = replace(document, body=replace(state, credited_by=known).on(document.body))
        if source in uow.pending.added:
            uow.pending.added[source] = credited
        else:
            uow.amend_item(credited)


def undo_prorations(uow: UnitOfWork, deleted: "Sequence[Document[InvoiceItem]]") -> None:
    """Remove from subscriptions what the invoice items being deleted charged or gave back.

    Refused if a credit gives an item back and is not deleted with it.
    """
    _check_credits(uow, deleted)
    prorations = defaultdict(list)
    for document in deleted:
        subscription_id = subscription_of_item(document.body)
        if document.body["proration"] and subscription_id is not None:
            prorations[subscription_id].append(document.body)
    for subscription in uow.read(prorations).values():
        undone, items = prorations[subscription.id], items_of(subscription.body)
        left = [_without(item, undone) for item in items]
        if left != items:
            uow.put(replace(subscription, body=with_items(subscription.body, left)))


def _check_credits(uow: UnitOfWork, deleted: "Sequence[Document[InvoiceItem]]") -> None:
    gone = {document.id for document in deleted}
    for document in deleted:
        credits_ = set(InvoiceItemState.of(document.body).credited_by or ()) - gone
        standing = [item.id for item in uow.read(sorted(credits_)).values() if _stands(item)]
        if standing:
            raise BillingError(
                f"The invoice item {document.id} is given back by {', '.join(standing)}."
                " Delete what gives it back before it, or credit it by a new invoice item.",
                param="id",
            )


def _stands(item: "Document[InvoiceItem]") -> bool:
    return not item.body.get("deleted")


def _without(item: "SubscriptionItem", prorations: "Sequence[InvoiceItem]") -> "SubscriptionItem":
    """A subscription's item without what these invoice items charged in advance or gave back."""
    gone = {proration["id"] for proration in prorations}
    left = _without_charges(item, gone)
    for proration in prorations if not is_metered(item) else ():
        credited, origin = InvoiceItemState.of(proration).credited, origin_of_item(proration)
        is_of_item = origin is not None and origin.get("subscription_item") == item["id"]
        if is_of_item and credited is not None and credited["billed"].get("source") not in gone:
            left = _without_credit(left, credited)
    return left


def _without_charges(item: "SubscriptionItem", gone: Collection[str]) -> "SubscriptionItem":
    spans = billed_spans(item)
    lost = [span.period for span in spans if span.source in gone]
    if not lost:
        return item
    return with_uncharged(
        with_billed(item, [span for span in spans if span.source not in gone]), lost
    )


def _without_credit(item: "SubscriptionItem", credited: Credited) -> "SubscriptionItem":
    """An item with what a credit gave back billed in advance again."""
    state = SubscriptionItemState.of(item)
    source = {str(credited["billed"].get("source")): credited["billed_as"]}
    billed = [*(state.billed or ()), credited["billed"]]
    return replace(state, billed=billed, billed_as={**(state.billed_as or {}), **source}).on(item)


def _editable_item(uow: UnitOfWork, source: str) -> "Document[InvoiceItem] | None":
    """The invoice item of this id unless it stands on a final invoice; None for lines."""
    if "/" in source:
        return None
    document = uow.pending.added.get(source) or uow.read([source]).get(source)
    if document is None or document.body["invoice"] is None:
        return document
    invoice_id = document.body["invoice"]
    invoice: Document[Invoice] | None = uow.read([invoice_id]).get(invoice_id)
    return document if invoice is not None and invoice.body["status"] == "draft" else None
