"""Counting: from delivered stream records to buckets, each event exactly once.

For each bucket that a batch touches: read the counter, then (in this order) the evidence of what
was counted already, decide, and commit under the condition that the counter is unchanged. Whatever
is delivered twice finds its evidence; whatever is decided on an old state is refused and decided
again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import repeat
from operator import itemgetter
from typing import Any

from meterline.core.metering import buckets
from meterline.core.metering.acceptance import cell_from_text, measure_from_text
from meterline.core.metering.aggregation import Measure, Row, rows_from
from meterline.core.metering.buckets import Bucket
from meterline.observability import log_failure
from meterline.services.base.patience import Patience, set_aside
from meterline.services.metering import day_totals, hour_profiles, parcels
from meterline.services.metering.contention import Contention
from meterline.services.metering.groups import Group, portions
from meterline.store.base.batches import back_off
from meterline.store.metering import usage, usage_commits
from meterline.store.metering.meter_events import (
    counted_attributes,
    identities_from_keys,
)
from meterline.store.metering.parcels import UNREADABLE
from meterline.store.metering.usage import BucketKey
from meterline.store.metering.usage_commits import Change

ROUNDS = 10
"""How often a bucket is tried before its records are handed back for another delivery."""

RACES = 1
"""After so many lost races in a row, the next one hands arrivals over in a parcel."""

MANY = 8
"""Arrivals a counter from which on it is read consistently at once: a stale one costs a commit."""

PATIENCE = Patience()
"""With buckets that fail."""

CONTENTION = Contention()
"""For counters that others count in too."""

_text = itemgetter("S")
_number = itemgetter("N")

type Record = Mapping[str, Any]
type Look = Callable[[Sequence[BucketKey], Sequence[Measure]], dict[BucketKey, Bucket]]


def _eventually(keys: Sequence[BucketKey], measures: Sequence[Measure]) -> dict[BucketKey, Bucket]:
    """Counters as a first look shows them, for half the price.

    One that is out of date cannot be replaced, since its version has changed: then it is read
    again, consistently. Rows never go, so what it says was counted, was.
    """
    return usage.read_buckets(keys, measures, is_consistent=False)


def _consistently(
    keys: Sequence[BucketKey], measures: Sequence[Measure]
) -> dict[BucketKey, Bucket]:
    return usage.read_buckets(keys, measures)


_LOOKS: dict[bool, Look] = {False: _eventually, True: _consistently}
"""By whether the newest must be seen."""


def count_records(records: Sequence[Record], *, function: str | None = None) -> list[str]:
    """Count a batch of MeterEvents stream records; the sequence numbers that must come again.

    What fails takes nothing else with it. A record that cannot be read, or whose bucket has failed
    for too long, would only hold up its shard: it is set aside whole, for ``function`` to be given
    it again once the cause is mended. Without a function it must come again too.
    """
    records = parcels.without_those_in_parcels(records)
    groups, unreadable = _sorted_out(records)
    left = count_groups(groups)
    for key in groups.keys() - left.keys():
        PATIENCE.succeeded(key)
    hopeless = [group for group in left.values() if _has_failed_for_long(group)]
    again = _of_groups(records, left.values())
    if function is None:
        return [_number_of(record) for record in (*unreadable, *again)]
    aside = _of_groups(again, hopeless)
    set_aside([*unreadable, *aside], function)
    return [_number_of(record) for record in again if record not in aside]


def _of_groups(records: Sequence[Record], groups: Iterable[Group]) -> list[Record]:
    """Those of the records that brought the arrivals of these groups."""
    numbers = {number for group in groups for number in group.sequence_numbers}
    return [record for record in records if _number_of(record) in numbers] if numbers else []


def _number_of(record: Record) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _has_failed_for_long(group: Group) -> bool:
    return group.error is not None and PATIENCE.has_run_out(group.key, group.error)


def count_groups(pending: Mapping[BucketKey, Group]) -> dict[BucketKey, Group]:
    """Count groups of arrivals; gives those that failed, or lost every race."""
    left: dict[BucketKey, Group] = {}
    for some in portions(pending):
        left |= _count({key: group for key, group in some.items() if key not in left})
    return left


def _count(pending: Mapping[BucketKey, Group]) -> dict[BucketKey, Group]:
    """Count groups whose arrivals each fit into a transaction; gives those that are left."""
    failed: dict[BucketKey, Group] = {}
    pending = CONTENTION.spared(pending)
    for attempt in range(ROUNDS):
        if not pending:
            break
        if attempt:
            back_off(attempt - 1, first_milliseconds=30, most_milliseconds=300)
        look = _LOOKS[attempt > 0 or _are_many(pending)]
        pending = _count_round(pending, failed, look)
        if pending and attempt >= RACES:
            pending = CONTENTION.handed_over(pending)
    return {**pending, **failed}


def _sorted_out(records: Sequence[Record]) -> tuple[dict[BucketKey, Group], list[Record]]:
    """The groups of a batch, and the records that cannot be read."""
    try:
        return _grouped(records), []
    except UNREADABLE:
        unreadable = [record for record in records if not _is_readable(record)]
        return _grouped([record for record in records if record not in unreadable]), unreadable


def _grouped(records: Sequence[Record]) -> dict[BucketKey, Group]:
    """The arrivals of a batch of events or of parcels, by bucket."""
    in_parcels = parcels.those_among(records)
    if not in_parcels:
        return group_records(records)
    places = set(map(id, in_parcels))
    groups = group_records([record for record in records if id(record) not in places])
    for record in in_parcels:
        for parcel in parcels.parcels_of(record):
            key = parcel.key.bucket
            group = groups.setdefault(key, Group(key, parcel.measure))
            group.arrivals += parcel.rows
            group.changes.append(record["dynamodb"])
            group.must_be_counted = True
    return groups


def _is_readable(record: Record) -> bool:
    try:
        _grouped([record])
    except UNREADABLE:
        return False
    return True


def group_records(records: Iterable[Record]) -> dict[BucketKey, Group]:
    """The arrivals of a batch by bucket; removals are no arrivals.

    The records are taken apart column by column: this is done for every event.
    """
    changes = [change for record in records if "NewImage" in (change := record["dynamodb"])]
    if not changes:
        return {}
    images = [change["NewImage"] for change in changes]
    identifiers, meters, customers, values, timestamps, acceptances, measures = zip(
        *counted_attributes(images), strict=True
    )
    keys = list(map(_text, identifiers))
    seconds = list(map(int, map(_number, timestamps)))
    rows = rows_from(
        identities_from_keys(keys),
        seconds,
        map(Decimal, map(_text, values)),
        map(int, map(_number, acceptances)),
        ["cancelled_at" in image for image in images],
        repeat(False),  # noqa: FBT003 - the column of tombstones
    )
    modes = [key[0] for key in keys]
    hours = [second // usage.HOUR_SECONDS for second in seconds]
    texts = list(map(_text, measures))
    cells = list(map(cell_from_text, texts))
    columns: tuple[list[Any], ...] = (
        modes,
        list(map(_text, meters)),
        list(map(_text, customers)),
        hours,
        cells,
    )
    places = zip(*columns, strict=True)
    if all(column.count(column[0]) == len(column) for column in columns):
        only = _group(next(places), texts[0])
        only.arrivals, only.changes = rows, changes  # a hot customer fills whole batches
        return {only.key: only}
    groups: dict[tuple[str, str, str, int, str], Group] = {}
    for place, row, change, text in zip(places, rows, changes, texts, strict=True):
        group = groups.get(place)
        if group is None:
            group = groups[place] = _group(place, text)
        group.arrivals.append(row)
        group.changes.append(change)
    return {group.key: group for group in groups.values()}


def _group(place: tuple[str, str, str, int, str], text: str) -> Group:
    mode, meter, customer, hour, cell = place
    measure = measure_from_text(text)
    key = BucketKey(mode == "l", meter, customer, hour, cell)
    return Group(key, measure, must_be_counted=False)


def _are_many(groups: Mapping[BucketKey, Group]) -> bool:
    """Whether each read serves so many arrivals that half its price is nothing."""
    return sum(len(group.arrivals) for group in groups.values()) >= MANY * len(groups)


def _count_round(
    pending: Mapping[BucketKey, Group], failed: dict[BucketKey, Group], look: Look
) -> dict[BucketKey, Group]:
    """One try for each bucket; gives those that lost a race, and notes those that failed."""
    changes: list[Change] = []
    for key, bucket in _read(pending, failed, look).items():
        try:
            changes += _decide(bucket, pending[key])
        except Exception as error:  # noqa: BLE001 - whatever it is, only this bucket comes again
            _note(error, key, pending[key], failed)
    return {change.key: pending[change.key] for change in _commit(changes, pending, failed)}


def _commit(
    changes: Sequence[Change], groups: Mapping[BucketKey, Group], failed: dict[BucketKey, Group]
) -> list[Change]:
    """Commit; gives what lost a race. One that fails does not keep the others from it.

    Whatever was committed before the failure is refused now and found when it is decided again.
    """
    try:
        done = usage_commits.commit_many(changes)
    except Exception as error:  # noqa: BLE001 - one by one it shows which it is
        if len(changes) == 1:
            key = changes[0].key
            _note(error, key, groups[key], failed)
            return []
        return [lost for change in changes for lost in _commit([change], groups, failed)]
    for change in done.spilled:
        hour_profiles.extend_if_due(change)
    day_totals.add_up_if_due(changes)
    return done.refused


def _read(
    groups: Mapping[BucketKey, Group], failed: dict[BucketKey, Group], look: Look
) -> dict[BucketKey, Bucket]:
    """The buckets of ``groups``; one that cannot be read does not keep the others from it."""
    try:
        return look(list(groups), [group.measure for group in groups.values()])
    except Exception as error:  # noqa: BLE001 - one by one it shows which it is
        if len(groups) == 1:
            _note(error, *next(iter(groups.items())), failed)
            return {}
    found: dict[BucketKey, Bucket] = {}
    for key, group in groups.items():
        found |= _read({key: group}, failed, look)
    return found


def _note(error: Exception, key: BucketKey, group: Group, failed: dict[BucketKey, Group]) -> None:
    failed[key] = group
    group.error = error
    log_failure("bucket failed", error, meter=key.meter, hour=key.start)


def _decide(bucket: Bucket, group: Group) -> list[Change]:
    """What is to become of a bucket that was just read; nothing if nothing is new."""
    evidence = _evidence(group.key, bucket, group.arrivals, group.measure)
    after = buckets.count(bucket, evidence, group.arrivals, group.measure)
    return [] if after is None else [Change(group.key, bucket, after, group.measure)]


def _evidence(
    key: BucketKey, bucket: Bucket, arrivals: Sequence[Row], measure: Measure
) -> list[Row]:
    """The segment rows that may hold one of the arrivals, read after the bucket was read."""
    accepted_from = buckets.evidence_from(bucket, arrivals)
    if accepted_from is None:
        return []
    if measure.has_levels and not accepted_from:
        return hour_profiles.read_levels(key, bucket, arrivals, measure)
    return usage.read_segments(key, bucket, measure, accepted_from=accepted_from)
