"""A customer's pending invoice items: those that no invoice has taken yet.

They stand on batches (``store.batches``), one series of batches for each subscription (or none) and
currency. Which batches are open is private state of the customer, which every bill is conditional
on; adding, changing or removing an item writes its batch. So a bill can neither miss an item
nor take one twice, and takes any number of items by one write for each batch. Items that go onto a
draft one by one stand on batches of that draft.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import batched, islice

from meterline.core.base.errors import BillingError
from meterline.core.billing import pending_batches
from meterline.core.billing.pending_batches import batch_of
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id, new_object_id
from meterline.services.billing.private_states import InvoiceItemState
from meterline.services.customers.customer_state import CustomerState, OpenBatch
from meterline.store.base.documents import Body, Document
from meterline.store.base.packing import text_bytes

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

    def takes(self, item: Body) -> bool:
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
    named: list[Document]


@dataclass(slots=True)
class PendingItems:
    """The pending items of one customer, as a decision finds and leaves them.

    ``added`` are those that this decision has made pending. Batches and items are read when they
    are asked for.
    """

    ctx: Context
    customer_id: str
    open_batches: list[OpenBatch]
    added: dict[str, Document] = field(default_factory=dict)
    is_changed: bool = False
    _batches: dict[str, Document] = field(default_factory=dict)
    _written: dict[str, Document] = field(default_factory=dict)
    _placed: dict[str, Document] = field(default_factory=dict)
    _drafts: set[str] = field(default_factory=set)

    @property
    def batches_written(self) -> int:
        """How many batches the decision writes so far."""
        return len(self._written)

    def ids(self) -> list[str]:
        """The ids of all that are stored, whatever their currency and subscription."""
        stored = self._load(entry["id"] for entry in self.open_batches)
        return [item_id for batch in stored for item_id in batch.body["items"]]

    def has(self, wanted: Selection) -> bool:
        """Whether there is any item that ``wanted`` takes."""
        added = (document.body for document in self.added.values())
        return any(True for _ in self._series(wanted)) or any(map(wanted.takes, added))

    def selected(self, wanted: Selection) -> list[Document]:
        """The items that ``wanted`` takes, oldest first; of more batches than fit those first."""
        stored = self._load(entry["id"] for entry in self._series(wanted))
        ids = [item_id for batch in stored for item_id in batch.body["items"]]
        found = self.ctx.store.get_many(ids)
        added = [one for one in self.added.values() if wanted.takes(one.body)]
        return [found[id_] for id_ in ids if id_ in found and id_ not in self.added] + added

    def add(self, item: Document) -> None:
        """Make an item pending: a new one, or one that its invoice gives back."""
        self.added[item.id] = item
        self.is_changed = True

    def take(self, wanted: Selection, invoice_id: str) -> list[Document]:
        """Bill the wanted items on a new invoice, oldest first, as billed.

        Those that this decision has made pending stand on a batch of the invoice from the start.
        """
        taken = self.selected(wanted)
        ids = {entry["id"] for entry in self._series(wanted)}
        for batch in self._load(ids):
            self._write(batch, {"invoice": invoice_id})
        self.open_batches = [entry for entry in self.open_batches if entry["id"] not in ids]
        fresh = [item for item in taken if self.added.pop(item.id, None)]
        for group in batched(fresh, pending_batches.MOST_ITEMS, strict=False):
            batch_id = new_object_id(pending_batches.KIND)
            batch = self._new_batch(group[0].body, batch_id, invoice_id)
            for item in group:
                self._place(item, batch.id)
        return [replace(one, body=one.body | {"invoice": invoice_id}) for one in taken]

    def take_one(self, item: Document, invoice_id: str) -> Document:
        """Put one item, pending or new, onto a draft; as billed.

        Refused if too many were put onto it one by one.
        """
        self.added.pop(item.id, None)
        billed = replace(item, body=item.body | {"invoice": invoice_id})
        self._place(billed, self._batch_of_draft(invoice_id, item.body))
        return billed

    def drop(self, items: Iterable[Document]) -> None:
        """Take items off their batches for good: one write for each batch."""
        gone = {item.id for item in items}
        for batch in self._load({batch_of(item.body) or "" for item in items}):
            self._keep(batch, [one for one in batch.body["items"] if one not in gone])

    def delete_with_draft(self, items: Iterable[Document]) -> None:
        """Delete all items of a draft: its batches say so."""
        for batch in self._load({batch_of(item.body) or "" for item in items}):
            self._write(batch, {"deleted": True})

    def hold_back(self, wanted: Selection, *, until_dropped: bool) -> None:
        """Keep the wanted batches off invoices, or no more; the rest of them is being dropped."""
        self.open_batches = [
            _held_back(entry, until_dropped) if _is_in(wanted, entry) else entry
            for entry in self.open_batches
        ]

    def touch(self, item: Document) -> None:
        """Make a bill of an item fail, so that it sees the change.

        One that may have become much longer looks for a batch with room again.
        """
        if text_bytes(item.body) > _USUAL_BYTES:
            self.leave(item)
            self.add(_without_batch(item))
            return
        for batch in self._load([batch_of(item.body) or ""]):
            self._write(batch, {})

    def count_anew(self, figures: Mapping[str, Mapping[str, Body]]) -> None:
        """Let batches know what their usage items bill, by batch and item, once it was counted."""
        for batch in self._load(figures):
            self._write(batch, {"figures": batch.body["figures"] | figures[batch.id]})

    def leave(self, item: Document) -> None:
        """Take an item off its batch, if it is on one."""
        for batch in self._load([batch_of(item.body) or ""]):
            self._keep(batch, [one for one in batch.body["items"] if one != item.id])

    def writes(self) -> PendingWrites:
        """Put what is still pending onto batches; what is to be stored of all of them."""
        self._reopen()
        for item in self.added.values():
            self._place(item, self._with_room(item.body))
        placed = self._placed.values()
        return PendingWrites(
            puts=[*(one for one in placed if one.version), *self._written.values()],
            named=[one for one in placed if not one.version],
        )

    def with_open_batches(self, account: Body) -> Body:
        """The customer, whose private state says which batches are open."""
        state = CustomerState.of(account)
        if self.open_batches == (state.tabs or []):
            return account
        return replace(state, tabs=self.open_batches).on(account)

    def _reopen(self) -> None:
        """Reopen batches whose items an invoice gives back all together, if they may be open."""
        for batch in self._load({batch_of(item.body) or "" for item in self.added.values()}):
            series = _series_of(batch.body["currency"], batch.body["subscription"])
            items = [self.added.get(one) for one in batch.body["items"]]
            is_whole = all(one is not None and series.takes(one.body) for one in items)
            if is_whole and len(list(self._all_of(series))) < MOST_BATCHES:
                for one in batch.body["items"]:
                    del self.added[one]
                self._write(batch, {"invoice": None})
                self.open_batches = [*self.open_batches, _entry(batch)]

    def _with_room(self, item: Body) -> str:
        """A batch of an item's series: the last, or another with room, or a new one; its id."""
        series = _series_of(item["currency"], subscription_of_item(item))
        its_batches = [one["id"] for one in self._all_of(series)]
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

    def _batch_of_draft(self, invoice_id: str, item: Body) -> str:
        """A batch with room for an item that is put onto a draft by itself; its id."""
        ids = [
            derived_object_id(pending_batches.KIND, invoice_id, place)
            for place in range(MOST_DRAFT_BATCHES)
        ]
        if invoice_id not in self._drafts:
            self._load(ids)
            self._drafts.add(invoice_id)
        for batch_id in ids:
            if batch_id not in self._batches:
                return self._new_batch(item, batch_id, invoice_id).id
            if _has_room(self._batches[batch_id]):
                return batch_id
        raise BillingError(
            f"At most {_items_on(MOST_DRAFT_BATCHES)} items, or"
            f" {_megabytes_on(MOST_DRAFT_BATCHES)} MB of them, can be put onto a draft"
            " one by one. Finalize it, and put the rest onto another.",
            param="invoice",
        )

    def _place(self, item: Document, batch_id: str) -> None:
        """Put an item onto a batch, off the one that it was on."""
        self.leave(item)
        batch = self._batches[batch_id]
        size = _bytes_on(batch) + text_bytes(item.body)
        self._write(batch, {"items": [*batch.body["items"], item.id], "bytes": size})
        state = replace(InvoiceItemState.of(item.body), tab=batch_id)
        self._placed[item.id] = replace(item, body=state.on(item.body))

    def _keep(self, batch: Document, item_ids: list[str]) -> None:
        """Leave only these items on a batch; one that is empty is not open any more."""
        self._write(batch, {"items": item_ids, "bytes": _bytes_on(batch) if item_ids else 0})
        if not item_ids:
            self.open_batches = [entry for entry in self.open_batches if entry["id"] != batch.id]
        self.is_changed = True

    def _new_batch(self, item: Body, batch_id: str, invoice_id: str | None = None) -> Document:
        body = {
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

    def _series(self, wanted: Selection) -> Iterator[OpenBatch]:
        """The open batches that an invoice takes, oldest first."""
        all_open = (one for one in self._all_of(wanted) if _may_take(wanted, one))
        return islice(all_open, MOST_TAKEN)

    def _all_of(self, wanted: Selection) -> Iterator[OpenBatch]:
        return (entry for entry in self.open_batches if _is_in(wanted, entry))

    def _load(self, batch_ids: Iterable[str]) -> list[Document]:
        """The batches with these ids, as this decision has them so far."""
        wanted = [id_ for id_ in batch_ids if id_]
        missing = [one for one in wanted if one not in self._batches]
        if missing:
            self._batches |= self.ctx.store.get_many(missing)
        return [self._batches[one] for one in wanted if one in self._batches]

    def _write(self, batch: Document, changes: Body) -> None:
        written = replace(batch, body=batch.body | changes)
        self._batches[batch.id] = self._written[batch.id] = written


def pending_items(ctx: Context, customer: Document) -> PendingItems:
    """What is pending for a customer."""
    return PendingItems(ctx, customer.id, list(CustomerState.of(customer.body).tabs or ()))


def with_batches_only(customer: Body) -> Body:
    """Of a customer's private state what ended subscriptions need to drop what still waits."""
    return CustomerState(tabs=CustomerState.of(customer).tabs or None).on({})


def subscription_of_item(item: Body) -> str | None:
    """The id of the subscription that an invoice item belongs to."""
    return origin_of_item(item).get("subscription")


def origin_of_item(item: Body) -> Body:
    """The subscription that an invoice item comes from, and its item; nothing for a plain one.

    The credit of a cancelled subscription does not show them: private state has them.
    """
    parent: Body = InvoiceItemState.of(item).parent or item["parent"] or {}
    details: Body = parent.get("subscription_details") or {}
    return details


def _without_batch(item: Document) -> Document:
    return replace(item, body=replace(InvoiceItemState.of(item.body), tab=None).on(item.body))


def _has_room(batch: Document) -> bool:
    has_place = len(batch.body["items"]) < pending_batches.MOST_ITEMS
    return has_place and _bytes_on(batch) < pending_batches.MOST_BYTES


def _items_on(batches: int) -> int:
    return batches * pending_batches.MOST_ITEMS


def _megabytes_on(batches: int) -> int:
    return batches * pending_batches.MOST_BYTES // 1_000_000


def _bytes_on(batch: Document) -> int:
    """The JSON of all items that were put onto a batch, also of those that left it again."""
    return int(batch.body.get("bytes", 0))


def _series_of(currency: str, subscription: str | None) -> Selection:
    return Selection(currency, frozenset({subscription}))


def _entry(batch: Document) -> OpenBatch:
    return _open_batch(batch.id, batch.body["currency"], batch.body["subscription"])


def _open_batch(batch_id: str, currency: str, subscription: str | None) -> OpenBatch:
    return {"id": batch_id, "currency": currency, "subscription": subscription}


def _held_back(entry: OpenBatch, is_held: bool) -> OpenBatch:  # noqa: FBT001 - the value itself
    free = _open_batch(entry["id"], entry["currency"], entry["subscription"])
    return {**free, "held_back": True} if is_held else free


def _may_take(wanted: Selection, entry: OpenBatch) -> bool:
    return wanted.with_held_back or not entry.get("held_back")


def _is_in(wanted: Selection, batch: OpenBatch) -> bool:
    return wanted.takes_series(batch["currency"], batch["subscription"])
