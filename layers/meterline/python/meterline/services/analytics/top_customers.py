"""Who used most of a meter in a span of time: customers by their usage, the greatest first.

Each customer's usage is read as for a bill, from totals of days and counters, never from events;
so many customers at a request, and their ranking is kept for an hour (``tallies``).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.money import format_decimal
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import result
from meterline.services.analytics.tallies import Counting, Tally, tally
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_id
from meterline.services.base.lookups import customers_now, find
from meterline.services.base.parallel import in_parallel
from meterline.services.metering.series import Series
from meterline.services.metering.usage_query import aggregate_between
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import Span

if TYPE_CHECKING:
    from meterline.core.base.wire import Meter

OBJECT = "meterline.analytics.top_customers"
PATH = "/v1/meterline/analytics/top_customers"

MOST_CUSTOMERS = 2_000
"""So many customers' usage is read at a request."""

MOST_RANKED = 1_000
"""So many are ranked; those behind them are not told."""

type Row = Mapping[str, Any]
type Ranked = list[tuple[str, str]]
"""Customers and what they used, the greatest first."""


def ranking(ctx: Context, meter: "Meter", start: int, end: int) -> tuple[Tally, list[Row]]:
    """The ranking of a meter's usage from ``start`` to ``end`` (UTC seconds), and its rows.

    Not complete before all customers were read; then the customer with the most may be missing.
    Raises BillingError for a range that is not aligned to the minute.
    """
    _check(start, end)
    add = partial(ranked, ctx, meter, start, end)
    counting = Counting("customer", Span(), MOST_CUSTOMERS, [], add)
    found = tally(ctx, ("top_customers", meter["id"], start, end), counting)
    rows: list[Row] = [
        {
            "id": derived_id("mtrtop_", meter["id"], start, end, customer),
            "object": f"{OBJECT}_row",
            "customer": customer,
            "rank": place,
            "value": value,
        }
        for place, (customer, value) in enumerate(found.value, start=1)
    ]
    return found, rows


def _check(start: int, end: int) -> None:
    for name, value in (("starts_at", start), ("ends_at", end)):
        if value % 60:
            message = f"{name} must be aligned to a minute boundary: got {value}."
            raise BillingError(message, param=name)
    if end <= start:
        raise BillingError("ends_at must be after starts_at.", param="ends_at")


def ranked(
    ctx: Context, meter: "Meter", start: int, end: int, before: Ranked, places: Sequence[Cursor]
) -> Ranked:
    """The ranking with further customers."""
    measure = measure_of(meter)
    calls = [
        partial(_used, ctx, Series(ctx.livemode, meter["id"], place.id, measure), start, end)
        for place in places
    ]
    used = zip(places, in_parallel(calls), strict=True)
    further = [(place.id, format_decimal(value)) for place, value in used if value is not None]
    together = sorted([*before, *further], key=lambda row: (-Decimal(row[1]), row[0]))
    return together[:MOST_RANKED]


def _used(ctx: Context, series: Series, start: int, end: int) -> Decimal | None:
    """What a customer used, of levels up to its time; None if nothing was counted."""
    if series.measure.has_levels:
        customer = find(ctx, "customer", series.customer).body
        end = min(end, customers_now(ctx, customer))
    whole = aggregate_between(series.between(start, end), start, end)
    return result(whole, series.measure.formula) if whole.count or whole.total else None
