"""A customer's pending invoice items: those that no invoice has taken yet.

They stand on batches (``store.billing.batches``), one series of batches for each subscription (or
none) and currency. Private state of the customer, which every bill is conditional on, says which
batches are open; adding, changing or removing an item writes its batch. So a bill can neither miss
an item nor take one twice, and takes any number of items by one write for each batch. Items that go
onto a draft one by one stand on batches of that draft.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import batched, count, islice
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.billing import pending_batches
from meterline.core.billing.pending_batches import PendingBatch, batch_of
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id, new_object_id
from meterline.services.billing.private_states import InvoiceItemState
from meterline.services.customers.customer_state import CustomerState, OpenBatch
from meterline.store.base.documents import Document
from meterline.store.base.packing import text_bytes

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        InvoiceItem,
        InvoiceItemChanges,
        InvoiceItemParentSubscriptionDetails,
    )

MOST_BATCHES = 20
"""Open batches of a customer for one subscription and currency: one transaction must take them all,
and those of no subscription, and have room for what else a bill writes."""

MOST_OPEN_BATCHES = 1_000
"""Open batches of a customer, whatever they are for: the customer's own document names them all."""

MOST_TAKEN = 60
"""Batches that one invoice takes; only one by hand, of all subscriptions, can find more."""

MOST_DRAFT_BATCHES = 10
"""Batches of the items that were put onto a draft one by one."""

_USUAL_BYTES = 3_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pending items an invoice takes: those in its currency, of these subscriptions.

    None among them stands for items of no subscription; without a set, items of all are taken.
    Batches that are held back are taken ``with_held_back`` only.
    ``only_new`` leaves what was pending before the decision.
    """

    currency: str
    subscriptions: frozenset[str | None] | None = None
    with_held_back: bool = False
    only_new: bool = False

    def takes(self, item: "InvoiceItem") -> bool:
        """Whether it takes an item that a decision has made pending."""
        return self._fits(item["currency"], subscription_of_item(item))

    def takes_series(self, currency: str, subscription: str | None) -> bool:
        """Whether it takes the stored items of a currency and a subscription."""
        return not self.only_new and self._fits(currency, subscription)

    def _fits(self, currency: str, subscription: str | None) -> bool:
        return currency == self.currency and (
            self.subscriptions is None or subscription in self.subscriptions
        )


@dataclass(slots=True)
class PendingWrites:
    """What has to be stored of items and batches: ``puts`` in any case by the commit itself.

    ``named`` are new items, invisible before the commit has stored their batches.
    """

    puts: list[Document]
    named: "list[Document[InvoiceItem]]"


@dataclass(slots=True)
class PendingItems:
    """The pending items of one customer, as a decision finds and leaves them.

    ``added`` are those that this decision has made pending. Batches and items are read when they
    are asked for.
    """

    ctx: Context
    customer_id: str
    open_batches: list[OpenBatch]
    added: "dict[str, Document[InvoiceItem]]" = field(default_factory=dict)
    is_changed: bool = False
    _batches: dict[str, Document[PendingBatch]] = field(default_factory=dict)
    _written: dict[str, Document[PendingBatch]] = field(default_factory=dict)
    _placed: "dict[str, Document[InvoiceItem]]" = field(default_factory=dict)
    _drafts: set[str] = field(default_factory=set)

    @property
    def batches_written(self) -> int:
        """How many batches the decision writes so far."""
        return len(self._written)

    def ids(self) -> list[str]:
        """The ids of all that are stored, whatever their currency and subscription."""
        stored = self._load(entry["id"] for entry in self.open_batches)
        return [item_id for batch in stored for item_id in batch.body["items"]]

    def has(self, selection: Selection) -> bool:
        """Whether there is any item that ``selection`` takes."""
        added = (document.body for document in self.added.values())
        return any(True for _ in self._series(selection)) or any(map(selection.takes, added))

    def selected(self, selection: Selection) -> "list[Document[InvoiceItem]]":
        """The items that it takes, oldest first; of more batches than fit the oldest."""
        stored = self._load(entry["id"] for entry in self._series(selection))
        ids = [item_id for batch in stored for item_id in batch.body["items"]]
        found: dict[str, Document[InvoiceItem]] = self.ctx.store.get_many(ids)
        added = [item for item in self.added.values() if selection.takes(item.body)]
        return [found[id_] for id_ in ids if id_ in found and id_ not in self.added] + added

    def add(self, item: "Document[InvoiceItem]") -> None:
        """Make an item pending: a new one, or one that its invoice gives back."""
        self.added[item.id] = item
        self.is_changed = True

    def take(self, selection: Selection, invoice_id: str) -> "list[Document[InvoiceItem]]":
        """Bill the selected items on a new invoice, oldest first, as billed.

        Those that this decision has made pending stand on a batch of the invoice from the start.
        """
        taken = self.selected(selection)
        ids = {entry["id"] for entry in self._series(selection)}
        for batch in self._load(ids):
            self._write(batch, batch.body | {"invoice": invoice_id})
        self.open_batches = [entry for entry in self.open_batches if entry["id"] not in ids]
        fresh = [item for item in taken if self.added.pop(item.id, None)]
        for group in batched(fresh, pending_batches.MOST_ITEMS, strict=False):
            batch_id = new_object_id(pending_batches.KIND)
            batch = self._new_batch(group[0].body, batch_id, invoice_id)
            for item in group:
                self._place(item, batch.id)
        return [replace(item, body=item.body | {"invoice": invoice_id}) for item in taken]

    def take_one(self, item: "Document[InvoiceItem]", invoice_id: str) -> "Document[InvoiceItem]":
        """Put one item, pending or new, onto a draft; as billed.

        Refused if too many were put onto it one by one.
        """
        self.added.pop(item.id, None)
        billed = replace(item, body=item.body | {"invoice": invoice_id})
        self._place(billed, self._batch_of_draft(invoice_id, item.body))
        return billed

    def drop(self, items: "Iterable[Document[InvoiceItem]]") -> None:
        """Take items off their batches for good: one write for each batch."""
        gone = {item.id for item in items}
        for batch in self._load({batch_of(item.body) or "" for item in items}):
            self._reduce(batch, [id_ for id_ in batch.body["items"] if id_ not in gone])

    def delete_with_draft(self, items: "Iterable[Document[InvoiceItem]]") -> None:
        """Delete all items of a draft: its batches say so."""
        for batch in self._load({batch_of(item.body) or "" for item in items}):
            self._write(batch, batch.body | {"deleted": True})

    def hold_back(self, selection: Selection, *, until_dropped: bool) -> None:
        """Keep the selected batches off invoices, or no more; the rest of them is being dropped."""
        self.open_batches = [
            _held_back(entry, until_dropped) if _is_in(selection, entry) else entry
            for entry in self.open_batches
        ]

    def touch(self, item: "Document[InvoiceItem]") -> None:
        """Make a bill of an item fail, so that it sees the change.

        One that may have become much longer looks for a batch with room again.
        """
        if text_bytes(item.body) > _USUAL_BYTES:
            self.leave(item)
            self.add(_without_batch(item))
            return
        for batch in self._load([batch_of(item.body) or ""]):
            self._write(batch, batch.body)

    def count_anew(self, figures: "Mapping[str, dict[str, InvoiceItemChanges]]") -> None:
        """Let batches know what their usage items bill, by batch and item, once it was counted."""
        for batch in self._load(figures):
            counted = batch.body["figures"] | figures[batch.id]
            self._write(batch, batch.body | {"figures": counted})

    def figure_as_stored(self, item: "Document[InvoiceItem]") -> None:
        """Let an item's own document say again what it bills: it is stored with what it is now."""
        for batch in self._load([batch_of(item.body) or ""]):
            if item.id in batch.body["figures"]:
                kept = {id_: own for id_, own in batch.body["figures"].items() if id_ != item.id}
                self._write(batch, batch.body | {"figures": kept})

    def leave(self, item: "Document[InvoiceItem]") -> None:
        """Take an item off its batch, if it is on one."""
        for batch in self._load([batch_of(item.body) or ""]):
            self._reduce(batch, [id_ for id_ in batch.body["items"] if id_ != item.id])

    def writes(self) -> PendingWrites:
        """Put what is still pending onto batches; what is to be stored of all of them."""
        self._reopen()
        for item in self.added.values():
            self._place(item, self._with_room(item.body))
        placed = self._placed.values()
        return PendingWrites(
            puts=[*(item for item in placed if item.version), *self._written.values()],
            named=[item for item in placed if not item.version],
        )

    def with_open_batches(self, customer: "Customer") -> "Customer":
        """The customer, whose private state says which batches are open."""
        state = CustomerState.of(customer)
        if self.open_batches == (state.tabs or []):
            return customer
        return replace(state, tabs=self.open_batches).on(customer)

    def _reopen(self) -> None:
        """Reopen batches whose items an invoice gives back all together, if they may be open."""
        for batch in self._load({batch_of(item.body) or "" for item in self.added.values()}):
            series = _series_of(batch.body["currency"], batch.body["subscription"])
            items = [self.added.get(item_id) for item_id in batch.body["items"]]
            is_whole = all(item is not None and series.takes(item.body) for item in items)
            if is_whole and len(list(self._all_of(series))) < MOST_BATCHES:
                for item_id in batch.body["items"]:
                    del self.added[item_id]
                self._write(batch, batch.body | {"invoice": None})
                self.open_batches = [*self.open_batches, _entry(batch)]

    def _with_room(self, item: "InvoiceItem") -> str:
        """A batch of an item's series: the last, or another with room, or a new one; its id."""
        series = _series_of(item["currency"], subscription_of_item(item))
        its_batches = [entry["id"] for entry in self._all_of(series)]
        is_full = len(its_batches) >= MOST_BATCHES
        for batch in self._load(its_batches if is_full else its_batches[-1:]):
            if _has_room(batch):
                return batch.id
        if is_full:
            raise BillingError(
                f"The customer would have more than {_items_on(MOST_BATCHES)} pending invoice"
                f" items, or more than {_megabytes_on(MOST_BATCHES)} MB of them."
                " Invoice them first.",
                param="customer",
            )
        if len(self.open_batches) >= MOST_OPEN_BATCHES:
            raise BillingError(
                f"The customer would have pending invoice items of more than {MOST_OPEN_BATCHES}"
                " subscriptions and currencies. Invoice some of them first, with"
                " pending_invoice_items_behavior=include.",
                param="customer",
            )
        batch = self._new_batch(item, new_object_id(pending_batches.KIND))
        self.open_batches = [*self.open_batches, _entry(batch)]
        return batch.id

    def _batch_of_draft(self, invoice_id: str, item: "InvoiceItem") -> str:
        """A batch with room for an item that is put onto a draft by itself; its id.

        One whose items the draft gave back is not the draft's any more.
        """
        full = 0
        for batch_id in self._places_on(invoice_id):
            if batch_id not in self._batches:
                return self._new_batch(item, batch_id, invoice_id).id
            batch = self._batches[batch_id]
            if batch.body["invoice"] != invoice_id:
                continue
            if _has_room(batch):
                return batch_id
            full += 1
            if full == MOST_DRAFT_BATCHES:
                break
        raise BillingError(
            f"At most {_items_on(MOST_DRAFT_BATCHES)} items, or"
            f" {_megabytes_on(MOST_DRAFT_BATCHES)} MB of them, can be put onto a draft"
            " one by one. Finalize it, and put the rest onto another.",
            param="invoice",
        )

    def _places_on(self, invoice_id: str) -> Iterator[str]:
        """The ids that batches of a draft can have, in their order; those that are there are read.

        What this decision has read once it does not read again.
        """
        for places in batched(count(), MOST_DRAFT_BATCHES, strict=False):
            ids = [derived_object_id(pending_batches.KIND, invoice_id, place) for place in places]
            if ids[0] not in self._drafts:
                self._load(ids)
                self._drafts.add(ids[0])
            yield from ids

    def _place(self, item: "Document[InvoiceItem]", batch_id: str) -> None:
        """Put an item onto a batch, off the one that it was on."""
        self.leave(item)
        batch = self._batches[batch_id]
        size = _bytes_on(batch) + text_bytes(item.body)
        items = [*batch.body["items"], item.id]
        self._write(batch, batch.body | {"items": items, "bytes": size})
        state = replace(InvoiceItemState.of(item.body), tab=batch_id)
        self._placed[item.id] = replace(item, body=state.on(item.body))

    def _reduce(self, batch: Document[PendingBatch], item_ids: list[str]) -> None:
        """Leave only these items on a batch; one that is empty is not open any more."""
        size = _bytes_on(batch) if item_ids else 0
        self._write(batch, batch.body | {"items": item_ids, "bytes": size})
        if not item_ids:
            self.open_batches = [entry for entry in self.open_batches if entry["id"] != batch.id]
        self.is_changed = True

    def _new_batch(
        self, item: "InvoiceItem", batch_id: str, invoice_id: str | None = None
    ) -> Document[PendingBatch]:
        body: PendingBatch = {
            "id": batch_id,
            "bytes": 0,
            "currency": item["currency"],
            "customer": self.customer_id,
            "figures": {},
            "invoice": invoice_id,
            "items": [],
            "subscription": subscription_of_item(item),
        }
        livemode = self.ctx.livemode
        batch = Document(
            kind=pending_batches.KIND, livemode=livemode, body=body, parent=self.customer_id
        )
        self._batches[batch.id] = batch
        return batch

    def _series(self, selection: Selection) -> Iterator[OpenBatch]:
        """The open batches that an invoice takes, oldest first."""
        all_open = (entry for entry in self._all_of(selection) if _may_take(selection, entry))
        return islice(all_open, MOST_TAKEN)

    def _all_of(self, selection: Selection) -> Iterator[OpenBatch]:
        return (entry for entry in self.open_batches if _is_in(selection, entry))

    def _load(self, batch_ids: Iterable[str]) -> list[Document[PendingBatch]]:
        """The batches with these ids, as this decision has them so far."""
        ids = [id_ for id_ in batch_ids if id_]
        missing = [id_ for id_ in ids if id_ not in self._batches]
        if missing:
            self._batches |= self.ctx.store.get_many(missing)
        return [self._batches[id_] for id_ in ids if id_ in self._batches]

    def _write(self, batch: Document[PendingBatch], body: PendingBatch) -> None:
        written = replace(batch, body=body)
        self._batches[batch.id] = self._written[batch.id] = written


def pending_items(ctx: Context, customer: "Document[Customer]") -> PendingItems:
    """What is pending for a customer."""
    return PendingItems(ctx, customer.id, list(CustomerState.of(customer.body).tabs or ()))


def with_batches_only(customer: "Customer") -> dict[str, object]:
    """Of a customer's private state what ended subscriptions need to drop what still waits."""
    nothing: dict[str, object] = {}
    return CustomerState(tabs=CustomerState.of(customer).tabs or None).on(nothing)


def subscription_of_item(item: "InvoiceItem") -> str | None:
    """The id of the subscription that an invoice item belongs to."""
    origin = origin_of_item(item)
    return None if origin is None else origin["subscription"]


def origin_of_item(item: "InvoiceItem") -> "InvoiceItemParentSubscriptionDetails | None":
    """The subscription that an invoice item comes from, and its item; None for a plain one.

    The credit of a cancelled subscription does not show them: private state has them.
    """
    parent = InvoiceItemState.of(item).parent or item["parent"]
    return None if parent is None else parent["subscription_details"]


def _without_batch(item: "Document[InvoiceItem]") -> "Document[InvoiceItem]":
    return replace(item, body=replace(InvoiceItemState.of(item.body), tab=None).on(item.body))


def _has_room(batch: Document[PendingBatch]) -> bool:
    has_place = len(batch.body["items"]) < pending_batches.MOST_ITEMS
    return has_place and _bytes_on(batch) < pending_batches.MOST_BYTES


def _items_on(batches: int) -> int:
    return batches * pending_batches.MOST_ITEMS


def _megabytes_on(batches: int) -> int:
    return batches * pending_batches.MOST_BYTES // 1_000_000


def _bytes_on(batch: Document[PendingBatch]) -> int:
    """The JSON of all items that were put onto a batch, also of those that left it again."""
    return batch.body.get("bytes", 0)


def _series_of(currency: str, subscription: str | None) -> Selection:
    return Selection(currency, frozenset({subscription}))


def _entry(batch: Document[PendingBatch]) -> OpenBatch:
    return _open_batch(batch.id, batch.body["currency"], batch.body["subscription"])


def _open_batch(batch_id: str, currency: str, subscription: str | None) -> OpenBatch:
    return {"id": batch_id, "currency": currency, "subscription": subscription}


def _held_back(entry: OpenBatch, is_held: bool) -> OpenBatch:  # noqa: FBT001 - the value itself
    free = _open_batch(entry["id"], entry["currency"], entry["subscription"])
    return {**free, "held_back": True} if is_held else free


def _may_take(selection: Selection, entry: OpenBatch) -> bool:
    return selection.with_held_back or not entry.get("held_back")


def _is_in(selection: Selection, batch: OpenBatch) -> bool:
    return selection.takes_series(batch["currency"], batch["subscription"])
