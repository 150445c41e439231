"""Writing instants as dates: the tables of these tests speak ISO 8601, the core integer seconds."""

from datetime import UTC, datetime

from meterline.core.base.periods import Interval, IntervalUnit, Period


def at(text: str) -> int:
    """UTC seconds of "2024-02-29" or "2024-02-29T12:30:00"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def iso(instant: int) -> str:
    """The shortest ISO form of an instant: only the date at midnight."""
    moment = datetime.fromtimestamp(instant, UTC).replace(tzinfo=None)
    return moment.isoformat().removesuffix("T00:00:00")


def span(start: str, end: str) -> Period:
    """The period between two ISO instants."""
    return Period(at(start), at(end))


def every(text: str) -> Interval:
    """The interval written as "month", "2 months" or "1 year"."""
    words = text.split()
    count = int(words[0]) if len(words) == 2 else 1
    return Interval(IntervalUnit(words[-1].removesuffix("s")), count)
