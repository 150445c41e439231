"""What was delivered and what was not; sending events again by hand.

An event that was not delivered is found by its deliveries: those that wait for another attempt, and
those of which the last one has failed, stand in a list of their own, and there under the type of
the event.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import batched
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.kinds.events import THIN_ONLY_TYPES
from meterline.services.base.context import Context
from meterline.services.base.limits import members
from meterline.services.base.lookups import find
from meterline.services.base.outbox import outbox_id
from meterline.services.events.deliveries import (
    KIND,
    WebhookDelivery,
    asked_for,
    delivery_id,
    holder_of,
    new_delivery,
    sent_again,
    shelves_of,
    type_of,
)
from meterline.services.events.endpoints import (
    EVENT_DESTINATION,
    MEMBERS,
    WEBHOOK_ENDPOINT,
    Endpoint,
)
from meterline.services.events.event_log import (
    EventSpan,
    find_event,
    fits,
    is_thin_only,
    v1_events_in,
)
from meterline.services.events.fan_out import enabled_endpoints, send
from meterline.services.events.payloads import asks_for
from meterline.services.metering.error_reports import KIND as THIN_KIND
from meterline.store.base.documents import Body, Change, Conflict, Document
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import EVERYTHING, Source, Span
from meterline.store.events.partition_index import event_partitions

if TYPE_CHECKING:
    from meterline.core.base.wire import Event

_BATCH = 50
MOST_LOOKED_AT: Final = 1_000
"""How many events a page looks at, however few it shows: seconds of reading with 16 endpoints."""

_OUTSTANDING: Final = ("pending", "failed")
_AFTER_ALL = "~"
"""Comes after every id in the order of keys."""


def deliveries_of(ctx: Context, event_id: str) -> list[WebhookDelivery]:
    """What became of an event at each of the endpoints that there are; also of one that v2 alone
    has, such as a ping.
    """
    thin_only = ctx.store.get(event_id)
    is_own = thin_only is not None and thin_only.kind == THIN_KIND
    known = event_id if is_own else find_event(ctx, event_id)["id"]
    return [delivery.body for delivery in _deliveries(ctx, [known])]


def with_pending(ctx: Context, events: "Sequence[Event]") -> "list[Event]":
    """Events that say at how many endpoints they are still to be delivered."""
    pending: dict[str, int] = {}
    for delivery in _deliveries(ctx, [event["id"] for event in events]):
        if delivery.body["status"] == "pending":
            pending[delivery.body["event"]] = pending.get(delivery.body["event"], 0) + 1
    return [{**event, "pending_webhooks": pending.get(event["id"], 0)} for event in events]


@frozen
class Looked:
    """What a list has looked at: the event that it shows, or None if it passes over this one.

    ``created`` is in UTC seconds; ``event_id`` is the id that a page may start at, if v1 has one.
    """

    created: int
    event_id: str | None
    event: "Event | None"


def until_shown(looked_at: Iterable[Looked], number: int) -> Iterator[Looked]:
    """What is looked at until so many events are shown."""
    left = number
    for one in looked_at:
        yield one
        left -= one.event is not None
        if not left:
            return


def delivered_events(ctx: Context, span: EventSpan, types: Collection[str]) -> Iterator[Looked]:
    """The events of a span, in its order: those of which no delivery is outstanding are shown."""
    for events in batched(v1_events_in(ctx, span, types), _BATCH, strict=False):
        deliveries = _deliveries(ctx, [event["id"] for event in events])
        outstanding = {
            delivery.body["event"] for delivery in deliveries if _is_outstanding(delivery.body)
        }
        for event in events:
            shown = None if event["id"] in outstanding else event
            yield Looked(event["created"], event["id"], shown)


def undelivered_events(ctx: Context, span: EventSpan, types: Collection[str]) -> Iterator[Looked]:
    """The deliveries of a span that have failed so far, in its order: the event of those that an
    endpoint has not taken, or not at all, is shown once.

    What an endpoint has not taken that is gone is missed by nobody.
    """
    found = ctx.store.each(KIND, _delivery_span(ctx, span), source=_source(ctx, types))
    endpoints = set(members(ctx, MEMBERS))
    last_shown = None
    for some in batched(found, _BATCH, strict=False):
        bodies = [delivery.body for delivery in some]
        missed = [
            body
            for body in bodies
            if _is_outstanding(body) and body["webhook_endpoint"] in endpoints
        ]
        events = _v1_events_of(ctx, missed, types)
        for body in bodies:
            event_id = body["event"]
            shown = None if event_id == last_shown else events.get(event_id)
            last_shown = event_id if shown else last_shown
            yield Looked(body["created"], event_id if _is_of_v1(body) else None, shown)


def _v1_events_of(
    ctx: Context, deliveries: Iterable[WebhookDelivery], types: Collection[str]
) -> "dict[str, Event]":
    """The events of deliveries that v1 shows and that are of these types, by their ids."""
    wanted = {body["event"] for body in deliveries if _is_of_v1(body)}
    boxes = ctx.store.get_many(sorted({outbox_id(event_id) for event_id in wanted}))
    return {
        event["id"]: event
        for box in boxes.values()
        for event in box.body["events"]
        if event["id"] in wanted and fits(event["type"], types) and not is_thin_only(event)
    }


def _is_of_v1(delivery: WebhookDelivery) -> bool:
    """Whether a delivery is of an event that v1 shows."""
    return holder_of(delivery) != delivery["event"] and type_of(delivery) not in THIN_ONLY_TYPES


def _source(ctx: Context, types: Collection[str]) -> Source:
    """Where deliveries of events of these types stand, of all if none are given."""
    if not types:
        return EVERYTHING
    known = {type_ for held, _ in event_partitions(ctx.livemode) for type_ in held}
    return Source(parents=shelves_of(sorted(type_ for type_ in known if fits(type_, types))))


def resend_event(ctx: Context, event_id: str, params: Body) -> "Event":
    """Send an event again: to the endpoint that is named, or to all enabled ones that ask for it.

    Each gets it at once, and with all retries if it does not take it.
    """
    event = find_event(ctx, event_id)
    endpoints = _asked_for(ctx, event, params)
    found = ctx.store.get_many([delivery_id(event_id, endpoint["id"]) for endpoint in endpoints])
    box = ctx.store.get(outbox_id(event_id))
    new = [
        new_delivery(
            event,
            endpoint["id"],
            endpoints=len(endpoints),
            now=ctx.wall_clock,
            expires_at=box.expires_at if box else None,
        )
        for endpoint in endpoints
    ]
    deliveries = [
        asked_for(sent_again(found.get(delivery.id, delivery), ctx.wall_clock)) for delivery in new
    ]
    ctx.save(Change(puts=[*deliveries]), result_id=event_id)
    send(deliveries)
    [shown] = with_pending(ctx, [event])
    return shown


@frozen
class FailedSpan:
    """Which failed deliveries are meant: of events created within these seconds (UTC, both
    included), to an endpoint or to all.
    """

    created_from: int
    created_until: int
    endpoint_id: str | None = None


def resend_failed(ctx: Context, span: FailedSpan, *, most: int) -> int:
    """Send again what endpoints have not taken at any attempt; how many deliveries.

    One that something else changes meanwhile is left. A death in between sends none twice that
    was taken meanwhile: what is repeated finds what has still failed.
    """
    sent = 0
    for some in batched(_failed(ctx, span, most), _BATCH, strict=False):
        again = [one for one in (sent_again(one, ctx.wall_clock) for one in some) if _put(ctx, one)]
        sent += send(again)
    return sent


def _failed(ctx: Context, span: FailedSpan, most: int) -> Iterator[Document[WebhookDelivery]]:
    bounds = Span(
        created_from=span.created_from, created_until=span.created_until, oldest_first=True
    )
    found = ctx.store.each(KIND, bounds, keep=lambda body: body["status"] == "failed")
    meant = (
        delivery
        for delivery in found
        if span.endpoint_id in (None, delivery.body["webhook_endpoint"])
    )
    for _, delivery in zip(range(most), meant, strict=False):
        yield delivery


def _put(ctx: Context, delivery: Document[WebhookDelivery]) -> bool:
    with suppress(Conflict):
        ctx.store.put(delivery)
        return True
    return False


def _asked_for(ctx: Context, event: "Event", params: Body) -> list[Endpoint]:
    """The endpoints that a request to send an event again means; refuses none."""
    if "webhook_endpoint" in params:
        endpoint = _endpoint(ctx, params["webhook_endpoint"])
        if endpoint["status"] != "enabled":
            raise BillingError(
                f"The webhook endpoint {endpoint['id']} is disabled. Enable it first.",
                param="webhook_endpoint",
            )
        return [endpoint]
    asking = [endpoint for endpoint in enabled_endpoints(ctx.livemode) if asks_for(endpoint, event)]
    if not asking:
        raise BillingError(
            f"No enabled webhook endpoint asks for {event['type']}. Name one with"
            " `webhook_endpoint`."
        )
    return asking


def _endpoint(ctx: Context, endpoint_id: str) -> Endpoint:
    """A webhook endpoint or an event destination; refuses what is neither."""
    document = ctx.store.get(endpoint_id)
    if document is not None and document.kind == EVENT_DESTINATION:
        destination: Endpoint = document.body
        return destination
    return find(ctx, WEBHOOK_ENDPOINT, endpoint_id, param="webhook_endpoint").body


def _deliveries(ctx: Context, events: Iterable[str]) -> list[Document[WebhookDelivery]]:
    """The deliveries of events to the endpoints that there are."""
    endpoints = members(ctx, MEMBERS)
    ids = [delivery_id(event, endpoint_id) for event in events for endpoint_id in endpoints]
    return [*ctx.store.get_many(ids).values()] if ids else []


def _is_outstanding(body: WebhookDelivery) -> bool:
    return body["status"] in _OUTSTANDING


def _delivery_span(ctx: Context, span: EventSpan) -> Span:
    """Where the deliveries of a span's events stand in their list: those of an event follow it."""
    return Span(
        newer_than=_place(ctx, span.newer_than, span.param, _AFTER_ALL),
        older_than=_place(ctx, span.older_than, span.param, ""),
        created_from=span.created_from,
        created_until=span.created_until,
        oldest_first=span.newer_than is not None,
    )


def _place(ctx: Context, event_id: str | None, param: str, end: str) -> Cursor | None:
    if event_id is None:
        return None
    event = find_event(ctx, event_id, param=param)
    return Cursor(event["created"], delivery_id(event_id, end))
