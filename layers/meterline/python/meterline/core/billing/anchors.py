"""The billing cycle anchor of a subscription: from creation, trial end, a timestamp or a config.

The anchor is the reference that aligns the boundaries of all periods (see `periods`). It may lie
several periods ahead; the first full invoice never does. Rules: Stripe, "Set the subscription
billing cycle date" and "Use trial periods".
"""

from calendar import monthrange
from datetime import UTC, datetime
from typing import Final

from meterline.core.base.errors import BillingError, in_the_past
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import (
    SECONDS_PER_DAY,
    Interval,
    add_intervals,
    boundary_on_or_after,
)

MAX_TRIAL_DAYS: Final = 730
_STEPS_UNTIL_LENGTHS_REPEAT: Final = 12


@frozen
class AnchorConfig:
    """`billing_cycle_anchor_config`: calendar parts of the anchor in UTC.

    Parts that are None come from the instant of creation.
    """

    day_of_month: int
    month: int | None = None
    hour: int | None = None
    minute: int | None = None
    second: int | None = None

    def __post_init__(self) -> None:
        _check_part("day_of_month", self.day_of_month, 1, 31)
        _check_part("month", self.month, 1, 12)
        _check_part("hour", self.hour, 0, 23)
        _check_part("minute", self.minute, 0, 59)
        _check_part("second", self.second, 0, 59)


def resolve_anchor(config: AnchorConfig, created: int, interval: Interval) -> int:
    """The anchor that a config means for a subscription created (or out of trial) at an instant.

    It is the next occurrence of the config, at or after creation. If that day is clamped to a short
    month, the anchor moves on by whole intervals to the first month that has the day, so that the
    wanted day is not lost: two-monthly from February on day 31 gives 31 August. The first full
    invoice stays at the clamped occurrence; `first_full_invoice_at` gives it.
    """
    if not interval.months:
        raise BillingError(
            "billing_cycle_anchor_config needs prices with a month or year interval.",
            param="billing_cycle_anchor_config",
        )
    occurrence = _next_occurrence(config, datetime.fromtimestamp(created, UTC))
    month_index = _unclamped_month(_month_index(occurrence), config.day_of_month, interval.months)
    return int(_clamped(occurrence, month_index, config.day_of_month).timestamp())


def first_full_invoice_at(anchor: int, interval: Interval, start: int) -> int:
    """When the first full period starts: the first aligned boundary at or after the start.

    Equal to the start if that is itself a boundary; then there is no stub.
    """
    return boundary_on_or_after(anchor, interval, start)


def check_explicit_anchor(anchor: int, start: int, interval: Interval) -> None:
    """Refuse a `billing_cycle_anchor` in the past or later than the next natural billing date.

    `start` is the creation, or the end of the trial if there is one; the shortest interval of the
    subscription counts. Equality with the natural date is accepted.
    """
    natural = add_intervals(start, interval, 1)
    if anchor > natural:
        raise BillingError(
            "billing_cycle_anchor cannot be later than next natural billing date"
            f" ({natural}) for plan",
            param="billing_cycle_anchor",
        )
    if anchor < start:
        raise BillingError(
            "billing_cycle_anchor must be in the future, and not before the end of the trial.",
            param="billing_cycle_anchor",
        )


def trial_end_from_days(start: int, days: int) -> int:
    """End of a trial of whole days, at most 730 of them."""
    if not 0 <= days <= MAX_TRIAL_DAYS:
        raise BillingError(
            f"Invalid trial_period_days: it must be between 0 and {MAX_TRIAL_DAYS}.",
            param="trial_period_days",
        )
    return start + days * SECONDS_PER_DAY


def check_trial_end(trial_end: int, now: int) -> None:
    """Refuse a trial that ends in the past or lasts for more than 730 days from ``now``.

    Stripe's reference counts two years from the anchor, which the end of the trial becomes: its API
    counts from the request (stripe-ruby, issue 804).
    """
    if trial_end < now:
        raise in_the_past("trial_end", trial_end)
    if trial_end > now + MAX_TRIAL_DAYS * SECONDS_PER_DAY:
        raise BillingError(
            f"The maximum number of trial period days is {MAX_TRIAL_DAYS} (2 years).",
            param="trial_end",
        )


def _next_occurrence(config: AnchorConfig, created: datetime) -> datetime:
    """First instant at or after creation with the config's parts, its day clamped to the month."""
    base = created.replace(
        hour=created.hour if config.hour is None else config.hour,
        minute=created.minute if config.minute is None else config.minute,
        second=created.second if config.second is None else config.second,
    )
    index = _month_index(created)
    step = 1
    if config.month is not None:
        index += config.month - created.month
        step = 12
    candidate = _clamped(base, index, config.day_of_month)
    while candidate < created:
        index += step
        candidate = _clamped(base, index, config.day_of_month)
    return candidate


def _unclamped_month(index: int, day: int, step: int) -> int:
    """First month, going by whole intervals, that has the day; else the first with the most days.

    The lengths of the months visited repeat within twelve steps, leap years included, as an
    interval is three years at most.
    """
    visited = (index + n * step for n in range(_STEPS_UNTIL_LENGTHS_REPEAT))
    return max(visited, key=lambda month: min(day, _days_in(month)))


def _clamped(moment: datetime, month_index: int, day: int) -> datetime:
    year, month_zero = divmod(month_index, 12)
    return moment.replace(year=year, month=month_zero + 1, day=min(day, _days_in(month_index)))


def _month_index(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def _days_in(month_index: int) -> int:
    year, month_zero = divmod(month_index, 12)
    return monthrange(year, month_zero + 1)[1]


def _check_part(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise BillingError(
            f"Invalid {name} {value}: it must be between {low} and {high}.",
            param=f"billing_cycle_anchor_config[{name}]",
        )
