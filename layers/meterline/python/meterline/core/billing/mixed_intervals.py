"""Items of different intervals on one subscription (flexible billing mode only).

All items share the anchor, each keeps its own periods, and the subscription's period is what they
have in common. Rules: Stripe, "Mixed interval subscriptions".
"""

from collections.abc import Iterable

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Interval, Period

_DAY_SECONDS = 86_400


def shortest_interval(intervals: Iterable[Interval]) -> Interval:
    """The interval that a subscription's own cycle follows; there must be at least one."""
    return min(intervals, key=_length)


def check_mixed_intervals(intervals: Iterable[Interval]) -> None:
    """Refuse intervals that are not all multiples of the shortest one.

    A week is 7 days, a year 12 months. Months and years are whole days but no whole weeks, so one
    day mixes with all.
    """
    distinct = list(intervals)
    shortest = shortest_interval(distinct)
    for interval in distinct:
        if not is_multiple(interval, shortest):
            raise BillingError(
                f"The interval of {interval} is not a multiple of the subscription's shortest"
                f" interval, {shortest}.",
                param="items",
            )


def is_multiple(interval: Interval, of: Interval) -> bool:
    """Whether every boundary of the first interval is one of the second as well."""
    if interval.seconds is not None and of.seconds is not None:
        return interval.seconds % of.seconds == 0
    if interval.months and of.months:
        return interval.months % of.months == 0
    return bool(interval.months) and of.seconds == _DAY_SECONDS


def subscription_period(item_periods: Iterable[Period]) -> Period:
    """What the items' current periods have in common: latest start to earliest end."""
    periods = list(item_periods)
    return Period(max(p.start for p in periods), min(p.end for p in periods))


def _length(interval: Interval) -> tuple[int, int]:
    """An order of intervals by length; any month is longer than the one day that mixes with it."""
    return interval.months, interval.seconds or 0
