"""The batches that a customer's invoice items stand on: which are open, and which have room.

There is one series of batches for each subscription (or none) and currency; private state of the
customer says which are open. Batches of a draft hold the items that were put onto it. Which items
an invoice takes is no matter of theirs (``pending_items``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import batched, count
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.billing import pending_batches
from meterline.core.billing.pending_batches import PendingBatch
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id, new_object_id
from meterline.services.billing.item_origins import subscription_of_item
from meterline.services.customers.customer_state import CustomerState, OpenBatch
from meterline.store.base.documents import Document
from meterline.store.base.packing import text_bytes

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, InvoiceItem

MOST_BATCHES = 20
"""Open batches of a customer for one subscription and currency: one transaction must take them all,
and those of no subscription, and have room for what else a bill writes."""

MOST_OPEN_BATCHES = 1_000
"""Open batches of a customer, whatever they are for: the customer's own document names them all."""

MOST_DRAFT_BATCHES = 10
"""Batches of the items that were put onto a draft one by one."""

type Series = tuple[str, str | None]
"""A currency, and the subscription, if any, whose items stand together."""


@dataclass(slots=True)
class ItemBatches:
    """The batches of one customer, as a decision finds and leaves them.

    ``open`` are those whose items are pending, oldest first. They are read when asked for.
    """

    ctx: Context
    customer_id: str
    open: list[OpenBatch]
    written: dict[str, Document[PendingBatch]] = field(default_factory=dict)
    _known: dict[str, Document[PendingBatch]] = field(default_factory=dict)
    _drafts: set[str] = field(default_factory=set)

    def load(self, batch_ids: Iterable[str | None]) -> list[Document[PendingBatch]]:
        """The batches with these ids, as this decision has them so far."""
        ids = [id_ for id_ in batch_ids if id_]
        missing = [id_ for id_ in ids if id_ not in self._known]
        if missing:
            self._known |= self.ctx.store.get_many(missing)
        return [self._known[id_] for id_ in ids if id_ in self._known]

    def write(self, batch: Document[PendingBatch], body: PendingBatch) -> None:
        """Store a batch with the decision, as ``body`` says."""
        written = replace(batch, body=body)
        self._known[batch.id] = self.written[batch.id] = written

    def new(
        self, item: "InvoiceItem", batch_id: str, invoice_id: str | None = None
    ) -> Document[PendingBatch]:
        """An empty batch of an item's series, on an invoice or open to be."""
        currency, subscription = series_of(item)
        body: PendingBatch = {
            "id": batch_id,
            "bytes": 0,
            "currency": currency,
            "customer": self.customer_id,
            "figures": {},
            "invoice": invoice_id,
            "items": [],
            "subscription": subscription,
        }
        livemode = self.ctx.livemode
        batch = Document(
            kind=pending_batches.KIND, livemode=livemode, body=body, parent=self.customer_id
        )
        self._known[batch.id] = batch
        return batch

    def put(self, item: "Document[InvoiceItem]", batch_id: str) -> None:
        """Put an item onto a batch that was loaded or made."""
        batch = self._known[batch_id]
        size = _bytes_on(batch) + text_bytes(item.body)
        self.write(batch, batch.body | {"items": [*batch.body["items"], item.id], "bytes": size})

    def reduce(self, batch: Document[PendingBatch], item_ids: list[str]) -> None:
        """Leave only these items on a batch; one that is empty is not open any more."""
        size = _bytes_on(batch) if item_ids else 0
        self.write(batch, batch.body | {"items": item_ids, "bytes": size})
        if not item_ids:
            self.close({batch.id})

    def close(self, batch_ids: set[str]) -> None:
        """Take batches off those that are open."""
        self.open = [entry for entry in self.open if entry["id"] not in batch_ids]

    def reopen(self, batch: Document[PendingBatch]) -> bool:
        """Open a batch of an invoice again, with all its items; False if its series is full."""
        if len(self._of_series(_series_on(batch))) >= MOST_BATCHES:
            return False
        self.write(batch, batch.body | {"invoice": None})
        self.open = [*self.open, _entry(batch)]
        return True

    def with_room(self, item: "InvoiceItem") -> str:
        """A batch of an item's series: the last, or another with room, or a new one; its id."""
        its_batches = [entry["id"] for entry in self._of_series(series_of(item))]
        is_full = len(its_batches) >= MOST_BATCHES
        for batch in self.load(its_batches if is_full else its_batches[-1:]):
            if _has_room(batch):
                return batch.id
        if is_full:
            raise BillingError(
                f"The customer would have more than {_items_on(MOST_BATCHES)} pending invoice"
                f" items, or more than {_megabytes_on(MOST_BATCHES)} MB of them."
                " Invoice them first.",
                param="customer",
            )
        if len(self.open) >= MOST_OPEN_BATCHES:
            raise BillingError(
                f"The customer would have pending invoice items of more than {MOST_OPEN_BATCHES}"
                " subscriptions and currencies. Invoice some of them first, with"
                " pending_invoice_items_behavior=include.",
                param="customer",
            )
        batch = self.new(item, new_object_id(pending_batches.KIND))
        self.open = [*self.open, _entry(batch)]
        return batch.id

    def of_draft(self, invoice_id: str, item: "InvoiceItem") -> str:
        """A batch with room for an item that is put onto a draft by itself; its id.

        One whose items the draft gave back is not the draft's any more.
        """
        full = 0
        for batch_id in self._places_on(invoice_id):
            if batch_id not in self._known:
                return self.new(item, batch_id, invoice_id).id
            batch = self._known[batch_id]
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
                self.load(ids)
                self._drafts.add(ids[0])
            yield from ids

    def _of_series(self, series: Series) -> list[OpenBatch]:
        return [
            entry for entry in self.open if (entry["currency"], entry["subscription"]) == series
        ]


def batches_of(ctx: Context, customer: "Document[Customer]") -> ItemBatches:
    """The batches of a customer, of which its private state says what is open."""
    return ItemBatches(ctx, customer.id, list(CustomerState.of(customer.body).tabs or ()))


def series_of(item: "InvoiceItem") -> Series:
    """Of which series an item's batch is."""
    return item["currency"], subscription_of_item(item)


def held_back(entry: OpenBatch, is_held: bool) -> OpenBatch:  # noqa: FBT001 - the value itself
    """What names an open batch, kept off invoices or not."""
    free = _open_batch(entry["id"], entry["currency"], entry["subscription"])
    return {**free, "held_back": True} if is_held else free


def is_whole(batch: Document[PendingBatch], items: "Iterable[InvoiceItem | None]") -> bool:
    """Whether these, all items of a batch or None for one, still belong to its series."""
    series = _series_on(batch)
    return all(item is not None and series_of(item) == series for item in items)


def _series_on(batch: Document[PendingBatch]) -> Series:
    return batch.body["currency"], batch.body["subscription"]


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


def _entry(batch: Document[PendingBatch]) -> OpenBatch:
    return _open_batch(batch.id, *_series_on(batch))


def _open_batch(batch_id: str, currency: str, subscription: str | None) -> OpenBatch:
    return {"id": batch_id, "currency": currency, "subscription": subscription}
