"""Reconciliation: recount from the events themselves what the counters say.

A page of stored events is compared with the buckets they belong to. When every event has its row
and each counter is what its rows add up to, the counters are right. Pages are independent, so that
a scan can be split into segments and resumed anywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from meterline.core.aggregation import Aggregate, Measure, Row, aggregate
from meterline.core.metering import measure_from_text
from meterline.core.metering_buckets import Bucket, standing
from meterline.services.count import Group, count_groups
from meterline.store import meter_events, usage
from meterline.store.meter_events import AcceptedEvent
from meterline.store.usage import HOUR_SECONDS, BucketKey, LostRace

type Cursor = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A bucket that is not what its events say: how many lack a row, and both aggregates."""

    key: BucketKey
    measure: Measure
    missing: tuple[Row, ...]
    counted: Aggregate
    recounted: Aggregate


def reconcile_page(
    cursor: Cursor = None, *, segment: int = 0, segments: int = 1, accepted_before: int
) -> tuple[list[Difference], Cursor]:
    """The differences of one page of the events accepted before a moment (UTC microseconds).

    Also gives where to go on, None at the end. Younger events may still be on their way.
    """
    events, following = meter_events.scan_page(cursor, segment=segment, segments=segments)
    buckets: dict[BucketKey, list[AcceptedEvent]] = {}
    for event in events:
        if event.accepted_at < accepted_before:
            hour = event.timestamp // HOUR_SECONDS
            key = BucketKey(event.livemode, event.meter, event.customer, hour)
            buckets.setdefault(key, []).append(event)
    compared = (_compare(key, found) for key, found in buckets.items())
    return [difference for difference in compared if difference is not None], following


def repair(differences: Iterable[Difference]) -> None:
    """Count what is missing, the ordinary way, and set counters to what their rows add up to."""
    for difference in differences:
        if difference.missing:
            group = Group(difference.key, difference.measure)
            group.arrivals.extend(difference.missing)
            count_groups({difference.key: group})
        _set_right(difference.key, difference.measure)


def _compare(key: BucketKey, events: Sequence[AcceptedEvent]) -> Difference | None:
    measure = measure_from_text(events[0].measure)
    bucket, rows = _read(key, measure)
    known = {(row.identity, row.cancels) for row in rows}
    wanted = [_row(event) for event in events]
    missing = tuple(row for row in wanted if (row.identity, row.cancels) not in known)
    recounted = aggregate(standing(rows), measure)
    if not missing and recounted == bucket.aggregate:
        return None
    return Difference(key, measure, missing, bucket.aggregate, recounted)


def _set_right(key: BucketKey, measure: Measure) -> None:
    """Replace a counter that its own rows contradict, unless somebody counts at this moment."""
    bucket, rows = _read(key, measure)
    right = replace(
        bucket, version=bucket.version + 1, aggregate=aggregate(standing(rows), measure)
    )
    if right.aggregate == bucket.aggregate:
        return
    try:
        usage.commit(key, bucket, right, measure)
    except LostRace:
        _set_right(key, measure)


def _read(key: BucketKey, measure: Measure) -> tuple[Bucket, list[Row]]:
    bucket = usage.read_buckets([key], [measure])[key]
    return bucket, [*usage.read_segments(key, measure), *bucket.inline]


def _row(event: AcceptedEvent) -> Row:
    return Row(
        meter_events.identity_of(event.identifier),
        event.timestamp,
        Decimal(event.value),
        event.accepted_at,
        event.cancelled_at is not None,
    )
