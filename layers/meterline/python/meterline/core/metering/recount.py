"""Recounting an hour: whether its rows hold the events that they should, and add up to its counter.

Rows come in parts, the newest first: a cancelling row is met before the row that it takes out, so
an hour of any size is recounted in the memory of one part.
"""

from collections.abc import Sequence

from meterline.core.metering.aggregation import Aggregate, Combination, Measure, Row, apart
from meterline.core.metering.buckets import bounded


class Recount:
    """The rows of an hour beside some of its events: cancelled ones are rows that cancel."""

    def __init__(self, events: Sequence[Row], measure: Measure) -> None:
        """Begin with no rows."""
        self._measure = measure
        self._events = {event.identity: event for event in events if not event.cancels}
        self._cancellations = {event.identity for event in events if event.cancels}
        self._cancelled: set[bytes] = set()
        self._found: set[bytes] = set()
        self._parts = Combination(measure)
        self._is_contradicted = False

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows in that are all older than those before."""
        self._cancelled.update([row.identity for row in rows if row.cancels])
        effective = rows if not self._cancelled else self._effective(rows)
        by_identity = {row.identity: row for row in effective}
        if len(by_identity) < len(effective):
            self._is_contradicted = True
        for identity in self._events.keys() & by_identity.keys():
            self._note(by_identity[identity], self._events[identity])
        for part in apart(effective, self._measure):
            self._parts.add(part)

    def agrees_with(self, counted: Aggregate) -> bool:
        """Whether each event has its row, exactly one, and all rows add up to what was counted.

        An event that was cancelled since it was read counts for nothing, and lacks nothing.
        """
        return (
            not self._is_contradicted
            and self._events.keys() <= self._found | self._cancelled
            and self._cancellations <= self._cancelled
            and bounded(self._parts.whole()) == counted
        )

    def _effective(self, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if not row.cancels and row.identity not in self._cancelled]

    def _note(self, row: Row, event: Row) -> None:
        says_the_same = (row.timestamp, row.value) == (event.timestamp, event.value)
        if row.identity in self._found or not says_the_same:
            self._is_contradicted = True
        self._found.add(row.identity)
