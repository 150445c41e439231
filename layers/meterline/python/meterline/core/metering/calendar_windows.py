"""The minutes, hours, days, weeks and months of a time zone, as ranges of UTC seconds.

The windows of a grouping follow each other without gap or overlap, whatever the zone does with its
clocks: a day is 23 or 25 hours long where it must be. A day begins with the first second of its
date; an hour that the clocks repeat is two hours, and a change within an hour divides it. Minutes
are those of UTC, which zones move by whole ones.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache

_MINUTE_SECONDS = 60
_HOUR_SECONDS = 3_600


class Grouping(StrEnum):
    """How usage is grouped into windows, which follow each other; a week begins on Monday."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


type Span = tuple[int, int]
"""A range of UTC seconds; its end is exclusive."""


def window_around(instant: int, grouping: Grouping, zone: tzinfo) -> Span:
    """The window of ``zone`` that ``instant`` (UTC seconds, 1970 to 9998) lies in."""
    if grouping is Grouping.MINUTE:
        start = instant - instant % _MINUTE_SECONDS
        return start, start + _MINUTE_SECONDS
    if grouping is Grouping.HOUR:
        return _hour_around(instant, zone)
    first = _first_day(_local(instant, zone).date(), grouping)
    # Where the clocks fall back over midnight, the new date has begun before the old one is over.
    following = _following(first, grouping)
    while day_start(following, zone) <= instant:
        first, following = following, _following(following, grouping)
    return day_start(first, zone), day_start(following, zone)


@lru_cache(maxsize=1_024)
def day_start(day: date, zone: tzinfo) -> int:
    """The first second of a date; of a date that the zone left out, that of the next one."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    # Both readings of midnight: the same one, the two of a repeated hour, or around a gap.
    early, late = sorted(int(midnight.replace(fold=fold).timestamp()) for fold in (0, 1))
    if _local(early, zone).date() >= day:
        return early
    return _first(early, late, lambda instant: _local(instant, zone).date() >= day)


def _hour_around(instant: int, zone: tzinfo) -> Span:
    local = _local(instant, zone)
    start = instant - local.minute * 60 - local.second
    end = start + _HOUR_SECONDS

    def is_same(other: int) -> bool:
        return _local(other, zone).utcoffset() == local.utcoffset()

    if not is_same(start):
        start = _first(start, instant, is_same)
    if not is_same(end - 1):
        end = _first(instant, end - 1, lambda other: not is_same(other))
    return start, end


def _first_day(day: date, grouping: Grouping) -> date:
    """The first day of the window that a day lies in."""
    if grouping is Grouping.DAY:
        return day
    if grouping is Grouping.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1)


def _following(first: date, grouping: Grouping) -> date:
    if grouping is Grouping.DAY:
        return first + timedelta(days=1)
    if grouping is Grouping.WEEK:
        return first + timedelta(days=7)
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def _local(instant: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(instant, zone)


def _first(low: int, high: int, is_there: Callable[[int], bool]) -> int:
    """The first second after ``low`` at which it ``is_there``, as it is at ``high``."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_there(middle) else (middle, high)
    return high
