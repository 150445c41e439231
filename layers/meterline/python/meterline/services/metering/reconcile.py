"""Reconciliation: recount from the events themselves what the counters say.

Stored events are compared with the hours they belong to. When every event has its one row and each
counter is what its rows add up to, the counters are right. Any events can be compared at any time,
many of an hour at the price of one.
"""

import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import batched

from meterline.core.base.frozen import frozen
from meterline.core.metering.aggregation import Aggregate, Measure, Row, aggregate
from meterline.core.metering.buckets import Bucket, bounded, effective_rows
from meterline.core.metering.recount import Recount
from meterline.observability import log_failure
from meterline.services.base.parallel import in_parallel
from meterline.services.metering.count import count_groups
from meterline.services.metering.groups import Group
from meterline.store.base.batches import GET_LIMIT
from meterline.store.base.failures import UNANSWERED
from meterline.store.metering import usage
from meterline.store.metering.segment_pages import newest_first
from meterline.store.metering.usage import BucketKey, NotVisible
from meterline.store.metering.usage_commits import Change, LostRace, commit

READS = 5
"""How often an hour that seems to differ is read, or set right, while others count in it."""

MOST_ROWS = 3_000_000
"""Of an hour that differs all rows are looked at together, some 250 bytes each."""

SPOILED = (ArithmeticError, LookupError, TypeError, ValueError, struct.error)
"""What reading raises where something stored is not what it should be; what a connection raises is
none of it, and fails the comparison.
"""


@frozen
class Difference:
    """A bucket that is not what some of its events say: what lacks a row or has a wrong one, and
    both aggregates.

    ``missing`` and ``wrong`` are the rows as the events say them: at least these, since other
    events may show more. ``counted`` is what the counter says at its ``version``, ``recounted``
    what its rows add to with the missing ones and in place of the wrong ones.
    """

    key: BucketKey
    measure: Measure
    version: int
    missing: tuple[Row, ...]
    wrong: tuple[Row, ...]
    counted: Aggregate
    recounted: Aggregate


@frozen
class Comparison:
    """What comparing hours showed; ``unreadable`` counts those that cannot be read: the log names
    them.
    """

    differences: list[Difference]
    unreadable: int


def compare(groups: Mapping[BucketKey, Group]) -> Comparison:
    """Compare the counters of these groups with their arrivals: some events of each hour.

    A counter is read once, eventually consistent; again, and consistently, where it seems to
    differ. So what was counted a moment ago is no difference.
    """
    parts = in_parallel(
        [
            partial(_compare_some, dict(some))
            for some in batched(groups.items(), GET_LIMIT, strict=False)
        ]
    )
    return Comparison(
        [difference for part in parts for difference in part.differences],
        sum(part.unreadable for part in parts),
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


def _compare_some(groups: Mapping[BucketKey, Group]) -> Comparison:
    counters = _counters(groups)
    unreadable = len(groups) - len(counters)
    differences: list[Difference] = []
    for key, counter in counters.items():
        try:
            if not _agrees(groups[key], counter):
                differences += _differences(groups[key])
        except SPOILED as error:
            _note("unreadable bucket", key, error)
            unreadable += 1
    return Comparison(differences, unreadable)


def _counters(groups: Mapping[BucketKey, Group]) -> dict[BucketKey, Bucket]:
    """The counters that can be read: one by one, where one keeps the others from it."""
    try:
        measures = [group.measure for group in groups.values()]
        return usage.read_buckets(list(groups), measures, is_consistent=False)
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


def _agrees(group: Group, counter: Bucket) -> bool:
    """Whether an hour holds its events and adds up, as far as eventual reads tell."""
    recount = Recount(group.arrivals, group.measure)
    recount.add(counter.inline)
    try:
        for rows in newest_first(group.key, counter, group.measure):
            recount.add(rows)
    except NotVisible:
        return False
    return recount.agrees_with(counter.aggregate)


def _differences(group: Group) -> list[Difference]:
    """How an hour differs from some of its events, as consistent reads tell; none or one."""
    key, measure, events = group.key, group.measure, group.arrivals
    counter, rows = _read(key, measure)
    counted = {(row.identity, row.timestamp, row.value) for row in rows if not row.cancels}
    cancelled = {row.identity for row in rows if row.cancels}
    present = {row.identity for row in rows}
    missing: list[Row] = []
    wrong: list[Row] = []
    for row in events:
        if row.identity in cancelled:
            continue
        if row.cancels or row.identity not in present:
            missing.append(row)
        elif (row.identity, row.timestamp, row.value) not in counted:
            wrong.append(row)
    adds_up = bounded(aggregate(effective_rows(rows), measure)) == counter.aggregate
    if adds_up and not missing and not wrong:
        return []
    recounted = bounded(aggregate(effective_rows([*rows, *missing, *wrong]), measure))
    return [
        Difference(
            key,
            measure,
            counter.version,
            tuple(missing),
            tuple(wrong),
            counter.aggregate,
            recounted,
        )
    ]


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
    """A counter and all its rows as of the moment at which it was read: segments never change."""
    for _ in range(READS):
        bucket = usage.read_buckets([key], [measure])[key]
        if bucket.aggregate.count > MOST_ROWS:
            raise LookupError("more rows than fit into memory: look at the hour by hand")
        with suppress(NotVisible):
            return bucket, [*usage.read_segments(key, bucket, measure), *bucket.inline]
    raise LookupError("segments of the counter are not there")
