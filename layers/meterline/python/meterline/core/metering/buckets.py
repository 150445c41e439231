"""The decision at the heart of counting: what a bucket becomes when events arrive at it.

A bucket is one hour of one customer's usage of one meter. It knows which events it has counted: the
latest few as rows of its own (``inline``), the others as rows in segments. A row is written once
for an event that is counted and once for an event that is cancelled, so whatever is delivered again
finds its row and changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from meterline.core.base.frozen import frozen
from meterline.core.metering import aggregation
from meterline.core.metering.aggregation import NOTHING, Aggregate, Measure, Row, is_behind
from meterline.core.metering.distinct import MOST_DISTINCT


@frozen
class Bucket:
    """The state of a bucket. ``version`` grows by one with each commit; 0 is a bucket yet to be.

    ``watermark`` is the latest acceptance among the rows it holds, inline or in ``segments``;
    ``newest`` is the end of its latest segment's key.
    """

    version: int = 0
    aggregate: Aggregate = NOTHING
    watermark: int = 0
    segments: int = 0
    inline: tuple[Row, ...] = ()
    newest: str = ""


EMPTY = Bucket()


def evidence_from(bucket: Bucket, arrivals: Sequence[Row]) -> int | None:
    """From which acceptance on the bucket's segments must be read before ``arrivals`` are counted.

    None when no segment can matter: an event accepted after the watermark has no row yet. Taking
    out an event that the aggregate depends on needs all rows (0), and so does a level that does not
    begin after all others: of levels of one second that last received will do.
    """
    if not bucket.segments:
        return None
    if bucket.aggregate.first is not None and not is_behind(bucket.aggregate, arrivals):
        return 0
    cancelled = [row for row in arrivals if row.cancels]
    if any(aggregation.depends_on(bucket.aggregate, row) for row in cancelled):
        return 0
    earliest = min([row.accepted_at for row in arrivals])
    return earliest if earliest <= bucket.watermark else None


def count(
    bucket: Bucket, segment_rows: Sequence[Row], arrivals: Sequence[Row], measure: Measure
) -> Bucket | None:
    """The bucket after ``arrivals``, each counted or cancelled at most once.

    None if nothing is new. ``segment_rows`` are the rows of the segments that ``evidence_from``
    asked for; arrivals hold their acceptance whatever the measure. New rows join ``inline``.
    """
    known = [*segment_rows, *bucket.inline]
    added = _new_rows(known, arrivals)
    if not added:
        return None
    return Bucket(
        version=bucket.version + 1,
        aggregate=bounded(_aggregate_after(bucket, known, added, measure)),
        watermark=max(bucket.watermark, *[row.accepted_at for row in arrivals]),
        segments=bucket.segments,
        inline=(*bucket.inline, *added),
        newest=bucket.newest,
    )


def effective_rows(rows: Iterable[Row]) -> list[Row]:
    """The events among ``rows`` that count: each once, those with a cancelling row not at all."""
    counted: dict[bytes, Row] = {}
    cancelled: set[bytes] = set()
    for row in rows:
        if row.cancels:
            cancelled.add(row.identity)
        else:
            counted[row.identity] = row
    return [row for identity, row in counted.items() if identity not in cancelled]


def bounded(whole: Aggregate) -> Aggregate:
    """The aggregate of an hour as a counter keeps it: of very many distinct values a sample."""
    if whole.distinct is None or len(whole.distinct.digests) <= MOST_DISTINCT:
        return whole
    return replace(whole, distinct=whole.distinct.bounded())


def _new_rows(known: Iterable[Row], arrivals: Sequence[Row]) -> list[Row]:
    """A cancelling row is new until one is there; a counting row only where there is none at all.

    So an event cancelled before it was counted leaves a tombstone that keeps it out for good.
    """
    has_row = {row.identity for row in known}
    arriving = {row.identity for row in arrivals}
    is_usual = len(arriving) == len(arrivals) and has_row.isdisjoint(arriving)
    if is_usual and not any(row.cancels for row in arrivals):
        return list(arrivals)
    is_cancelled = {row.identity for row in known if row.cancels}
    added: list[Row] = []
    for row in arrivals:
        identity = row.identity
        if identity in (is_cancelled if row.cancels else has_row):
            continue
        if row.cancels:
            is_cancelled.add(identity)
            added.append(row._replace(tombstone=identity not in has_row))
        else:
            added.append(row)
        has_row.add(identity)
    return added


def _more_events(added: Iterable[Row]) -> int:
    """By how many events new rows make a bucket more, or less."""
    return sum(0 if row.tombstone else -1 if row.cancels else 1 for row in added)


def _aggregate_after(
    bucket: Bucket, known: Sequence[Row], added: Sequence[Row], measure: Measure
) -> Aggregate:
    cancelled = {row.identity for row in added if row.cancels}
    if measure.has_levels and (cancelled or not is_behind(bucket.aggregate, added)):
        whole = aggregation.aggregate(effective_rows([*known, *added]), measure)
        return replace(whole, count=bucket.aggregate.count + _more_events(added))
    if not cancelled:
        fresh = aggregation.aggregate(added, measure)
        return aggregation.combine(bucket.aggregate, fresh, measure)
    fresh = aggregation.aggregate(effective_rows(added), measure)
    taken_out = [row for row in known if not row.cancels and row.identity in cancelled]
    left = bucket.aggregate
    if any(aggregation.depends_on(left, row) for row in taken_out):
        return aggregation.aggregate(effective_rows([*known, *added]), measure)
    for row in taken_out:
        left = aggregation.without(left, row, measure)
    return aggregation.combine(left, fresh, measure)
