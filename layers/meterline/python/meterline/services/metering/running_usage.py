"""How much of a limit a customer has used in its running period: one read, mostly.

The customer, the running total of its usage, and the counters of the last hours are read in one
request. The total ends where hours may still change: usage that comes later for an earlier hour
has it forgotten by the worker behind the counters' stream, within a second. Where there is no total
yet, or it ends too long ago, the usage is added up as a bill would have it, and a total stored.
"""

import contextlib
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Combination, Measure, result
from meterline.core.metering.day_totals import has_day_totals
from meterline.services.base.context import Context
from meterline.services.metering.series import Series
from meterline.services.metering.usage_query import (
    aggregate_between,
    billed_usage,
    parts_of_counters,
)
from meterline.store.base.failures import UNANSWERED, passes
from meterline.store.base.settings import settings
from meterline.store.metering.headrooms import UsageKey
from meterline.store.metering.running_totals import (
    Recent,
    RunningTotal,
    forget_running_total,
    recent_keys,
    recent_of,
    save_running_total,
)
from meterline.store.metering.usage import HOUR_SECONDS

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Meter
    from meterline.store.base.documents import Document

_RECENT_HOURS = 3
"""So many whole hours before the present one are read by themselves."""

_OPEN_HOURS = 2
"""So many of them no total has: their usage may still be on its way."""

_AHEAD_SECONDS = 300
"""So far ahead an event may be dated."""


@frozen
class Seen:
    """What one request has read: a customer, and its recent usage of a meter."""

    customer: "Document[Customer] | None"
    meter: "Meter | None" = None
    recent: Recent | None = None


def read_with_usage(ctx: Context, customer_id: str, meter: "Meter | None") -> Seen:
    """A customer, and what tells its recent usage of a meter: one request."""
    if meter is None:
        return Seen(ctx.store.get(customer_id))
    key, hours = UsageKey(ctx.livemode, meter["id"], customer_id), _recent_hours(ctx)
    table, places = settings().usage_table, recent_keys(key, hours)
    customer, items = ctx.store.get_beside(customer_id, table, places)
    return Seen(customer, meter, recent_of(key, hours, items))


def used_between(
    ctx: Context, customer_id: str, meter: "Meter", start: int, end: int, recent: Recent | None
) -> Decimal:
    """The usage from ``start`` to ``end`` (UTC seconds) that was counted by now.

    ``ctx`` is at the customer's time, up to which levels are told. ``recent`` is what was read of
    it by the wall clock; without it all is read.
    """
    series = Series(ctx.livemode, meter["id"], customer_id, measure_of(meter))
    if series.measure.has_levels:
        end = min(end, ctx.now)
    if recent is None or not _has_running_total(series.measure):
        return billed_usage(meter, customer_id, start, end, livemode=ctx.livemode).quantity
    hours, whole = _recent_hours(ctx), Combination(series.combining)
    through = hours.start
    if start < hours.start * HOUR_SECONDS:
        total = recent.total
        if total.since != start or total.through not in hours:
            total = _added_up(ctx, series, recent.total, start)
        through = total.through
        whole.add(total.aggregate)
    found = ((hour, recent.counter(hour, hour * HOUR_SECONDS, series.measure)) for hour in hours)
    counters = [(hour, one) for hour, one in found if one is not None and hour >= through]
    for part in parts_of_counters(series, counters, start, end):
        whole.add(part.aggregate)
    return result(whole.whole(), series.measure.formula)


def _has_running_total(measure: Measure) -> bool:
    """Whether totals of hours add up to the usage of a period: levels also last between them."""
    return has_day_totals(measure) and not measure.dimensions and not measure.has_levels


def forget_if_totalled(key: UsageKey, hours: Iterable[int], *, now: int) -> None:
    """To be called when counters of limited usage have changed: no total may hold what they were.

    ``now`` is the wall clock. Hours that no total can have are left alone.
    """
    if min(hours) < now // HOUR_SECONDS - _OPEN_HOURS + 1:
        forget_running_total(key)


def _recent_hours(ctx: Context) -> range:
    now = ctx.wall_clock
    last = (now + _AHEAD_SECONDS) // HOUR_SECONDS
    return range(now // HOUR_SECONDS - _RECENT_HOURS, last + 1)


def _added_up(ctx: Context, series: Series, before: RunningTotal, start: int) -> RunningTotal:
    through = ctx.wall_clock // HOUR_SECONDS - _OPEN_HOURS
    whole = aggregate_between(series, start, through * HOUR_SECONDS)
    total = RunningTotal(before.generation, start, through, whole)
    with contextlib.suppress(_NotStored):
        _store(UsageKey(series.livemode, series.meter, series.customer), before, total)
    return total


class _NotStored(Exception):  # noqa: N818 - the next who asks adds it up again
    """A total could not be stored just now."""


def _store(key: UsageKey, before: RunningTotal, total: RunningTotal) -> None:
    try:
        save_running_total(key, before, total)
    except UNANSWERED as error:
        if not passes(error):
            raise
        raise _NotStored from error
