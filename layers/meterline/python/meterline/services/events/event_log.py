"""Reading events back: one by id, and the list of the last 30 days (contract section 10)."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import no_such
from meterline.core.base.frozen import frozen
from meterline.core.kinds.events import THIN_ONLY_TYPES
from meterline.services.base.context import Context
from meterline.services.base.outbox import OUTBOX_KIND, EventBatch, outbox_id
from meterline.store.base.documents import Document
from meterline.store.base.keys import END_OF_TIME, Cursor
from meterline.store.billing.repository import EVERYTHING, Source, Span
from meterline.store.events.partition_index import event_partitions

if TYPE_CHECKING:
    from meterline.core.base.wire import Event


@frozen
class EventSpan:
    """Which events to read: newest first, or those newer than an event, oldest first.

    ``param`` is what refusals call the event that they are older or newer than.
    """

    older_than: str | None = None
    newer_than: str | None = None
    param: str = "page"
    created_from: int = 0
    created_until: int = END_OF_TIME


def find_event(ctx: Context, event_id: str, *, param: str = "id") -> "Event":
    """The v1 event with this id; refuses one that never was, or is older than 30 days."""
    found = stored_event(ctx, event_id)
    if found is None or is_thin_only(found):
        raise no_such("event", event_id, param=param)
    return found


def is_thin_only(event: Mapping[str, Any]) -> bool:
    """Whether an event is shown by v2 alone."""
    return event["type"] in THIN_ONLY_TYPES


def v1_events_in(ctx: Context, span: EventSpan, types: Collection[str] = ()) -> "Iterator[Event]":
    """The events of a span that v1 shows; see ``events_in``."""
    return (event for event in events_in(ctx, span, types) if not is_thin_only(event))


def stored_event(ctx: Context, event_id: str) -> "Event | None":
    """The event with this id, if there is one and it is not older than 30 days."""
    batch = _batch(ctx, event_id)
    events = batch.body["events"] if batch else []
    return next((event for event in events if event["id"] == event_id), None)


def events_in(ctx: Context, span: EventSpan, types: Collection[str] = ()) -> "Iterator[Event]":
    """The events of a span, in its order, as they are asked for.

    Of these ``types`` only, if any are given; ``invoice.*`` stands for all of that beginning. A
    span that starts at an event that is gone is refused.
    """
    return (event for event in _walk(ctx, span, types) if fits(event["type"], types))


def _walk(ctx: Context, span: EventSpan, types: Collection[str]) -> "Iterator[Event]":
    """The events of a span: the rest of the batch it starts in, then whole batches."""
    place = span.newer_than or span.older_than
    forward = span.newer_than is not None
    bounds = Span(created_from=span.created_from, created_until=span.created_until)
    if place is not None:
        if stored_event(ctx, place) is None:
            raise no_such("event", place, param=span.param)
        start = ctx.store.get(outbox_id(place))
        if start is not None:
            yield from _rest_of_batch(start, place, forward=forward)
            bounds = _beyond(bounds, start, forward=forward)
    for batch in ctx.store.each(OUTBOX_KIND, bounds, source=_source(ctx, types)):
        if batch.expires_at is None or batch.expires_at > ctx.wall_clock:
            events = batch.body["events"]
            yield from events if forward else reversed(events)


def _source(ctx: Context, types: Collection[str]) -> Source:
    """The partitions that hold events of these types."""
    if not types:
        return EVERYTHING
    held = [
        parents
        for held_types, parents in event_partitions(ctx.livemode)
        if any(fits(event_type, types) for event_type in held_types)
    ]
    return Source(parents=[parent for parents in held for parent in parents])


def fits(event_type: str, types: Collection[str]) -> bool:
    """Whether an event is of one of these types, or none are given."""
    return not types or any(
        event_type.startswith(type_[:-1]) if type_.endswith("*") else event_type == type_
        for type_ in types
    )


def _rest_of_batch(batch: Document[EventBatch], place: str, *, forward: bool) -> "Iterator[Event]":
    """The events of a batch on the far side of one of them; ids ascend within a batch."""
    events = batch.body["events"]
    if forward:
        yield from (event for event in events if event["id"] > place)
    else:
        yield from (event for event in reversed(events) if event["id"] < place)


def _beyond(bounds: Span, batch: Document[EventBatch], *, forward: bool) -> Span:
    place = Cursor(batch.created, batch.id)
    return Span(
        newer_than=place if forward else None,
        older_than=None if forward else place,
        created_from=bounds.created_from,
        created_until=bounds.created_until,
        oldest_first=forward,
    )


def _batch(ctx: Context, event_id: str) -> Document[EventBatch] | None:
    document = ctx.store.get(outbox_id(event_id)) if event_id.startswith("evt_") else None
    return document if document is not None and document.kind == OUTBOX_KIND else None
