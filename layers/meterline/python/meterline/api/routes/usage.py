"""``/v1/billing/meters/{id}/event_summaries``, and the events behind them."""

from typing import TYPE_CHECKING

from meterline.api.lists import (
    LIMIT,
    PAGING,
    Around,
    Listing,
    created_range,
    cursors,
    page_from,
    page_of,
    rows_read,
)
from meterline.api.operations import Answer, Operation
from meterline.api.params.specs import (
    RANGE,
    Params,
    array,
    enum,
    map_,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.api.routes.usage_windows import (
    DIMENSION_FILTERS,
    DIMENSION_VALUE,
    DIMENSIONS,
    TIME_ZONE,
    breakdown_asked,
    check_dimensions,
    grouping_asked,
)
from meterline.core.base.errors import BillingError
from meterline.core.metering.dimensions import MOST_KEYS
from meterline.services.base.context import Context
from meterline.services.base.lookups import customers_now, find
from meterline.services.metering.analytics import MOST_METERS, OBJECT, PATH, Asked, meter_usage
from meterline.services.metering.counted_events import EventRange, counted_events
from meterline.services.metering.series import Breakdown
from meterline.services.metering.summaries import list_event_summaries, place_of, place_of_id
from meterline.services.metering.windows import Windows

if TYPE_CHECKING:
    from meterline.core.base.wire import Meter, MeterUsage

_PATH = "/v1/billing/meters/{id}/event_summaries"
_EVENTS_PATH = "/v1/billing/meters/{id}/events"


def list_summaries(ctx: Context, meter_id: str, params: Params) -> Listing:
    """A page of the summaries of a range, newest first."""
    meter = find(ctx, "billing.meter", meter_id).body
    customer = find(ctx, "customer", params["customer"], param="customer").body
    grouping = params.get("value_grouping_window")
    if "timezone" in params and grouping is None:
        message = "timezone needs value_grouping_window: it says whose hours, days or months."
        raise BillingError(message, param="timezone")
    now = customers_now(ctx, customer)
    windows = Windows(params["start_time"], params["end_time"], *grouping_asked(params), now)
    breakdown = _breakdown_of_summaries(meter, params)
    whose = meter, customer["id"], windows, breakdown
    rows = list_event_summaries(*whose, livemode=ctx.livemode)

    def around(name: str) -> Around:
        """By the place that the id stands for: its row may be gone by now."""
        summary_id = params[name]
        found = place_of_id(summary_id, *whose, livemode=ctx.livemode)
        if found is None:
            message = f"No such object: '{summary_id}'"
            raise BillingError(message, code="resource_missing", param=name)
        before = [row for row in rows if place_of(row) < found]
        return before, [row for row in rows if place_of(row) > found]

    return page_of(rows, params, around)


def retrieve_meter_usage(ctx: Context, params: Params) -> "MeterUsage":
    """What a customer used, by windows, meters and dimensions."""
    customer = find(ctx, "customer", params["customer"], param="customer").body
    now = customers_now(ctx, customer)
    windows = Windows(params["starts_at"], params["ends_at"], *grouping_asked(params), now)
    asked = None
    if params.get("meters"):
        asked = [
            _asked(ctx, requested, f"meters[{place}]")
            for place, requested in enumerate(params["meters"])
        ]
    return meter_usage(ctx, customer["id"], windows, asked)


def _asked(ctx: Context, requested: Params, param: str) -> Asked:
    meter: Meter = find(ctx, "billing.meter", requested["meter"], param=f"{param}[meter]").body
    return Asked(meter, breakdown_asked(meter, requested, f"{param}[%s]"))


def _breakdown_of_summaries(meter: "Meter", params: Params) -> Breakdown:
    """Summaries show the values that they were filtered by, too."""
    filters: dict[str, str] = params.get("dimension_filters", {})
    keys = params.get("dimension_group_by_keys", [])
    check_dimensions(meter, filters, "dimension_filters")
    check_dimensions(meter, keys, "dimension_group_by_keys")
    conditions = {key: [value] for key, value in filters.items()}
    return Breakdown(conditions, tuple(dict.fromkeys([*filters, *keys])))


def list_events(ctx: Context, meter_id: str, params: Params) -> Listing:
    """A page of the events that count in a range, newest first (beyond Stripe)."""
    meter = find(ctx, "billing.meter", meter_id).body
    customer = find(ctx, "customer", params["customer"], param="customer").body
    first, last = (None, None)
    if "created" in params:
        first, last = created_range(params["created"])
    events = counted_events(
        meter,
        customer["id"],
        EventRange(params["start_time"], params["end_time"], first, last),
        livemode=ctx.livemode,
        older_than=cursors(params)[0],
        at_once=rows_read(params),
    )
    return page_from(events, params)


ROUTES = Routes(
    [
        Operation(
            method="GET",
            path=_PATH,
            run=list_summaries,
            permission="billing_meters",
            answer=Answer.PAGE,
            params=object_(
                PAGING,
                customer=string(required=True),
                start_time=timestamp(required=True),
                end_time=timestamp(required=True),
                value_grouping_window=enum("day", "hour", "minute", "month"),
                timezone=TIME_ZONE,
                dimension_filters=map_(DIMENSION_VALUE, max_keys=MOST_KEYS),
                dimension_group_by_keys=DIMENSIONS,
            ),
        ),
        Operation(
            method="GET",
            path=PATH,
            run=retrieve_meter_usage,
            permission="billing_meters",
            kind=OBJECT,
            answer=Answer.RAW,
            params=object_(
                customer=string(required=True),
                starts_at=timestamp(required=True),
                ends_at=timestamp(required=True),
                timezone=TIME_ZONE,
                value_grouping_window=enum("day", "hour", "month", "week"),
                meters=array(
                    object_(
                        meter=string(required=True),
                        dimension_filters=DIMENSION_FILTERS,
                        dimension_group_by_keys=DIMENSIONS,
                    ),
                    max_items=MOST_METERS,
                ),
            ),
        ),
        Operation(
            method="GET",
            path=_EVENTS_PATH,
            run=list_events,
            permission="billing_meters",
            answer=Answer.PAGE,
            params=object_(
                created=RANGE,
                limit=LIMIT,
                starting_after=string(max_length=100),
                customer=string(required=True),
                start_time=timestamp(required=True),
                end_time=timestamp(required=True),
            ),
        ),
    ]
)
