"""Billing periods: where the boundaries of a cycle fall.

Every boundary is computed from the billing cycle anchor, never from the boundary before it, so a
cycle anchored on 31 January bills 28 February and then 31 March. Instants are integer UTC seconds,
periods half-open. The rules are Stripe's ("Set the subscription billing cycle date").
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

from dateutil.relativedelta import relativedelta

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen

SECONDS_PER_DAY: Final = 86_400
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


class IntervalUnit(StrEnum):
    """Calendar unit of a recurring price."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_MAX_COUNT: Final = {
    IntervalUnit.DAY: 1095,
    IntervalUnit.WEEK: 156,
    IntervalUnit.MONTH: 36,
    IntervalUnit.YEAR: 3,
}
_FIXED_SECONDS: Final = {
    IntervalUnit.DAY: SECONDS_PER_DAY,
    IntervalUnit.WEEK: 7 * SECONDS_PER_DAY,
}
_MONTHS: Final = {IntervalUnit.MONTH: 1, IntervalUnit.YEAR: 12}


_COUNT_PARAM: Final = "recurring[interval_count]"


def check_interval_count(unit: str, count: int, param: str) -> None:
    """Refuse an interval of more than three years."""
    most = _MAX_COUNT[IntervalUnit(unit)]
    if count > most:
        raise BillingError(
            f"Invalid interval count: must be at most {most} for the interval `{unit}` (three"
            " years).",
            param=param,
        )


@frozen
class Interval:
    """How often a price recurs: `count` units, at most three years."""

    unit: IntervalUnit
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise BillingError("An interval is at least one unit long.", param=_COUNT_PARAM)
        check_interval_count(self.unit, self.count, _COUNT_PARAM)

    @property
    def seconds(self) -> int | None:
        """Fixed length in seconds for days and weeks; None for months and years, which vary."""
        fixed = _FIXED_SECONDS.get(self.unit)
        return None if fixed is None else fixed * self.count

    @property
    def months(self) -> int:
        """Length in calendar months; 0 for days and weeks."""
        return _MONTHS.get(self.unit, 0) * self.count

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """The half-open span [start, end) in UTC seconds."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a period cannot end at {self.end}, before it starts at {self.start}")

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        return self.end - self.start

    def remaining_from(self, instant: int) -> "Period":
        """The part of the period from an instant on: all of it, a part, or nothing at its end."""
        return Period(min(max(self.start, instant), self.end), self.end)

    def until(self, end: int | None) -> "Period":
        """The part of the period before an instant; all of it for None, nothing at its start."""
        if end is None:
            return self
        return Period(self.start, max(min(self.end, end), self.start))

    def without(self, others: Iterable["Period"]) -> tuple["Period", ...]:
        """The parts of the period that are in none of the others, in their order."""
        parts, start = [], self.start
        for other in sorted(others, key=lambda period: period.start):
            if other.start > start:
                parts.append(Period(start, min(other.start, self.end)))
            start = max(start, min(other.end, self.end))
            if start >= self.end:
                break
        parts.append(Period(start, self.end))
        return tuple(part for part in parts if part.seconds)


def boundary(anchor: int, interval: Interval, n: int) -> int:
    """The n-th boundary counted from the anchor; boundary 0 is the anchor, n may be negative.

    A day that the month does not have becomes the month's last day; the time of day is kept.
    """
    seconds = interval.seconds
    if seconds is not None:
        return anchor + n * seconds
    return add_months(anchor, n * interval.months)


def add_intervals(instant: int, interval: Interval, n: int) -> int:
    """Calendar arithmetic: `n` intervals after an instant (23 November + 2 months = 23 January)."""
    return boundary(instant, interval, n)


def add_months(instant: int, months: int) -> int:
    """The same day and time `months` calendar months later, or the last day of a shorter month."""
    day_number, second_of_day = divmod(instant, SECONDS_PER_DAY)
    return _day_months_later(day_number, months) * SECONDS_PER_DAY + second_of_day


@lru_cache(maxsize=1_024)
def _day_months_later(day_number: int, months: int) -> int:
    """Of days counted since 1970; an invoice asks for the same few boundaries again and again."""
    target = date.fromordinal(_EPOCH_ORDINAL + day_number) + relativedelta(months=months)
    return target.toordinal() - _EPOCH_ORDINAL


def period_at(anchor: int, interval: Interval, instant: int) -> Period:
    """The period aligned to the anchor that contains the instant, also before the anchor."""
    n = period_number(anchor, interval, instant)
    return Period(boundary(anchor, interval, n), boundary(anchor, interval, n + 1))


def period_number(anchor: int, interval: Interval, instant: int) -> int:
    """Number of the aligned period containing the instant; period 0 starts at the anchor.

    Constant time: counting calendar months can be one too high, when the day is still to come in
    its month, and never too low.
    """
    seconds = interval.seconds
    if seconds is not None:
        return (instant - anchor) // seconds
    estimate = (_month_index(instant) - _month_index(anchor)) // interval.months
    return estimate if boundary(anchor, interval, estimate) <= instant else estimate - 1


def next_boundary(anchor: int, interval: Interval, instant: int) -> int:
    """The first boundary strictly after the instant."""
    return period_at(anchor, interval, instant).end


def boundary_on_or_after(anchor: int, interval: Interval, instant: int) -> int:
    """The first boundary at or after the instant: where the first full period of a cycle starts."""
    return next_boundary(anchor, interval, instant - 1)


def stub_denominator(stub: Period, interval: Interval) -> Period:
    """The full period that a stub (creation to first boundary) is charged a fraction of.

    It is the imagined interval that starts with the stub, the rule that Stripe publishes for
    backdated starts: 15 February to 1 March is 14/28, 15 January to 1 February 17/31. Clamped days
    can make a stub longer than that interval (28 February noon to 30 March midnight); it then costs
    one full price and no more. See docs/decisions/stub-denominator.md.
    """
    return Period(stub.start, max(add_intervals(stub.start, interval, 1), stub.end))


def _month_index(instant: int) -> int:
    day = date.fromordinal(_EPOCH_ORDINAL + instant // SECONDS_PER_DAY)
    return day.year * 12 + day.month - 1
