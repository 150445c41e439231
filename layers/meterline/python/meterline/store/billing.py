"""The repository of billing objects: reads by id, lists, what is due, and commits."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from meterline.store import commit as transactions
from meterline.store import keys, parts, search_terms, tabs
from meterline.store.documents import (
    LIVE,
    Body,
    Change,
    ClaimTaken,
    Conflict,
    Document,
    LeaseLost,
    Page,
)
from meterline.store.keys import Cursor
from meterline.store.models import BillingItem, ListingIndex, ParentIndex, billing_item

_BATCH_SIZE = 50
_MAX_READS = 5


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a list to read: between two places (both exclusive), from newest or oldest."""

    newer_than: Cursor | None = None
    older_than: Cursor | None = None
    created_from: int = 0
    created_until: int = 9_999_999_999
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class BillingStore:
    """All billing objects of one mode; the other mode's are out of its reach.

    ``known`` is what was read ahead, for one decision: it is not read again.
    """

    livemode: bool
    known: Mapping[str, Document | None] = field(default_factory=dict, repr=False, compare=False)

    def reading_ahead(self, object_ids: Iterable[str]) -> "BillingStore":
        """A store that has read these objects, all in one request, for one decision.

        What the decision's commit must find unchanged goes into its ``checks``, as ever.
        """
        wanted = list(object_ids)
        found = self.get_many(wanted)
        return replace(self, known={**self.known, **{one: found.get(one) for one in wanted}})

    def get(self, object_id: str) -> Document | None:
        """The object with this id as last committed, or None; an invoice with all its lines."""
        if object_id in self.known:
            return self.known[object_id]
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
        """The objects with these ids that exist, as last committed, by id.

        As lists show them: an invoice that is too long for one item with its first lines only.
        """
        wanted = list(dict.fromkeys(object_ids))
        unknown = [one for one in wanted if one not in self.known and keys.can_be_stored(one)]
        found = {one: self.known[one] for one in wanted if one in self.known}
        if unknown:
            addresses = [(keys.object_key(self.livemode, one), "#") for one in unknown]
            items = billing_item().batch_get(addresses, consistent_read=True)
            read = {document.id: document for document in map(self._document, items)}
            found |= tabs.as_billed(read, self.get_many)
        return {one: document for one, document in found.items() if document is not None}

    def claim_holder(self, kind: str, value: str) -> str | None:
        """The id of the object that holds this value (an event name, a lookup key), or None."""
        try:
            key = keys.claim_key(self.livemode, kind, value)
            return billing_item().get(key, "#", consistent_read=True).holder
        except DoesNotExist:
            return None

    def page(
        self,
        kind: str,
        span: Span,
        *,
        limit: int,
        parent: str | None = None,
        term: str | None = None,
        keep: Callable[[Body], bool] = lambda _: True,
    ) -> Page:
        """Up to ``limit`` objects of a kind, or of those under ``parent``, that ``keep`` accepts.

        In the order of ``span``; reads the index until the page is full, then the objects. With a
        search ``term`` only objects are read that it finds or found.
        """
        each = self.each(kind, span, parent=parent, term=term, keep=keep, batch_size=limit + 1)
        documents = list(islice(each, limit + 1))
        return Page(documents[:limit], has_more=len(documents) > limit)

    def each(
        self,
        kind: str,
        span: Span | None = None,
        *,
        parent: str | None = None,
        term: str | None = None,
        keep: Callable[[Body], bool] = lambda _: True,
        batch_size: int = _BATCH_SIZE,
    ) -> Iterator[Document]:
        """The same without an end: every object, read in batches as it is asked for."""
        ids = self._ids(kind, span or Span(), parent, term)
        while batch := list(islice(ids, min(batch_size, _BATCH_SIZE))):
            found = self.get_many(batch)
            yield from (found[one] for one in batch if one in found and keep(found[one].body))

    def due(self, partition: str, until: int, *, limit: int) -> list[tuple[int, str]]:
        """The first (instant, id) of a partition of ``keys.due_keys`` that are due by ``until``."""
        entries = billing_item().due.query(partition, BillingItem.due_at <= until, limit=limit)
        return [(int(item.due_at or 0), item.pk.split("#", 1)[1]) for item in entries]

    def due_on(self, timeline: str, until: int) -> list[tuple[int, str]]:
        """Everything due on a timeline by ``until``, earliest first, as (instant, id)."""
        partitions = keys.due_keys(self.livemode, timeline)
        batches = [self.due(shard, until, limit=1_000) for shard in partitions]
        return sorted(pair for batch in batches for pair in batch)

    def commit(self, change: Change) -> None:
        """Write ``change`` in one transaction; see ``store.commit.commit`` for its refusals."""
        search_terms.write_rows(change)
        named = parts.write_parts(change)
        try:
            transactions.commit(named, livemode=self.livemode)
        except (Conflict, ClaimTaken, LeaseLost):
            search_terms.undo_rows(change)
            raise
        search_terms.remove_rows(change)
        parts.remove_parts(change, named)

    def _ids(self, kind: str, span: Span, parent: str | None, term: str | None) -> Iterator[str]:
        """The ids of a list, merged from its partitions in the order of ``span``."""
        if term is not None:
            rows = [_term_rows(keys.term_key(self.livemode, kind, term), span)]
        elif parent is not None and not keys.can_be_stored(parent):
            rows = []
        elif parent is not None:
            partitions = [keys.parent_key(self.livemode, kind, parent)]
            rows = [
                _rows(billing_item().by_parent, BillingItem.parent_sk, one, span)
                for one in partitions
            ]
        else:
            partitions = keys.listing_keys(self.livemode, kind)
            rows = [
                _rows(billing_item().listing, BillingItem.list_sk, one, span) for one in partitions
            ]
        merged = heapq.merge(*rows, reverse=not span.oldest_first)
        return (row.split("#", 1)[1] for row in merged)

    def _read_one(self, object_id: str) -> Document | None:
        try:
            item = billing_item().get(
                keys.object_key(self.livemode, object_id), "#", consistent_read=True
            )
        except DoesNotExist:
            return None
        document = self._document(item)
        return tabs.as_billed({object_id: document}, self.get_many)[object_id]

    def _document(self, item: BillingItem) -> Document:
        return Document(
            kind=item.kind or "",
            livemode=self.livemode,
            body=item.body or {},
            version=item.version or 0,
            due_at=item.due_at,
            timeline=item.timeline or LIVE,
            parent=item.parent,
            expires_at=item.expires_at,
            terms=frozenset(item.terms or ()),
            parts=tuple(sorted(item.parts or ())),
        )


def _rows(
    index: ListingIndex | ParentIndex, place: UnicodeAttribute, partition: str, span: Span
) -> Iterator[str]:
    """The sort keys of one partition within ``span``, read a page at a time."""
    items = index.query(
        partition,
        place.between(*_bounds(span)),
        scan_index_forward=span.oldest_first,
        page_size=101,
    )
    return (str(getattr(item, place.attr_name)) for item in items)


def _term_rows(partition: str, span: Span) -> Iterator[str]:
    """The same of the objects that a search term finds; read consistently, as it is no index."""
    items = billing_item().query(
        partition,
        BillingItem.sk.between(*_bounds(span)),
        scan_index_forward=span.oldest_first,
        page_size=101,
        consistent_read=True,
    )
    return (item.sk for item in items)


def _bounds(span: Span) -> tuple[str, str]:
    """The least and greatest sort key within ``span``; its places themselves are outside."""
    low = Cursor(span.created_from, "").sort_key
    high = Cursor(span.created_until, "~").sort_key
    if span.newer_than is not None:
        low = max(low, span.newer_than.sort_key + "!")
    if span.older_than is not None:
        high = min(high, _just_before(span.older_than.sort_key))
    return low, max(low, high)


def _just_before(sort_key: str) -> str:
    """The greatest key below ``sort_key`` that an id can give."""
    return sort_key[:-1] + chr(ord(sort_key[-1]) - 1) + "~"
