"""The decision at the heart of counting: what a bucket becomes when events arrive at it.

A bucket is one hour of one customer's usage of one meter. It knows which events it has counted: the
latest few as rows of its own (``inline``), the others as rows in segments. A row is written once
for an event that is counted and once for an event that is cancelled, so whatever is delivered again
finds its row and changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from meterline.core import aggregation
from meterline.core.aggregation import NOTHING, Aggregate, Measure, Row


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivered event: its row, and when it was accepted (UTC microseconds)."""

    row: Row
    accepted_at: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """The state of a bucket. ``version`` grows by one with each commit; 0 is a bucket yet to be.

    ``watermark`` is the latest acceptance among the rows it holds, inline or in ``segments``.
    """

    version: int = 0
    aggregate: Aggregate = NOTHING
    watermark: int = 0
    segments: int = 0
    inline: tuple[Row, ...] = field(default=())


EMPTY = Bucket()


def evidence_from(bucket: Bucket, arrivals: Sequence[Arrival], measure: Measure) -> int | None:
    """From which acceptance on the bucket's segments must be read before ``arrivals`` are counted.

    None when no segment can matter: a row of an event carries the event's own acceptance, so
    an event accepted after the watermark has no row yet. Taking an event out of a measure that is
    not additive needs all rows (0).
    """
    if not bucket.segments:
        return None
    if not measure.is_additive and any(arrival.row.cancels for arrival in arrivals):
        return 0
    earliest = min(arrival.accepted_at for arrival in arrivals)
    return earliest if earliest <= bucket.watermark else None


def count(
    bucket: Bucket, segment_rows: Iterable[Row], arrivals: Sequence[Arrival], measure: Measure
) -> Bucket | None:
    """The bucket after ``arrivals``, each counted or cancelled at most once; None if nothing is
    new.

    ``segment_rows`` are the rows of the segments that ``evidence_from`` asked for. The new rows are
    appended to ``inline``.
    """
    known = [*segment_rows, *bucket.inline]
    rows_of_events: dict[bytes, list[Row]] = {}
    for row in known:
        rows_of_events.setdefault(row.identity, []).append(row)
    added: list[Row] = []
    for arrival in arrivals:
        rows = rows_of_events.setdefault(arrival.row.identity, [])
        if _is_new(arrival.row, rows):
            rows.append(arrival.row)
            added.append(arrival.row)
    if not added:
        return None
    return replace(
        bucket,
        version=bucket.version + 1,
        aggregate=_aggregate_after(bucket, known, added, measure),
        watermark=max(bucket.watermark, *(arrival.accepted_at for arrival in arrivals)),
        inline=(*bucket.inline, *added),
    )


def standing(rows: Iterable[Row]) -> list[Row]:
    """The events among ``rows`` that count: each once, those with a cancelling row not at all."""
    counted: dict[bytes, Row] = {}
    cancelled: set[bytes] = set()
    for row in rows:
        if row.cancels:
            cancelled.add(row.identity)
        else:
            counted[row.identity] = row
    return [row for identity, row in counted.items() if identity not in cancelled]


def _is_new(row: Row, rows: Sequence[Row]) -> bool:
    """A cancelling row is new until one is there; a counting row only where there is none at all.

    So an event cancelled before it was counted leaves a tombstone that keeps it out for good.
    """
    return not any(known.cancels or not row.cancels for known in rows)


def _aggregate_after(
    bucket: Bucket, known: Sequence[Row], added: Sequence[Row], measure: Measure
) -> Aggregate:
    cancelled = {row.identity for row in added if row.cancels}
    fresh = aggregation.aggregate(standing(added), measure)
    taken_out = [row for row in known if not row.cancels and row.identity in cancelled]
    if not taken_out:
        return aggregation.combine(bucket.aggregate, fresh, measure)
    if not measure.is_additive:
        return aggregation.aggregate(standing([*known, *added]), measure)
    left = bucket.aggregate
    for row in taken_out:
        left = aggregation.without(left, row)
    return aggregation.combine(left, fresh, measure)
