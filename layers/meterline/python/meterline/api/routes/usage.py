"""``/v1/billing/meters/{id}/event_summaries``, and the events behind them."""

from datetime import UTC
from typing import Any

from meterline.api.lists import DEFAULT_LIMIT, MAX_LIMIT, PAGING, created_range, envelope
from meterline.api.params import RANGE, Params, enum, exclusive, integer, object_, string, timestamp
from meterline.api.router import Answer, Operation, Routes
from meterline.core.calendar_windows import Grouping
from meterline.core.errors import BillingError
from meterline.services.context import Context
from meterline.services.event_listing import EventRange, list_counted_events
from meterline.services.lookups import find
from meterline.services.summaries import list_event_summaries, time_zone

type Body = dict[str, Any]

_PATH = "/v1/billing/meters/{id}/event_summaries"
_EVENTS_PATH = "/v1/billing/meters/{id}/events"


def list_summaries(ctx: Context, meter_id: str, params: Params) -> Body:
    """A page of the summaries of a range, newest first."""
    meter = find(ctx, "billing.meter", meter_id).body
    customer = find(ctx, "customer", params["customer"], param="customer").body
    grouping = params.get("value_grouping_window")
    zone = time_zone(params["timezone"]) if "timezone" in params else UTC
    if "timezone" in params and grouping is None:
        message = "timezone needs value_grouping_window: it says whose hours, days or months."
        raise BillingError(message, param="timezone")
    rows = list_event_summaries(
        meter,
        customer["id"],
        params["start_time"],
        params["end_time"],
        Grouping(grouping) if grouping else None,
        zone,
        livemode=ctx.livemode,
    )
    page, has_more = _page(rows, params)
    return envelope(page, _PATH.replace("{id}", meter_id), has_more=has_more)


def list_events(ctx: Context, meter_id: str, params: Params) -> Body:
    """A page of the events that count in a range, newest first (beyond Stripe)."""
    meter = find(ctx, "billing.meter", meter_id).body
    customer = find(ctx, "customer", params["customer"], param="customer").body
    first, last = (None, None)
    if "created" in params:
        first, last = created_range(params["created"])
    events, has_more = list_counted_events(
        meter,
        customer["id"],
        EventRange(params["start_time"], params["end_time"], first, last),
        livemode=ctx.livemode,
        limit=params.get("limit", DEFAULT_LIMIT),
        starting_after=params.get("starting_after"),
    )
    return envelope(events, _EVENTS_PATH.replace("{id}", meter_id), has_more=has_more)


def _page(rows: list[Body], params: Params) -> tuple[list[Body], bool]:
    """The rows that the paging parameters ask for, and whether more follow in that direction."""
    limit = params.get("limit", DEFAULT_LIMIT)
    if "starting_after" in params and "ending_before" in params:
        raise exclusive(["ending_before", "starting_after"])
    if "ending_before" in params:
        left = rows[: _place(rows, params, "ending_before")]
        return left[-limit:], len(left) > limit
    if "starting_after" in params:
        rows = rows[_place(rows, params, "starting_after") + 1 :]
    return rows[:limit], len(rows) > limit


def _place(rows: list[Body], params: Params, name: str) -> int:
    for place, row in enumerate(rows):
        if row["id"] == params[name]:
            return place
    message = f"No such object: '{params[name]}'"
    raise BillingError(message, code="resource_missing", param=name)


ROUTES = Routes(
    [
        Operation(
            method="GET",
            path=_PATH,
            run=list_summaries,
            permission="billing_meters",
            answer=Answer.RAW,
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
            answer=Answer.RAW,
            params=object_(
                created=RANGE,
                limit=integer(minimum=1, maximum=MAX_LIMIT),
                starting_after=string(max_length=100),
                customer=string(required=True),
                start_time=timestamp(required=True),
                end_time=timestamp(required=True),
            ),
        ),
    ]
)
