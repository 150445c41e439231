"""Gathering stored events by the hours they belong to, before any counter is read.

An hour that has many events is then read once for all of them, not once for each page of the scan.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from meterline.core.metering.acceptance import cell_from_text, measure_from_text
from meterline.services.base.parallel import in_parallel
from meterline.services.metering.groups import Group
from meterline.store.metering.event_scan import Cursor, EventScan, ScannedEvent
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey

type Places = Mapping[int, Cursor]
"""Where the segments go on that are not at their end."""


@dataclass(slots=True)
class Gathered:
    """Events by hour; how many they are, and how many cannot be read."""

    groups: dict[BucketKey, Group] = field(default_factory=dict)
    events: int = 0
    unreadable: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, page: Sequence[ScannedEvent | None]) -> None:
        """Take the events of a page in; several threads may."""
        with self._lock:
            for event in page:
                if event is None:
                    self.unreadable += 1
                else:
                    self._add(event)

    def _add(self, event: ScannedEvent) -> None:
        hour = event.row.timestamp // HOUR_SECONDS
        cell = cell_from_text(event.measure)
        key = BucketKey(event.livemode, event.meter, event.customer, hour, cell)
        group = self.groups.get(key)
        if group is None:
            try:
                measure = measure_from_text(event.measure)
            except (LookupError, ValueError):
                self.unreadable += 1
                return
            group = self.groups[key] = Group(key, measure)
        group.arrivals.append(event.row)
        self.events += 1


def whole_table(scan: EventScan) -> Places:
    """The places of a scan that has not begun."""
    return dict.fromkeys(range(scan.segments))


def gather(
    scan: EventScan, places: Places, *, most_events: int, has_time: Callable[[], bool]
) -> tuple[Gathered, Places]:
    """Events from these places on, and where the next go on: none, when that was all.

    Stops soon after ``most_events`` (each segment ends its page), or without time; a page of each
    segment is always read.
    """
    gathered = Gathered()

    def read(segment: int, cursor: Cursor) -> tuple[int, Cursor]:
        while True:
            page, cursor = scan.page(segment, cursor)
            gathered.add(page)
            if cursor is None or gathered.events >= most_events or not has_time():
                return segment, cursor

    ends = in_parallel([partial(read, *place) for place in places.items()])
    return gathered, {segment: cursor for segment, cursor in ends if cursor is not None}
