"""Reconciliation: recount from the events themselves what the counters say.

A page of stored events is compared with the buckets they belong to. When every event has its row
and each counter is what its rows add up to, the counters are right. Pages are independent, so that
a scan can be split into segments and resumed anywhere.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from threading import Lock
from typing import Any

from meterline.core.metering.acceptance import measure_from_text
from meterline.core.metering.aggregation import Aggregate, Measure, Row, aggregate
from meterline.core.metering.buckets import Bucket, bounded, effective_rows
from meterline.observability import log_failure
from meterline.services.metering.count import Group, count_groups
from meterline.store.base.failures import UNANSWERED
from meterline.store.metering import meter_events, usage
from meterline.store.metering.meter_events import AcceptedEvent
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey, NotVisible
from meterline.store.metering.usage_commits import Change, LostRace, commit

READS = 5
"""How often a bucket that is being counted in is read again before the next pass takes it."""

SPOILED = (ArithmeticError, LookupError, TypeError, ValueError, struct.error)
"""What reading raises where something stored is not what it should be; what a connection raises is
none of it, and fails the page.
"""

type Cursor = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A bucket that is not what the events of a page say: what lacks a row or has a wrong one, and
    both aggregates.

    ``missing`` and ``wrong`` are the rows as the events say them: at least these, since other pages
    may show more. ``counted`` is what the counter says at its ``version``, ``recounted`` what its
    rows add to with the missing ones and in place of the wrong ones.
    """

    key: BucketKey
    measure: Measure
    version: int
    missing: tuple[Row, ...]
    wrong: tuple[Row, ...]
    counted: Aggregate
    recounted: Aggregate


@dataclass(frozen=True, slots=True)
class Known:
    """What the rows of a bucket say at a version of its counter.

    ``counted`` are hashes of identity, second and value, which take the least memory.
    """

    version: int
    counted: frozenset[int]
    cancelled: frozenset[bytes]
    recounted: Aggregate

    @classmethod
    def of(cls, version: int, rows: Sequence[Row], measure: Measure) -> "Known":
        """What these rows say."""
        return cls(
            version,
            frozenset(_said(row) for row in rows if not row.cancels),
            frozenset(row.identity for row in rows if row.cancels),
            bounded(aggregate(effective_rows(rows), measure)),
        )

    def lacks(self, row: Row) -> bool:
        """Whether a row is not there as it should be; what is cancelled counts for nothing."""
        if row.cancels:
            return row.identity not in self.cancelled
        return _said(row) not in self.counted and row.identity not in self.cancelled


@dataclass(slots=True)
class Remembered:
    """The rows of hours that have segments, so that the pages of a pass do not each read them.

    Holds ``most_rows`` at a time, a hundred bytes each; the hours remembered first are forgotten.
    Several threads may share it.
    """

    most_rows: int = 2_000_000
    _hours: dict[BucketKey, Known] = field(default_factory=dict)
    _rows: int = 0
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: BucketKey, version: int) -> Known | None:
        """What is known of a bucket at this version of its counter."""
        known = self._hours.get(key)
        return known if known is not None and known.version == version else None

    def put(self, key: BucketKey, known: Known) -> None:
        """Remember a bucket in place of what was known of it."""
        with self._lock:
            self._forget(key)
            self._hours[key] = known
            self._rows += len(known.counted)
            while self._rows > self.most_rows:
                self._forget(next(iter(self._hours)))

    def _forget(self, key: BucketKey) -> None:
        known = self._hours.pop(key, None)
        self._rows -= len(known.counted) if known else 0


@dataclass(frozen=True, slots=True)
class Recount:
    """What a page of events showed, and where to go on (None: that was the last).

    ``busy`` counts the buckets that changed all the while and could not be compared, ``unreadable``
    the buckets and the events that cannot be read: the log names them.
    """

    differences: list[Difference]
    following: Cursor
    events: int
    buckets: int
    busy: int
    unreadable: int


def reconcile_page(
    cursor: Cursor = None,
    *,
    segment: int = 0,
    segments: int = 1,
    accepted_before: int,
    remembered: Remembered | None = None,
) -> Recount:
    """Compare one page of the events accepted before a moment (UTC microseconds).

    What was accepted or cancelled since may still be on its way to the counters. ``remembered`` is
    what other pages of the same invocation have read.
    """
    events, following = meter_events.scan_page(cursor, segment=segment, segments=segments)
    settled = [event for event in events if event and _is_settled(event, accepted_before)]
    groups, spoiled_events = _grouped(settled)
    counters = _counters(groups)
    spoiled = len(groups) - len(counters)
    remembered = remembered or Remembered()
    differences: list[Difference] = []
    busy = 0
    for key, counter in counters.items():
        try:
            difference = _compare(groups[key], counter, remembered)
        except LostRace:
            busy += 1
        except SPOILED as error:
            _note("unreadable bucket", key, error)
            spoiled += 1
        else:
            differences += [difference] if difference else []
    return Recount(
        differences,
        following,
        events=len(settled) - spoiled_events,
        buckets=len(groups) - busy - spoiled,
        busy=busy,
        unreadable=spoiled + spoiled_events + events.count(None),
    )


def repair(differences: Iterable[Difference]) -> list[Difference]:
    """Count what is missing, the ordinary way, and set counters to what their rows add up to.

    A counter with a wrong row is not set: rows are never changed, and no longer tell what is right.
    Gives the differences that are left since others counted all the while or something failed (the
    log says what): none keeps the others from it, and repeating is harmless.
    """
    left: list[Difference] = []
    for difference in differences:
        try:
            _repair(difference)
        except (LostRace, *UNANSWERED, *SPOILED) as error:
            _note("bucket not repaired", difference.key, error)
            left.append(difference)
    return left


def _repair(difference: Difference) -> None:
    """Repair a bucket; LostRace when it cannot be counted or others count all the while."""
    if difference.missing:
        group = Group(difference.key, difference.measure)
        group.arrivals.extend(difference.missing)
        if count_groups({difference.key: group}):
            raise LostRace
    if not difference.wrong:
        _set_right(difference.key, difference.measure)


def _is_settled(event: AcceptedEvent, before: int) -> bool:
    """Whether nothing about the event is younger than ``before`` (microseconds)."""
    cancelled = (event.cancelled_at or 0) * 1_000_000
    return event.accepted_at < before and cancelled < before


def _grouped(events: Iterable[AcceptedEvent]) -> tuple[dict[BucketKey, Group], int]:
    """The rows that events should have, by bucket; and how many events cannot be read."""
    groups: dict[BucketKey, Group] = {}
    unreadable = 0
    for event in events:
        hour = event.timestamp // HOUR_SECONDS
        key = BucketKey(event.livemode, event.meter, event.customer, hour)
        try:
            measure, row = measure_from_text(event.measure), _row(event)
        except SPOILED as error:
            _note("unreadable event", key, error)
            unreadable += 1
        else:
            groups.setdefault(key, Group(key, measure)).arrivals.append(row)
    return groups, unreadable


def _counters(groups: Mapping[BucketKey, Group]) -> dict[BucketKey, Bucket]:
    """The counters that can be read: one by one, where one keeps the others from it."""
    try:
        return usage.read_buckets(list(groups), [group.measure for group in groups.values()])
    except SPOILED as error:
        if len(groups) == 1:
            _note("unreadable bucket", next(iter(groups)), error)
            return {}
    found: dict[BucketKey, Bucket] = {}
    for key, group in groups.items():
        found |= _counters({key: group})
    return found


def _note(message: str, key: BucketKey, error: Exception) -> None:
    """Log what went wrong with a bucket, without its values or whom it is about."""
    log_failure(message, error, meter=key.meter, hour=key.start)


def _compare(group: Group, counter: Bucket, remembered: Remembered) -> Difference | None:
    """How a counter differs from some of its events; LostRace when others count all the while."""
    key, measure, wanted = group.key, group.measure, group.arrivals
    known = _known(key, counter, measure, remembered)
    counted = counter.aggregate
    if known is not None and known.recounted == counted and not any(map(known.lacks, wanted)):
        return None
    counter, rows = _read(key, measure)
    known = Known.of(counter.version, rows, measure)
    lacking = [row for row in wanted if known.lacks(row)]
    if not lacking and known.recounted == counter.aggregate:
        return None
    present = {row.identity for row in rows}
    contradict = [row.identity in present and not row.cancels for row in lacking]
    missing = tuple(row for row, is_wrong in zip(lacking, contradict, strict=True) if not is_wrong)
    wrong = tuple(row for row, is_wrong in zip(lacking, contradict, strict=True) if is_wrong)
    recounted = bounded(aggregate(effective_rows([*rows, *lacking]), measure))
    return Difference(key, measure, counter.version, missing, wrong, counter.aggregate, recounted)


def _known(
    key: BucketKey, counter: Bucket, measure: Measure, remembered: Remembered
) -> Known | None:
    """What the rows of a counter say at its version; None if it has changed since it was read."""
    if not counter.segments:
        return Known.of(counter.version, counter.inline, measure)
    known = remembered.get(key, counter.version)
    if known is None:
        latest, rows = _read(key, measure)
        known = Known.of(latest.version, rows, measure)
        remembered.put(key, known)
    return known if known.version == counter.version else None


def _set_right(key: BucketKey, measure: Measure) -> None:
    """Replace a counter that its own rows contradict; LostRace when others count all the while."""
    for _ in range(READS):
        bucket, rows = _read(key, measure)
        recounted = bounded(aggregate(effective_rows(rows), measure))
        right = replace(bucket, version=bucket.version + 1, aggregate=recounted)
        if right.aggregate == bucket.aggregate:
            return
        try:
            commit(Change(key, bucket, right, measure))
        except LostRace:
            continue
        return
    raise LostRace


def _read(key: BucketKey, measure: Measure) -> tuple[Bucket, list[Row]]:
    """A counter and all its rows as of one moment, or LostRace.

    Rows that are counted between the two reads would look like a difference.
    """
    for _ in range(READS):
        bucket = usage.read_buckets([key], [measure])[key]
        if not bucket.segments:
            return bucket, [*bucket.inline]
        with suppress(NotVisible):
            segments = usage.read_segments(key, bucket, measure)
            if usage.read_buckets([key], [measure])[key].version == bucket.version:
                return bucket, [*segments, *bucket.inline]
    raise LostRace


def _said(row: Row) -> int:
    return hash((row.identity, row.timestamp, row.value))


def _row(event: AcceptedEvent) -> Row:
    return Row(
        meter_events.identity_of(event.identifier),
        event.timestamp,
        Decimal(event.value),
        event.accepted_at,
        event.cancelled_at is not None,
    )
