"""Summaries of meter events: what a customer's usage of a meter was in each window of a range."""

from typing import TYPE_CHECKING

from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Aggregate, result
from meterline.core.metering.calendar_windows import Span
from meterline.core.metering.dimensions import name_of_part
from meterline.services.base.ids import place_in, placed_id
from meterline.services.metering.series import EVERYTHING, Breakdown, Series
from meterline.services.metering.usage_query import usage_by_window
from meterline.services.metering.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterline.core.base.wire import Meter, MeterEventSummary

type Place = tuple[int, tuple[str, ...]]
"""Where a summary stands in its list: newest window first, then by the values of dimensions."""


def list_event_summaries(
    meter: "Meter",
    customer_id: str,
    windows: Windows,
    breakdown: Breakdown = EVERYTHING,
    *,
    livemode: bool,
) -> "list[MeterEventSummary]":
    """The ``billing.meter_event_summary`` bodies of a range, newest first, without empty windows;
    those of a window by the values of the dimensions that they are grouped by.

    Raises BillingError for bounds that are not aligned to the minute, or to a window.
    """
    windows.check_bounds()
    series = Series(livemode, meter["id"], customer_id, measure_of(meter))
    parts = series.broken_down(windows.start, windows.end, breakdown)
    found = [
        _summary(part, bounds, whole, values)
        for values, part in parts
        for bounds, whole in usage_by_window(part, windows).items()
    ]
    return sorted(found, key=place_of)


def place_of(summary: "MeterEventSummary") -> Place:
    """Where a summary stands in its list."""
    return -summary["start_time"], tuple(summary.get("dimensions", {}).values())


def place_of_id(
    summary_id: str,
    meter: "Meter",
    customer_id: str,
    windows: Windows,
    breakdown: Breakdown = EVERYTHING,
    *,
    livemode: bool,
) -> Place | None:
    """Where a summary stands, from its id alone: it may be empty by now.

    None where ``list_event_summaries`` gives no such id for any window of the range.
    """
    series = Series(livemode, meter["id"], customer_id, measure_of(meter))
    second = place_in(summary_id, _prefix(series))
    if second is None or not windows.start <= second < windows.end:
        return None
    bounds = windows.around(second)
    for values, part in series.broken_down(windows.start, windows.end, breakdown):
        if _summary_id(part, bounds, values) == summary_id:
            return -bounds[0], tuple(values.values())
    return None


def _prefix(series: Series) -> str:
    return "mtrusg_" if series.livemode else "mtrusg_test_"


def _summary_id(series: Series, bounds: Span, values: "Mapping[str, str]") -> str:
    start, end = bounds
    part = name_of_part(values)
    return placed_id(_prefix(series), start, series.meter, series.customer, end, *part)


def _summary(
    series: Series, bounds: Span, whole: Aggregate, values: "Mapping[str, str]"
) -> "MeterEventSummary":
    start, end = bounds
    summary: MeterEventSummary = {
        "id": _summary_id(series, bounds, values),
        "object": "billing.meter_event_summary",
        "aggregated_value": result(whole, series.measure.formula),
        "end_time": end,
        "livemode": series.livemode,
        "meter": series.meter,
        "start_time": start,
    }
    if values:
        summary["dimensions"] = {**values}
    if whole.distinct is not None and not whole.distinct.is_exact:
        summary["meterline"] = {"approximate": True}
    return summary
