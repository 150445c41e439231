"""Events in both dialects, and webhook endpoints."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from meterline.api.call import Call
from meterline.api.lists import (
    LIMIT,
    PAGING,
    Listing,
    Shown,
    TokenListing,
    created_range,
    cursor_name,
    cursors,
    is_backwards,
    list_operation,
    listing,
    page_from,
    page_size,
    retrieve,
    rows_read,
)
from meterline.api.operations import Answer, Operation, delete, get, post
from meterline.api.page_tokens import page_token, read_page_token
from meterline.api.params import idle
from meterline.api.params.specs import (
    RANGE,
    Params,
    array,
    boolean,
    integer,
    metadata,
    object_,
    string,
)
from meterline.api.router import Routes
from meterline.api.v2_lists import V2Page
from meterline.core.base.errors import BillingError
from meterline.core.base.timestamps import unix_seconds
from meterline.services.base.context import Context
from meterline.services.events.deliveries import KIND as DELIVERY
from meterline.services.events.event_log import EventSpan, find_event, v1_events_in
from meterline.services.events.resending import (
    MOST_LOOKED_AT,
    delivered_events,
    deliveries_of,
    resend_event,
    undelivered_events,
    until_shown,
    with_pending,
)
from meterline.services.events.thin_events import find_thin_event
from meterline.services.events.thin_listing import Place, ThinFilter, thin_page
from meterline.services.events.webhook_endpoints import (
    ROLL_SECONDS,
    create_webhook_endpoint,
    delete_webhook_endpoint,
    roll_secret,
    secret_of,
    update_webhook_endpoint,
)
from meterline.store.base.keys import Cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from meterline.core.base.wire import Event
    from meterline.services.events.resending import Looked

EVENT_TYPE = string(
    pattern=r"\*|[a-z0-9_]+(\.[a-z0-9_*]+)+", hint="Use types such as `invoice.paid`."
)
LIST_EVENTS = object_(
    PAGING,
    created=RANGE,
    delivery_success=boolean(),
    type=string(),
    types=array(string(), max_items=20),
)
RETRY_EVENT = object_(webhook_endpoint=string())


def _retrieve(ctx: Context, event_id: str, params: Params) -> "Event":  # noqa: ARG001 - no parameters
    return with_pending(ctx, [find_event(ctx, event_id)])[0]


def _list_deliveries(ctx: Context, event_id: str, params: Params) -> Listing:  # noqa: ARG001 - no paging
    return Listing([*deliveries_of(ctx, event_id)], has_more=False)


def _list(ctx: Context, params: Params) -> Listing:
    older_than, newer_than = cursors(params)
    first, last = created_range(params.get("created"))
    span = EventSpan(
        older_than=older_than,
        newer_than=newer_than,
        param=cursor_name(params),
        created_from=first,
        created_until=last,
    )
    if "delivery_success" not in params:
        page = page_from(v1_events_in(ctx, span, _types(params)), params)
    else:
        read = _READERS[params["delivery_success"]]
        page = _page_of_few(read(ctx, span, _types(params)), params)
    return replace(page, bodies=with_pending(ctx, page.bodies))


def _page_of_few(looked_at: "Iterable[Looked]", params: Params) -> Listing:
    """The page of what is shown of the events that are looked at; of so many at most.

    A page that is not full by then says that more may follow. SDKs cannot go on after an empty
    one, so instead of it the request is refused, with where to go on.
    """
    looked = [*islice(until_shown(looked_at, rows_read(params)), MOST_LOOKED_AT)]
    page = page_from([one.event for one in looked if one.event], params)
    if len(looked) < MOST_LOOKED_AT:
        return page
    if not page.bodies:
        raise BillingError(
            f"None of the {MOST_LOOKED_AT} events that were looked at is such an event. Go on with"
            f" `{_next_place(looked, params)}`, or ask for fewer with `type` or `created`.",
            param="delivery_success",
        )
    return replace(page, has_more=True)


def _next_place(looked: "Sequence[Looked]", params: Params) -> str:
    """The parameter that goes on behind what was looked at: by the last id that pages start at, or
    by the last second.
    """
    ids = [one.event_id for one in looked if one.event_id]
    if ids:
        return f"{cursor_name(params)}={ids[-1]}"
    return f"created[{'gte' if is_backwards(params) else 'lte'}]={looked[-1].created}"


_READERS: "dict[bool, Callable[[Context, EventSpan, list[str]], Iterator[Looked]]]" = {
    True: delivered_events,
    False: undelivered_events,
}
"""Who reads the events of a span, by what is asked of their deliveries."""


def _types(params: Params) -> list[str]:
    return [*params.get("types", []), *([params["type"]] if "type" in params else [])]


EVENTS = [
    list_operation("/v1/events", "event", _list, LIST_EVENTS),
    get("/v1/events/{id}", "event", _retrieve),
    post("/v1/events/{id}/retry", "event", resend_event, RETRY_EVENT).found_again_by(_retrieve),
    list_operation("/v1/events/{id}/deliveries", DELIVERY, _list_deliveries, object_()),
]

_INSTANT = string(max_length=40)
LIST_THIN_EVENTS = object_(
    created=object_(gt=_INSTANT, gte=_INSTANT, lt=_INSTANT, lte=_INSTANT),
    limit=LIMIT,
    object_id=string(),
    page=string(),
    types=array(string(), max_items=20),
)


def _retrieve_thin(call: Call, event_id: str, params: Params) -> Mapping[str, Any]:  # noqa: ARG001 - no parameters
    return find_thin_event(call.context(), event_id)


def _list_thin(call: Call, params: Params) -> TokenListing:
    """A page of thin events."""
    secret = call.principal.secret
    place = _place(read_page_token(secret, params["page"])) if "page" in params else Place()
    filters = ThinFilter(
        params.get("types", []),
        params.get("object_id"),
        *_created_seconds(params.get("created", {})),
    )
    page = thin_page(call.context(), filters, place, rows=page_size(params))

    def token_after(bodies: Sequence[Shown]) -> str:
        return page_token(secret, _stated(page.place_after(place, len(bodies))))

    return V2Page(page.events, page.has_more, token_after=token_after, filters=params)


def _stated(place: Place) -> Mapping[str, Any]:
    """A place as a page token holds it."""
    report = [place.report.created, place.report.id] if place.report else None
    return {"event": place.event_id, "report": report}


def _place(stated: Mapping[str, Any]) -> Place:
    report = stated.get("report")
    return Place(stated.get("event"), Cursor(*report) if report else None)


def _created_seconds(created: dict[str, str]) -> tuple[int, int]:
    return created_range({bound: _seconds(text, bound) for bound, text in created.items()})


def _seconds(text: str, bound: str) -> int:
    seconds = unix_seconds(text)
    if seconds is None:
        message = f"Invalid timestamp: {text}; write it like 2026-01-31T12:00:00Z."
        raise BillingError(message, param=f"created[{bound}]")
    return seconds


THIN_EVENTS = [
    Operation(
        method="GET",
        path="/v2/core/events",
        run=_list_thin,
        permission="events",
        answer=Answer.PAGE,
        params=LIST_THIN_EVENTS,
        light=True,
    ),
    Operation(
        method="GET",
        path="/v2/core/events/{id}",
        run=_retrieve_thin,
        permission="events",
        answer=Answer.RAW,
        light=True,
    ),
]

CREATE_ENDPOINT = object_(
    idle.ENDPOINT,
    enabled_events=array(EVENT_TYPE, required=True, min_items=1, max_items=500),
    url=string(required=True),
    api_version=string(),
    description=string(emptyable=True),
    metadata=metadata(),
)
UPDATE_ENDPOINT = object_(
    description=string(emptyable=True),
    disabled=boolean(),
    enabled_events=array(EVENT_TYPE, min_items=1, max_items=500),
    metadata=metadata(),
    url=string(),
)
ROLL_SECRET = object_(expires_in=integer(minimum=0, maximum=ROLL_SECONDS))
_KIND = "webhook_endpoint"

ENDPOINTS = [
    post("/v1/webhook_endpoints", _KIND, create_webhook_endpoint, CREATE_ENDPOINT).revealing(
        secret_of
    ),
    listing("/v1/webhook_endpoints", _KIND, created=False),
    retrieve("/v1/webhook_endpoints/{id}", _KIND),
    post("/v1/webhook_endpoints/{id}", _KIND, update_webhook_endpoint, UPDATE_ENDPOINT),
    post("/v1/webhook_endpoints/{id}/roll_secret", _KIND, roll_secret, ROLL_SECRET).revealing(
        secret_of
    ),
    delete("/v1/webhook_endpoints/{id}", _KIND, delete_webhook_endpoint),
]

ROUTES = Routes([*EVENTS, *THIN_EVENTS, *ENDPOINTS])
