"""``/v1/meterline/analytics/…``: the figures behind charts of what is billed (beyond Stripe)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from meterline.api.lists import PAGING, Around, Listing, cursors, page_of
from meterline.api.operations import Answer, Operation
from meterline.api.params.specs import Params, array, enum, integer, object_, string, timestamp
from meterline.api.router import Routes
from meterline.api.routes.usage_windows import (
    DIMENSION_FILTERS,
    DIMENSIONS,
    TIME_ZONE,
    breakdown_asked,
    zone_asked,
)
from meterline.core.base.errors import BillingError
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.calendar_windows import Grouping
from meterline.services.analytics.amounts import (
    OBJECT,
    AmountsAsked,
    amounts,
    place_of,
    place_of_id,
)
from meterline.services.analytics.forecasts import OBJECT as FORECAST
from meterline.services.analytics.forecasts import forecast
from meterline.services.analytics.invoiced import MOST_MONTHS, invoiced
from meterline.services.analytics.invoiced import OBJECT as INVOICED
from meterline.services.analytics.top_customers import OBJECT as TOP_CUSTOMERS
from meterline.services.analytics.top_customers import PATH, ranking
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.metering.windows import Windows

PERMISSION: Final = "meterline_analytics"
"""The right that restricted keys need for all of it."""

_BILLING_PERIOD: Final = "billing_period"
_MOST_PRICES: Final = 20
_MOST_DAYS: Final = 400


def list_amounts(ctx: Context, params: Params) -> Listing:
    """A page of what a customer's billed usage came to, window by window, in the order of time."""
    customer = find(ctx, "customer", params["customer"], param="customer")
    for place, price in enumerate(params.get("prices", ())):
        find(ctx, "price", price, param=f"prices[{place}]")
    rows = amounts(ctx, customer, _asked(ctx, params))

    def around(name: str) -> Around:
        """By the place that the id stands for: its row may be gone by now."""
        found = place_of_id(ctx, params[name])
        if found is None:
            message = f"No such object: '{params[name]}'"
            raise BillingError(message, code="resource_missing", param=name)
        before = [row for row in rows if place_of(row) < found]
        return before, [row for row in rows if place_of(row) > found]

    return page_of(rows, params, around)


def _asked(ctx: Context, params: Params) -> AmountsAsked:
    grouping, zone = params.get("value_grouping_window"), zone_asked(params)
    by_period = grouping == _BILLING_PERIOD
    windows = Windows(
        params["starts_at"],
        params["ends_at"],
        None if by_period or grouping is None else Grouping(grouping),
        zone,
    )
    if windows.grouping is not None:
        windows = _behind_cursor(ctx, windows, params)
    return AmountsAsked(
        windows,
        by_period,
        params.get("prices") or None,
        params.get("subscription"),
        tuple(dict.fromkeys(params.get("dimension_group_by_keys", ()))),
    )


def _behind_cursor(ctx: Context, windows: Windows, params: Params) -> Windows:
    """The windows from that of a cursor on: those before it are on pages before it."""
    after, _ = cursors(params)
    found = place_of_id(ctx, after or "")
    if found is None or not windows.start < found[0] < windows.end:
        return windows
    start, _ = windows.around(found[0])
    return replace(windows, start=start) if start == found[0] and start % 60 == 0 else windows


def rank_customers(ctx: Context, params: Params) -> Mapping[str, object]:
    """A page of the customers that used most of a meter, or of a part of it."""
    meter = find(ctx, "billing.meter", params["meter"], param="meter").body
    start, end = params["starts_at"], params["ends_at"]
    found, rows = ranking(ctx, meter, start, end, breakdown_asked(meter, params))
    page = page_of(rows, params)
    return {
        "object": TOP_CUSTOMERS,
        "customers_read": found.objects,
        "ends_at": end,
        "events_counted": None if measure_of(meter).has_levels else found.value["events"],
        "is_complete": found.is_complete,
        "livemode": ctx.livemode,
        "meter": meter["id"],
        "refreshed_at": found.refreshed_at,
        "rows": page.answer(page.bodies, PATH),
        "starts_at": start,
    }


def _invoiced(ctx: Context, params: Params) -> Mapping[str, object]:
    zone = zone_asked(params)
    this_month = datetime.fromtimestamp(ctx.wall_clock, zone).strftime("%Y-%m")
    return invoiced(ctx, params.get("month", this_month), params.get("months", 12), zone)


def _forecast(ctx: Context, params: Params) -> Mapping[str, object]:
    return forecast(ctx, params["subscription"], params.get("trailing_days"))


ROUTES = Routes(
    [
        Operation(
            method="GET",
            path=PATH,
            run=rank_customers,
            permission=PERMISSION,
            kind=TOP_CUSTOMERS,
            answer=Answer.RAW,
            params=object_(
                PAGING,
                meter=string(required=True),
                starts_at=timestamp(required=True),
                ends_at=timestamp(required=True),
                dimension_filters=DIMENSION_FILTERS,
                dimension_group_by_keys=DIMENSIONS,
            ),
        ),
        Operation(
            method="GET",
            path="/v1/meterline/analytics/invoiced",
            run=_invoiced,
            permission=PERMISSION,
            kind=INVOICED,
            answer=Answer.RAW,
            params=object_(
                month=string(pattern="[0-9]{4}-[0-9]{2}", hint="Use the form 2026-10."),
                months=integer(minimum=1, maximum=MOST_MONTHS),
                timezone=TIME_ZONE,
            ),
        ),
        Operation(
            method="GET",
            path="/v1/meterline/analytics/forecast",
            run=_forecast,
            permission=PERMISSION,
            kind=FORECAST,
            answer=Answer.RAW,
            params=object_(
                subscription=string(required=True),
                trailing_days=integer(minimum=1, maximum=_MOST_DAYS),
            ),
        ),
        Operation(
            method="GET",
            path="/v1/meterline/analytics/amounts",
            run=list_amounts,
            permission=PERMISSION,
            kind=OBJECT,
            answer=Answer.ROWS,
            params=object_(
                PAGING,
                customer=string(required=True),
                starts_at=timestamp(required=True),
                ends_at=timestamp(required=True),
                timezone=TIME_ZONE,
                value_grouping_window=enum("billing_period", "day", "hour", "month", "week"),
                prices=array(string(), max_items=_MOST_PRICES),
                subscription=string(),
                dimension_group_by_keys=DIMENSIONS,
            ),
        ),
    ]
)
