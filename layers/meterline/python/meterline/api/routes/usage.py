"""``/v1/billing/meters/{id}/event_summaries``, and the events behind them."""

from datetime import UTC
from typing import Any

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
    enum,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.core.base.errors import BillingError
from meterline.core.metering.calendar_windows import Grouping
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.metering.counted_events import EventRange, counted_events
from meterline.services.metering.time_zones import time_zone
from meterline.services.metering.usage_query import list_event_summaries, window_of_summary

type Body = dict[str, Any]

_PATH = "/v1/billing/meters/{id}/event_summaries"
_EVENTS_PATH = "/v1/billing/meters/{id}/events"


def list_summaries(ctx: Context, meter_id: str, params: Params) -> Listing:
    """A page of the summaries of a range, newest first."""
    meter = find(ctx, "billing.meter", meter_id).body
    customer = find(ctx, "customer", params["customer"], param="customer").body
    grouping = params.get("value_grouping_window")
    zone = time_zone(params["timezone"]) if "timezone" in params else UTC
    if "timezone" in params and grouping is None:
        message = "timezone needs value_grouping_window: it says whose hours, days or months."
        raise BillingError(message, param="timezone")
    span = params["start_time"], params["end_time"]
    windows = Grouping(grouping) if grouping else None, zone
    rows = list_event_summaries(meter, customer["id"], *span, *windows, livemode=ctx.livemode)

    def around(name: str) -> Around:
        """By the time that the id stands for: its row may be gone by now."""
        summary_id = params[name]
        found = window_of_summary(
            summary_id, meter, customer["id"], span, *windows, livemode=ctx.livemode
        )
        if found is None:
            message = f"No such object: '{summary_id}'"
            raise BillingError(message, code="resource_missing", param=name)
        newer = [row for row in rows if row["start_time"] > found[0]]
        return newer, [row for row in rows if row["start_time"] < found[0]]

    return page_of(rows, params, around)


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
                value_grouping_window=enum("day", "hour", "month"),
                timezone=string(max_length=100),
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
