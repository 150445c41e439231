"""Usage analytics: what a customer used, window by window, of some meters and parts of them.

Everything is read from counters and totals of days, consistently, so rows say what invoices bill.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.money import exact_sum
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import result
from meterline.core.metering.calendar_windows import Grouping, Span
from meterline.core.metering.dimensions import name_of_part
from meterline.services.base.context import Context
from meterline.services.base.ids import placed_id
from meterline.services.base.parallel import in_parallel
from meterline.services.metering.allowance import Allowance
from meterline.services.metering.series import EVERYTHING, Breakdown, Labelled, Series
from meterline.services.metering.usage_query import usage_by_window
from meterline.services.metering.windows import Windows

if TYPE_CHECKING:
    from meterline.core.base.wire import Meter, MeterUsage, MeterUsageRow

OBJECT = "billing.analytics.meter_usage"
PATH = "/v1/billing/analytics/meter_usage"

MOST_WINDOWS: Mapping[Grouping | None, int] = {
    Grouping.HOUR: 1_000,
    Grouping.DAY: 400,
    Grouping.WEEK: 400,
    Grouping.MONTH: 400,
}
"""So many windows of a kind are told at once: each may be read hour by hour, or day by day."""

MOST_METERS = 20
"""So many meters are read at once."""

MOST_ROWS = 10_000
"""An answer has so many rows at most: 2 MB."""

_SHORTEST_SECONDS = {
    Grouping.HOUR: 3_600,
    Grouping.DAY: 86_400,
    Grouping.WEEK: 7 * 86_400,
    Grouping.MONTH: 28 * 86_400,
}
"""Days are as long as that, but for those that clocks make shorter."""


@frozen
class Asked:
    """A meter of which usage is asked for, and what of it."""

    meter: "Meter"
    breakdown: Breakdown = EVERYTHING


type _Key = tuple[Span, str, tuple[tuple[str, str], ...]]
"""The window of a row, its meter ("": all of them) and the values of dimensions."""

type _Values = dict[_Key, Decimal]
"""What rows say."""


def meter_usage(
    ctx: Context, customer_id: str, windows: Windows, asked: Sequence[Asked] | None
) -> "MeterUsage":
    """The ``billing.analytics.meter_usage`` of a customer: rows in the order of time, none empty.

    ``asked`` None adds up all meters, and names none. The windows that the range cuts are told as
    far as they lie in it. Raises BillingError for a range that is not aligned to the minute, and
    for more than can be told at once.
    """
    check(windows)
    found = _read(ctx, customer_id, windows, _all_meters(ctx) if asked is None else asked)
    rows = _rows(ctx, customer_id, _added_up(found, by_meter=asked is not None))
    if len(rows) > MOST_ROWS:
        message = f"More than {MOST_ROWS} rows: ask for a shorter range, or for less of it."
        raise BillingError(message, param="ends_at")
    return {
        "object": OBJECT,
        "livemode": ctx.livemode,
        "refreshed_at": ctx.wall_clock,
        "rows": {
            "object": "list",
            "data": rows,
            "has_more": False,
            "total": len(rows),
            "url": PATH,
        },
    }


def check(windows: Windows) -> None:
    """Raise BillingError unless a range is in order, aligned, and not too long."""
    for name, value in (("starts_at", windows.start), ("ends_at", windows.end)):
        if value % 60:
            message = f"{name} must be aligned to a minute boundary: got {value}."
            raise BillingError(message, param=name)
    if windows.end <= windows.start:
        raise BillingError("ends_at must be after starts_at.", param="ends_at")
    grouping = windows.grouping
    if grouping is not None:
        most = MOST_WINDOWS[grouping]
        if windows.end - windows.start > most * _SHORTEST_SECONDS[grouping]:
            message = f"At most {most} windows of a {grouping} are told at once: ask for less time."
            raise BillingError(message, param="ends_at")


def _all_meters(ctx: Context) -> list[Asked]:
    """All meters, if they are few enough to be read at once."""
    meters: list[Asked] = []
    for document in ctx.store.each("billing.meter"):
        if len(meters) == MOST_METERS:
            message = f"There are more than {MOST_METERS} meters: name those that are meant."
            raise BillingError(message, param="meters")
        meters.append(Asked(document.body))
    return meters


def _read(
    ctx: Context, customer_id: str, windows: Windows, asked: Iterable[Asked]
) -> list[_Values]:
    """What each meter, as it was asked for, says; side by side."""
    parts: list[tuple[Asked, Labelled]] = []
    allowance = Allowance()
    for one in asked:
        measure = measure_of(one.meter)
        series = Series(ctx.livemode, one.meter["id"], customer_id, measure, allowance=allowance)
        found = series.broken_down(windows.start, windows.end, one.breakdown)
        parts += [(one, labelled) for labelled in found]
    calls = [partial(_of_part, one, labelled, replace(windows)) for one, labelled in parts]
    return in_parallel(calls)


def _of_part(one: Asked, labelled: Labelled, windows: Windows) -> _Values:
    values, series = labelled
    formula = series.measure.formula
    return {
        (windows.inside(bounds), one.meter["id"], tuple(values.items())): result(whole, formula)
        for bounds, whole in usage_by_window(series, windows).items()
    }


def _added_up(found: Iterable[_Values], *, by_meter: bool) -> _Values:
    """All values, in the order of their windows; those of no meter in particular are added up."""
    together: defaultdict[_Key, list[Decimal]] = defaultdict(list)
    for values in found:
        for (bounds, meter, dimensions), value in values.items():
            together[bounds, meter if by_meter else "", dimensions].append(value)
    return {key: exact_sum(together[key]) for key in sorted(together)}


def _rows(ctx: Context, customer_id: str, values: _Values) -> "list[MeterUsageRow]":
    prefix = "mtrur_" if ctx.livemode else "mtrur_test_"
    return [
        {
            "id": placed_id(
                prefix, start, customer_id, end, meter, *name_of_part(dict(dimensions))
            ),
            "object": f"{OBJECT}_row",
            "dimensions": dict(dimensions) or None,
            "ends_at": end,
            "meter": meter or None,
            "starts_at": start,
            "tenants": None,
            "value": value,
        }
        for ((start, end), meter, dimensions), value in values.items()
    ]
