"""A customer's pending invoice items: those that no invoice has taken yet.

They stand on batches (``item_batches``), which every bill is conditional on: adding, changing or
removing an item writes its batch. So a bill can neither miss an item nor take one twice, and takes
any number of items by one write for each batch. Items that go onto a draft one by one stand on
batches of that draft.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import batched, islice
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.billing import pending_batches
from meterline.core.billing.pending_batches import batch_of
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.billing.item_batches import (
    ItemBatches,
    batches_of,
    held_back,
    is_whole,
    series_of,
)
from meterline.services.billing.private_states import InvoiceItemState
from meterline.services.customers.customer_state import CustomerState, OpenBatch
from meterline.store.base.documents import Document
from meterline.store.base.packing import text_bytes

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, InvoiceItem, InvoiceItemChanges

MOST_TAKEN = 60
"""Batches that one invoice takes; only one by hand, of all subscriptions, can find more."""

_USUAL_BYTES = 3_000


@frozen
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
        return self._fits(*series_of(item))

    def names(self, entry: OpenBatch) -> bool:
        """Whether an open batch is of those whose stored items it is about."""
        return not self.only_new and self._fits(entry["currency"], entry["subscription"])

    def takes_batch(self, entry: OpenBatch) -> bool:
        """Whether it takes the stored items of an open batch."""
        return self.names(entry) and (self.with_held_back or not entry.get("held_back"))

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

    batches: ItemBatches
    added: "dict[str, Document[InvoiceItem]]" = field(default_factory=dict)
    is_changed: bool = False
    _placed: "dict[str, Document[InvoiceItem]]" = field(default_factory=dict)

    @property
    def batches_written(self) -> int:
        """How many batches the decision writes so far."""
        return len(self.batches.written)

    def ids(self) -> list[str]:
        """The ids of all that are stored, whatever their currency and subscription."""
        return self._ids_on(self.batches.open)

    def has(self, selection: Selection) -> bool:
        """Whether there is any item that ``selection`` takes."""
        added = (document.body for document in self.added.values())
        return any(True for _ in self._taken(selection)) or any(map(selection.takes, added))

    def selected(self, selection: Selection) -> "list[Document[InvoiceItem]]":
        """The items that it takes, oldest first; of more batches than fit the oldest."""
        ids = self._ids_on(self._taken(selection))
        found: dict[str, Document[InvoiceItem]] = self.batches.ctx.store.get_many(ids)
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
        batch_ids = {entry["id"] for entry in self._taken(selection)}
        for batch in self.batches.load(batch_ids):
            self.batches.write(batch, batch.body | {"invoice": invoice_id})
        self.batches.close(batch_ids)
        fresh = [item for item in taken if self.added.pop(item.id, None)]
        for group in batched(fresh, pending_batches.MOST_ITEMS, strict=False):
            batch_id = new_object_id(pending_batches.KIND)
            batch = self.batches.new(group[0].body, batch_id, invoice_id)
            for item in group:
                self._place(item, batch.id)
        return [replace(item, body=item.body | {"invoice": invoice_id}) for item in taken]

    def take_one(self, item: "Document[InvoiceItem]", invoice_id: str) -> "Document[InvoiceItem]":
        """Put one item, pending or new, onto a draft; as billed.

        Refused if too many were put onto it one by one.
        """
        self.added.pop(item.id, None)
        billed = replace(item, body=item.body | {"invoice": invoice_id})
        self._place(billed, self.batches.of_draft(invoice_id, item.body))
        return billed

    def drop(self, items: "Iterable[Document[InvoiceItem]]") -> None:
        """Take items off their batches for good: one write for each batch."""
        self._take_off({batch_of(item.body) for item in items}, {item.id for item in items})

    def delete_with_draft(self, items: "Iterable[Document[InvoiceItem]]") -> None:
        """Delete all items of a draft: its batches say so."""
        for batch in self.batches.load({batch_of(item.body) for item in items}):
            self.batches.write(batch, batch.body | {"deleted": True})

    def hold_back(self, selection: Selection, *, until_dropped: bool) -> None:
        """Keep the selected batches off invoices, or no more; the rest of them is being dropped."""
        self.batches.open = [
            held_back(entry, until_dropped) if selection.names(entry) else entry
            for entry in self.batches.open
        ]

    def touch(self, item: "Document[InvoiceItem]") -> None:
        """Make a bill of an item fail, so that it sees the change.

        One that may have become much longer looks for a batch with room again.
        """
        if text_bytes(item.body) > _USUAL_BYTES:
            self.leave(item)
            self.add(_without_batch(item))
            return
        for batch in self.batches.load([batch_of(item.body)]):
            self.batches.write(batch, batch.body)

    def count_anew(self, figures: "Mapping[str, dict[str, InvoiceItemChanges]]") -> None:
        """Let batches know what their usage items bill, by batch and item, once it was counted."""
        for batch in self.batches.load(figures):
            counted = batch.body["figures"] | figures[batch.id]
            self.batches.write(batch, batch.body | {"figures": counted})

    def figure_as_stored(self, item: "Document[InvoiceItem]") -> None:
        """Let an item's own document say again what it bills: it is stored with what it is now."""
        for batch in self.batches.load([batch_of(item.body)]):
            if item.id in batch.body["figures"]:
                kept = {id_: own for id_, own in batch.body["figures"].items() if id_ != item.id}
                self.batches.write(batch, batch.body | {"figures": kept})

    def leave(self, item: "Document[InvoiceItem]") -> None:
        """Take an item off its batch, if it is on one."""
        self._take_off([batch_of(item.body)], {item.id})

    def writes(self) -> PendingWrites:
        """Put what is still pending onto batches; what is to be stored of all of them."""
        self._reopen()
        for item in self.added.values():
            self._place(item, self.batches.with_room(item.body))
        placed = self._placed.values()
        return PendingWrites(
            puts=[*(item for item in placed if item.version), *self.batches.written.values()],
            named=[item for item in placed if not item.version],
        )

    def with_open_batches(self, customer: "Customer") -> "Customer":
        """The customer, whose private state says which batches are open."""
        state = CustomerState.of(customer)
        if self.batches.open == (state.tabs or []):
            return customer
        return replace(state, tabs=self.batches.open).on(customer)

    def _reopen(self) -> None:
        """Reopen batches whose items an invoice gives back all together, if they may be open."""
        for batch in self.batches.load({batch_of(item.body) for item in self.added.values()}):
            items = [self.added.get(item_id) for item_id in batch.body["items"]]
            bodies = [None if item is None else item.body for item in items]
            if is_whole(batch, bodies) and self.batches.reopen(batch):
                for item_id in batch.body["items"]:
                    del self.added[item_id]

    def _place(self, item: "Document[InvoiceItem]", batch_id: str) -> None:
        """Put an item onto a batch, off the one that it was on."""
        self.leave(item)
        self.batches.put(item, batch_id)
        state = replace(InvoiceItemState.of(item.body), tab=batch_id)
        self._placed[item.id] = replace(item, body=state.on(item.body))

    def _take_off(self, batch_ids: Iterable[str | None], gone: set[str]) -> None:
        for batch in self.batches.load(batch_ids):
            self.batches.reduce(batch, [id_ for id_ in batch.body["items"] if id_ not in gone])
            self.is_changed = True

    def _taken(self, selection: Selection) -> Iterator[OpenBatch]:
        """The open batches that an invoice takes, oldest first."""
        return islice(filter(selection.takes_batch, self.batches.open), MOST_TAKEN)

    def _ids_on(self, entries: Iterable[OpenBatch]) -> list[str]:
        stored = self.batches.load([entry["id"] for entry in entries])
        return [item_id for batch in stored for item_id in batch.body["items"]]


def pending_items(ctx: Context, customer: "Document[Customer]") -> PendingItems:
    """What is pending for a customer."""
    return PendingItems(batches_of(ctx, customer))


def _without_batch(item: "Document[InvoiceItem]") -> "Document[InvoiceItem]":
    return replace(item, body=replace(InvoiceItemState.of(item.body), tab=None).on(item.body))
