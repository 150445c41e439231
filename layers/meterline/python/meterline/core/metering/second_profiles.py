"""An hour's usage second by second, so that a cut through a busy hour need not read all its rows.

A profile holds what the oldest segments of an hour add up to. It can be made again from them, so
nothing depends on it but the cost of reading.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field

from meterline.core.base.frozen import frozen
from meterline.core.metering.aggregation import (
    NOTHING,
    Aggregate,
    Measure,
    Row,
    aggregate,
    combine,
    depends_on,
    without,
)
from meterline.core.metering.buckets import effective_rows

type Seconds = Mapping[int, Aggregate]
"""The usage of each second (UTC) that has any."""


@frozen
class Profile:
    """The usage in the first ``segments`` segments of an hour; ``until`` is the last one's key."""

    segments: int = 0
    until: str = ""
    seconds: Seconds = field(default_factory=dict)


def has_profile(measure: Measure) -> bool:
    """Whether hours of this measure get profiles: not where a window leaves one event of an hour,
    nor where each second would hold a set of values.
    """
    return measure.window is None and not measure.has_digests


def without_cancelled(
    seconds: Seconds, later: Iterable[Row], measure: Measure
) -> tuple[Seconds, list[Row]]:
    """The usage by seconds without what ``later`` rows take out of it, and the rows of those that
    count.

    Raises NeedsAllRows where a second depends on what is taken out of it.
    """
    rows = list(later)
    counted = {row.identity for row in rows if not row.cancels}
    taken_out = {
        row.identity: row
        for row in rows
        if row.cancels and not row.tombstone and row.identity not in counted
    }
    left = dict(seconds)
    for row in taken_out.values():
        if depends_on(left[row.timestamp], row):
            raise NeedsAllRows
        left[row.timestamp] = without(left[row.timestamp], row, measure)
    return left, effective_rows(rows)


class NeedsAllRows(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """The greatest, least or latest event was cancelled: only the rows of all others tell more."""


def fold(seconds: Seconds, later: Iterable[Row], measure: Measure) -> Seconds:
    """The usage by seconds together with ``later`` rows; may raise NeedsAllRows."""
    left, rows = without_cancelled(seconds, later, measure)
    of_second: dict[int, list[Row]] = {}
    for row in rows:
        of_second.setdefault(row.timestamp, []).append(row)
    fresh = {second: aggregate(some, measure) for second, some in of_second.items()}
    return dict(left) | {
        second: combine(left.get(second, NOTHING), part, measure) for second, part in fresh.items()
    }
