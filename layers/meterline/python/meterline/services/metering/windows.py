"""The windows of a range of time, by which usage is told."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo

from meterline.core.base.errors import BillingError
from meterline.core.metering.calendar_windows import Grouping, Span, window_around

MOST_SECONDS_OF_MINUTES = 86_400
"""Minutes are read from the seconds or the events of an hour: so many hours at most."""


@dataclass(slots=True)
class Windows:
    """The windows of a range (``start`` inclusive to ``end`` exclusive, UTC seconds), as its
    grouping and its time zone make them; without a grouping it is one.
    """

    start: int
    end: int
    grouping: Grouping | None = None
    zone: tzinfo = UTC
    now: int | None = None
    """Levels are told up to then, as nobody knows how long they last; None: as if they went on."""
    latest: Span = (0, 0)
    """The window that was asked for last."""

    def around(self, instant: int) -> Span:
        """The window that an instant of the range lies in."""
        if self.grouping is None:
            return self.start, self.end
        if not self.latest[0] <= instant < self.latest[1]:
            self.latest = window_around(instant, self.grouping, self.zone)
        return self.latest

    def inside(self, bounds: Span) -> Span:
        """The part of a window that lies in the range."""
        return max(bounds[0], self.start), min(bounds[1], self.end)

    def parts_from(self, since: int) -> Iterator[Span]:
        """Of each window from an instant on the part that lies in the range."""
        while since < self.end:
            closing = min(self.around(since)[1], self.end)
            yield since, closing
            since = closing

    def is_undivided(self, start: int, end: int) -> bool:
        """Whether a range lies in one window."""
        return end <= self.around(start)[1]

    @property
    def may_have_days(self) -> bool:
        """Whether a window can hold a whole day of UTC."""
        return self.grouping not in (Grouping.MINUTE, Grouping.HOUR)

    def check_bounds(self) -> None:
        """Raise BillingError unless both bounds are the start of a window, and in order."""
        for name, value in (("start_time", self.start), ("end_time", self.end)):
            if value % 60 if self.grouping is None else self.around(value)[0] != value:
                message = f"{name} must be aligned to {self._unit()} boundary: got {value}."
                raise BillingError(message, param=name)
        if self.end <= self.start:
            raise BillingError("end_time must be after start_time.", param="end_time")
        if self.grouping is Grouping.MINUTE and self.end - self.start > MOST_SECONDS_OF_MINUTES:
            message = "Minutes are told of a day at most: end_time is too far from start_time."
            raise BillingError(message, param="end_time")

    def _unit(self) -> str:
        match self.grouping:
            case None | Grouping.MINUTE:
                return "a minute"
            case Grouping.HOUR:
                return "an hour" if self.zone is UTC else f"an hour ({self.zone})"
            case Grouping.DAY:
                return f"a day (midnight {self.zone})"
            case Grouping.WEEK:
                return f"a week (midnight {self.zone} before Monday)"
            case Grouping.MONTH:
                return f"a month (midnight {self.zone} before its first day)"
