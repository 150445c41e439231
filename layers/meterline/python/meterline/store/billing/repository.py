"""The repository of billing objects: reads by id, lists, what is due, and commits."""

import contextlib
import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from itertools import chain, islice
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.store.base import keys
from meterline.store.base.batches import Item
from meterline.store.base.documents import (
    LIVE,
    Change,
    ClaimTaken,
    Conflict,
    Document,
    LeaseLost,
    Oversized,
    Page,
    TooLong,
)
from meterline.store.base.failures import UNANSWERED, passes
from meterline.store.base.index_keys import listing_keys, shard_of_key
from meterline.store.base.keys import Cursor
from meterline.store.base.listing_notes import note_partition, note_partitions, placed
from meterline.store.base.models import (
    BillingItem,
    KeyRange,
    due,
    listed,
    listed_under_parent,
    read,
    read_beside,
    read_many,
    read_many_beside,
    sort_keys,
)
from meterline.store.billing import batches, boxes, named, parts, search_terms
from meterline.store.billing import commit as transactions
from meterline.store.billing.listing_directory import partitions_to_read
from meterline.store.events import partition_index

_BATCH_SIZE = 50
_PLACES_SIZE = 1_000
_READERS = 8
_MAX_READS = 5


@frozen
class Span:
    """Which part of a list to read: between two places (both exclusive), from newest or oldest."""

    newer_than: Cursor | None = None
    older_than: Cursor | None = None
    created_from: int = 0
    created_until: int = keys.END_OF_TIME
    oldest_first: bool = False


@frozen
class Source:
    """Where a list is read from: the whole of a kind, or what the first of these narrows it to.

    ``ids`` are objects that are known by id, ``terms`` search terms, ``parents`` the objects (or
    labels) that they stand under, ``facets`` the values that the record of a kind divides lists by.
    """

    ids: Collection[str] | None = None
    terms: Collection[str] | None = None
    parents: Collection[str] | None = None
    facets: Mapping[str, Collection[str]] = field(default_factory=dict)


EVERYTHING = Source()


@frozen
class BillingStore:
    """All billing objects of one mode; the other mode's are out of its reach.

    ``known`` is what was read ahead, for one decision: it is not read again. ``recalled`` is what
    a request has read and not written since: its answer shows that as it was read.
    """

    livemode: bool
    known: Mapping[str, Document | None] = field(default_factory=dict, repr=False, compare=False)
    recalled: dict[str, Document | None] | None = field(default=None, repr=False, compare=False)

    def reading_ahead(self, object_ids: Iterable[str]) -> "BillingStore":
        """A store that has read these objects, all in one request, for one decision.

        What the decision's commit must find unchanged goes into its ``checks``, as ever.
        """
        ids = list(object_ids)
        found = self.recall(ids)
        return replace(self, known={**self.known, **{id_: found.get(id_) for id_ in ids}})

    def get(self, object_id: str) -> Document | None:
        """The object with this id as last committed, or None; an invoice with all its lines."""
        if object_id in self.known:
            document = self.known[object_id]
            if document is None or not document.parts:  # what was read ahead has its first lines
                return document
        if not keys.can_be_stored(object_id):
            return None
        for _ in range(_MAX_READS):
            found = self._read_one(object_id)
            try:
                return None if found is None else parts.read_lines(found)
            except parts.PartsReplaced:
                continue  # a later version was committed between the two reads
        message = f"{object_id} was replaced each time that it was read"
        raise Conflict(message)

    def get_many(self, object_ids: Iterable[str]) -> dict[str, Document]:
        """The objects with these ids that exist, as last committed, by id, in the ids' order.

        As lists show them: an invoice that is too long for one item with its first lines only.
        """
        ids = list(dict.fromkeys(object_ids))
        unknown = [id_ for id_ in ids if id_ not in self.known and keys.can_be_stored(id_)]
        found = {id_: self.known[id_] for id_ in ids if id_ in self.known}
        if unknown:
            stored = boxes.taken_out(unknown, self._stored)
            found |= batches.as_batched(stored, self.get_many)
        # DynamoDB gives the items of a batch in any order.
        ordered = ((id_, found.get(id_)) for id_ in ids)
        return {id_: document for id_, document in ordered if document is not None}

    def recall(self, object_ids: Iterable[str]) -> dict[str, Document]:
        """The same; what the request has read before, and not written since, as it was read."""
        if self.recalled is None:
            return self.get_many(object_ids)
        ids = list(dict.fromkeys(object_ids))
        if unread := [id_ for id_ in ids if id_ not in self.recalled]:
            found = self.get_many(unread)
            self.recalled.update({id_: found.get(id_) for id_ in unread})
        read_before = ((id_, self.recalled[id_]) for id_ in ids)
        return {id_: document for id_, document in read_before if document is not None}

    def get_beside(
        self, object_id: str, table: str, places: Sequence[Item]
    ) -> tuple[Document | None, list[Item]]:
        """An object without a long list, and the items of another table that exist: one request."""
        if not keys.can_be_stored(object_id):
            return None, []
        address = keys.object_key(self.livemode, object_id), "#"
        item, beside = read_beside(address, table, places)
        return None if item is None else self._document(item), beside

    def get_many_beside(
        self, object_ids: Iterable[str], place: tuple[str, str]
    ) -> tuple[dict[str, Document], Item]:
        """The objects with these ids that exist, which stand for themselves, by id, and another
        item of the table, empty if there is none: one request for 99 objects.
        """
        ids = filter(keys.can_be_stored, object_ids)
        addresses = ((keys.object_key(self.livemode, id_), "#") for id_ in ids)
        items, beside = read_many_beside(addresses, place)
        return {document.id: document for document in map(self._document, items)}, beside

    def claim_holder(self, kind: str, value: str) -> str | None:
        """The id of the object that holds this value (an event name, a lookup key), or None."""
        if not keys.fits(value):
            return None
        item = read(keys.claim_key(self.livemode, kind, value))
        return None if item is None else item.holder

    def page(
        self,
        kind: str,
        span: Span,
        *,
        limit: int,
        parent: str | None = None,
        source: Source = EVERYTHING,
        keep: Callable[[Any], bool] = lambda _: True,
    ) -> Page:
        """Up to ``limit`` objects of a kind, from under ``parent`` or ``source``, that fit.

        In the order of ``span``; reads the index until the page is full, then the objects. What an
        index shows may be older than the objects: ``keep`` judges these.
        """
        each = self.each(kind, span, parent=parent, source=source, keep=keep, batch_size=limit + 1)
        documents = list(islice(each, limit + 1))
        return Page(documents[:limit], has_more=len(documents) > limit)

    def each(
        self,
        kind: str,
        span: Span | None = None,
        *,
        parent: str | None = None,
        source: Source = EVERYTHING,
        keep: Callable[[Any], bool] = lambda _: True,
        batch_size: int = _BATCH_SIZE,
    ) -> Iterator[Document]:
        """The same without an end: every object, read in batches as it is asked for."""
        size = min(batch_size, _BATCH_SIZE)
        source = source if parent is None else Source(parents=[parent])
        within = span or Span()
        ids = self._ids(kind, within, source, size)
        while batch := list(islice(ids, size)):
            found = self.get_many(batch)
            shown = (_opened(found[id_], within) for id_ in batch if id_ in found)
            yield from (document for document in chain(*shown) if keep(document.body))

    def places(self, kind: str, span: Span) -> Iterator[Cursor]:
        """The places of a list in the order of ``span``: no object is read."""
        for row in self._places(kind, span, EVERYTHING, _PLACES_SIZE):
            created, id_ = row.split("#", 1)
            yield Cursor(int(created), id_)

    def remains(self, kind: str, parent: str) -> Iterator[Document]:
        """Everything of a kind that is stored under ``parent``, as it is stored.

        Also what no reader sees: what a death beside a commit has left behind (``store.named``).
        """
        ids = self._ids(kind, Span(), Source(parents=[parent]), _BATCH_SIZE)
        while batch := list(islice(ids, _BATCH_SIZE)):
            yield from self._stored(batch).values()

    def due(self, partition: str, until: int, *, limit: int) -> list[tuple[int, str]]:
        """The first (instant, id) of a partition of ``keys.due_keys`` that are due by ``until``."""
        entries, _ = due(partition, None, until, limit=limit)
        return [(int(item.due_at or 0), item.pk.split("#", 1)[1]) for item in entries]

    def due_on(self, timeline: str, until: int) -> list[tuple[int, str]]:
        """Everything due on a timeline by ``until``, earliest first, as (instant, id)."""
        partitions = keys.due_keys(self.livemode, timeline)
        batches = [self.due(shard, until, limit=1_000) for shard in partitions]
        return sorted(pair for batch in batches for pair in batch)

    def commit(self, change: Change) -> None:
        """Write ``change`` in one transaction; see ``store.commit.commit`` for its refusals."""
        change = replace(
            change, puts=list(map(placed, change.puts)), named=list(map(placed, change.named))
        )
        note_partitions([*change.puts, *change.named])
        self._forget(change)
        search_terms.write_rows(change)
        partition_index.index_partitions(change.puts, self.livemode)
        try:
            named.write_named(change)
            in_parts = parts.write_parts(change)
            transactions.commit(in_parts, livemode=self.livemode)
        except (Conflict, ClaimTaken, LeaseLost, Oversized, TooLong):
            with _as_far_as_it_goes():
                search_terms.undo_rows(change)
                named.undo_named(change)
            if self.recalled is not None:
                self.recalled.clear()  # who decides again has to read again
            raise
        with _as_far_as_it_goes():
            search_terms.remove_rows(change)
            named.remove_unnamed(change)
            parts.remove_parts(change, in_parts)

    def put(self, document: Document) -> None:
        """Write one document that stands for itself; see ``store.commit.put`` for its refusal."""
        document = placed(document)
        note_partition(document)
        self._forget(Change(puts=[document]))
        transactions.put(document)

    def _forget(self, change: Change) -> None:
        """Recall nothing of what a change writes."""
        for document in (*change.puts, *change.deletes, *change.named, *change.unnamed):
            if self.recalled is not None:
                self.recalled.pop(document.id, None)

    def _ids(self, kind: str, span: Span, source: Source, size: int) -> Iterator[str]:
        """The ids of a list in the order of ``span``, read ``size`` at a time."""
        return (row.split("#", 1)[1] for row in self._places(kind, span, source, size))

    def _places(self, kind: str, span: Span, source: Source, size: int) -> Iterator[str]:
        """The same, as the sort keys of the list."""
        if source.ids is not None:
            rows = [self._known_rows(kind, span, source.ids)]
        elif source.terms is not None:
            partitions = [keys.term_key(self.livemode, kind, term) for term in source.terms]
            rows = [_rows(sort_keys, partition, span, size) for partition in partitions]
        elif source.parents is not None:
            parents = filter(keys.can_be_stored, source.parents)
            partitions = [keys.parent_key(self.livemode, kind, parent) for parent in parents]
            rows = [_rows(listed_under_parent, partition, span, size) for partition in partitions]
        else:
            partitions = partitions_to_read(
                self.livemode, kind, listing_keys(self.livemode, kind, source.facets)
            )
            rows = [_rows(listed, partition, span, size) for partition in partitions]
        return heapq.merge(*_begun(rows), reverse=not span.oldest_first)

    def _known_rows(self, kind: str, span: Span, ids: Collection[str]) -> Iterator[str]:
        """The sort keys, within ``span``, of those of these objects that are of the kind."""
        low, high = _bounds(span)
        places = (
            Cursor(document.created, document.id).sort_key
            for document in self.get_many(ids).values()
            if document.kind == kind
        )
        within = (place for place in places if low < place < high)
        return iter(sorted(within, reverse=not span.oldest_first))

    def _read_one(self, object_id: str) -> Document | None:
        if boxes.may_be_in_one(object_id):
            return self.get_many([object_id]).get(object_id)
        item = read(keys.object_key(self.livemode, object_id))
        if item is None:
            return None
        document = self._document(item)
        return batches.as_batched({object_id: document}, self.get_many).get(object_id)

    def _stored(self, ids: Iterable[str]) -> dict[str, Document]:
        """The documents with these ids, as they are stored, by id."""
        items = read_many((keys.object_key(self.livemode, id_), "#") for id_ in ids)
        return {document.id: document for document in map(self._document, items)}

    def _document(self, item: BillingItem) -> Document:
        body = item.body or {}
        return Document(
            kind=item.kind or "",
            livemode=self.livemode,
            body=body,
            stored=body,
            version=item.version or 0,
            due_at=item.due_at,
            timeline=item.timeline or LIVE,
            parent=keys.parent_of_key(item.parent_pk),
            expires_at=item.expires_at,
            terms=frozenset(item.terms or ()),
            parts=tuple(sorted(item.parts or ())),
            shard=shard_of_key(item.list_pk),
            beside=item.notes,
        )


@contextlib.contextmanager
def _as_far_as_it_goes() -> Iterator[None]:
    """Goes on where tidying up is throttled or unanswered: nobody sees what is left.

    The decision is taken by then. To tell its caller of a failure would have it taken twice.
    """
    try:
        yield
    except UNANSWERED as error:
        if not passes(error):
            raise


def _begun(rows: list[Iterator[str]]) -> list[Iterator[str]]:
    """The same rows; the first pages of several partitions are read side by side."""
    if len(rows) <= 1:
        return rows
    with ThreadPoolExecutor(min(_READERS, len(rows))) as readers:
        firsts = list(readers.map(lambda row: list(islice(row, 1)), rows))
    return [chain(first, rest) for first, rest in zip(firsts, rows, strict=True) if first]


def _rows(
    read_keys: Callable[[str, KeyRange], Iterator[str]], partition: str, span: Span, size: int
) -> Iterator[str]:
    """The sort keys of one partition within ``span``, read a page at a time."""
    low, high = _bounds(span)
    box = span.newer_than and boxes.row_of(span.newer_than)
    between = KeyRange(box or low, high, oldest_first=span.oldest_first, page_size=size + 1)
    return (row for row in read_keys(partition, between) if low < row < high or row == box)


def _opened(document: Document, span: Span) -> list[Document]:
    """What of a box lies within ``span``, in its order; any other document as it is."""
    held = boxes.contents(document)
    if held is None:
        return [document]
    low, high = _bounds(span)
    within = [one for one in held if low < Cursor(one.created, one.id).sort_key < high]
    return within if span.oldest_first else within[::-1]


def _bounds(span: Span) -> tuple[str, str]:
    """The places that what lies within ``span`` is between; no object stands at either.

    A place without an id comes before all objects of its second.
    """
    low = Cursor(span.created_from, "").sort_key
    high = Cursor(span.created_until + 1, "").sort_key
    if span.newer_than is not None:
        low = max(low, span.newer_than.sort_key)
    if span.older_than is not None:
        high = min(high, span.older_than.sort_key)
    return low, max(low, high)
