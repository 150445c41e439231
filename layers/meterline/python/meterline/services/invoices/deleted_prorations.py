"""What deleting a proration means for its subscription: nothing comes back of what is not charged.

The debit of a change charges an item for the rest of its period. Once it is deleted nothing does,
so that a later change has nothing to credit. Where a credit gives it back already, that has to be
deleted before, or together with it. Once a credit of flexible mode is deleted, what it gave back
stands billed, and a later change gives it back. Classic mode credits the price of now, which was
not billed where the debit was deleted: there nothing comes back.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.services.billing.item_terms import (
    billed_spans,
    is_metered,
    with_billed,
    with_uncharged,
)
from meterline.services.billing.pending_items import origin_of_item, subscription_of_item
from meterline.services.billing.private_states import (
    Credited,
    InvoiceItemState,
    SubscriptionItemState,
)
from meterline.services.billing.subscription_bodies import items_of, with_items
from meterline.services.billing.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from meterline.core.base.wire import InvoiceItem, SubscriptionItem
    from meterline.store.base.documents import Document


def note_credit(uow: UnitOfWork, sources: Iterable[str], credit_id: str) -> None:
    """Let the invoice items among ``sources`` that can still be deleted know what credits them."""
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
    """Let subscriptions forget what invoice items charged or gave back that are being deleted.

    Refused for an item of which something is given back that is not deleted with it.
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
    """A subscription's item of which these invoice items charge and give back nothing any more."""
    gone = {one["id"] for one in prorations}
    left = _without_charges(item, gone)
    for one in prorations if not is_metered(item) else ():
        credited, origin = InvoiceItemState.of(one).credited, origin_of_item(one)
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
    """An item of which stands billed what a credit gave back, whatever was made of that since."""
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
    invoice = uow.read([document.body["invoice"]]).get(document.body["invoice"])
    return document if invoice is not None and invoice.body["status"] == "draft" else None
