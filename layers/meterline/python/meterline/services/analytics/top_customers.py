"""Who used most of a meter in a span of time: customers by their usage, the greatest first.

Each customer's usage is read as for a bill, from totals of days and counters, never from events;
so many customers at a request, and their ranking is kept for an hour (``tallies``).
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any, TypedDict

from meterline.core.base.errors import BillingError
from meterline.core.base.money import format_decimal
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import result
from meterline.core.metering.dimensions import name_of_part
from meterline.services.analytics.tallies import Counting, Tally, tally
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_id
from meterline.services.base.lookups import customers_now
from meterline.services.base.parallel import in_parallel
from meterline.services.metering.allowance import MOST_PARTS, Allowance
from meterline.services.metering.series import EVERYTHING, Breakdown, Series
from meterline.services.metering.usage_query import aggregate_between
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import Span
from meterline.store.metering.usage import HOUR_SECONDS

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Meter
    from meterline.store.base.documents import Document

OBJECT = "meterline.analytics.top_customers"
PATH = "/v1/meterline/analytics/top_customers"

_TALLY = "usage_ranking"
"""The name of the tallies; those called ``top_customers`` hold rows alone, and expire."""

MOST_CUSTOMERS = 2_000
"""So many customers' usage is read at a request, if it is not too much (``allowance``)."""

_AT_ONCE = 200
"""So many customers are read before it is looked how much that was; fewer of long ranges."""

MOST_RANKED = 1_000
"""So many rows are ranked; those behind them are not told."""

MOST_BYTES = 180_000
"""Rows of long values are fewer: two rankings, the former and the next, are stored in one item."""

type Row = Mapping[str, Any]
type Dimensions = Sequence[tuple[str, str]]
type Used = tuple[str, str, Dimensions]
"""A customer, what it used, and the values of dimensions with which it did."""
type Ranked = list[Used]
"""What customers used, the greatest first."""


class Ranking(TypedDict):
    """What is added up: the first customers, and how many events count of all that were read."""

    events: int
    rows: Ranked


def ranking(
    ctx: Context, meter: "Meter", start: int, end: int, breakdown: Breakdown = EVERYTHING
) -> tuple[Tally, list[Row]]:
    """The ranking of a meter's usage from ``start`` to ``end`` (UTC seconds), and its rows: of the
    part that is meant, one for each of the values of dimensions that it is told apart by.

    Not complete before all customers were read; then the customer with the most may be missing.
    Raises BillingError for a range that is not aligned to the minute.
    """
    _check(start, end)
    add = partial(ranked, ctx, meter, start, end, breakdown)
    nothing: Ranking = {"events": 0, "rows": []}
    counting = Counting("customer", Span(), MOST_CUSTOMERS, nothing, add)
    found = tally(ctx, (_TALLY, meter["id"], start, end, *_name_of(breakdown)), counting)
    rows: list[Row] = [
        {
            "id": derived_id("mtrtop_", meter["id"], start, end, customer, *_name_of_row(values)),
            "object": f"{OBJECT}_row",
            "customer": customer,
            "dimensions": dict(values) or None,
            "rank": place,
            "value": value,
        }
        for place, (customer, value, values) in enumerate(found.value["rows"], start=1)
    ]
    return found, rows


def _name_of(breakdown: Breakdown) -> tuple[str, ...]:
    """What tells rankings of parts of a meter apart: nothing where it is the whole."""
    if breakdown == EVERYTHING:
        return ()
    conditions = {key: sorted(set(values)) for key, values in breakdown.conditions.items()}
    return (json.dumps([conditions, breakdown.keys], sort_keys=True),)


def _name_of_row(values: Dimensions) -> tuple[str, ...]:
    return name_of_part(dict(values))


def _check(start: int, end: int) -> None:
    for name, value in (("starts_at", start), ("ends_at", end)):
        if value % 60:
            message = f"{name} must be aligned to a minute boundary: got {value}."
            raise BillingError(message, param=name)
    if end <= start:
        raise BillingError("ends_at must be after starts_at.", param="ends_at")


def ranked(
    ctx: Context,
    meter: "Meter",
    start: int,
    end: int,
    breakdown: Breakdown,
    before: Ranking,
    places: Sequence[Cursor],
) -> tuple[Ranking, int]:
    """The ranking with further customers, and how many: some at a time, until so much was read as
    a request may read. Raises BillingError where a few have more than twice as much.
    """
    measure, allowance = measure_of(meter), Allowance(2 * MOST_PARTS)
    hours = -(-(end - start) // HOUR_SECONDS)
    at_once = min(max(MOST_PARTS // hours, 1), _AT_ONCE)
    found: list[tuple[int, list[Used]]] = []
    for some in batched(places, at_once, strict=False):
        all_usage = [
            Series(ctx.livemode, meter["id"], place.id, measure, allowance=allowance)
            for place in some
        ]
        found += in_parallel(
            [partial(_used, ctx, usage, start, end, breakdown) for usage in all_usage]
        )
        if allowance.left < MOST_PARTS:
            break
    further = [row for _, rows in found for row in rows]
    after: Ranking = {
        "events": before["events"] + sum(events for events, _ in found),
        "rows": first_of(sorted([*before["rows"], *further], key=_order)),
    }
    return after, len(found)


def first_of(rows: Ranked) -> Ranked:
    """The first rows of a ranking: as many as are kept."""
    first, size = rows[:MOST_RANKED], 0
    for place, row in enumerate(first):
        size += len(json.dumps(row))
        if size > MOST_BYTES:
            return first[:place]
    return first


def _order(row: Used) -> tuple[Decimal, str, list[str]]:
    customer, value, dimensions = row
    return -Decimal(value), customer, [value for _, value in dimensions]


def _used(
    ctx: Context, series: Series, start: int, end: int, breakdown: Breakdown
) -> tuple[int, list[Used]]:
    """How many events of a customer count, and what it used, of levels up to its time; nothing
    where nothing was counted, or of one that was deleted just now: the list is a little late.
    """
    if series.measure.has_levels:
        customer: Document[Customer] | None = ctx.store.get(series.customer)
        if customer is None or customer.body.get("deleted"):
            return 0, []
        end = min(end, customers_now(ctx, customer.body))
    rows: list[Used] = []
    events = 0
    for values, part in series.broken_down(start, max(start, end), breakdown):
        whole = aggregate_between(part, start, end)
        if whole.count or whole.total:
            value = format_decimal(result(whole, series.measure.formula))
            rows.append((series.customer, value, tuple(values.items())))
            events += whole.count
    return events, rows
