"""The list of v2 events: what v1 events say in v2, and the error reports that exist in v2 only.

The two stand in lists of their own and are merged here, so a place is one in each of them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import merge
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.events.event_log import EventSpan, events_in, fits
from meterline.services.events.thin_events import subject_of, thin_event
from meterline.services.metering.error_reports import KEPT_SECONDS
from meterline.services.metering.error_reports import KIND as REPORT_KIND
from meterline.store.base.documents import Document
from meterline.store.base.keys import END_OF_TIME, Cursor
from meterline.store.billing.repository import Span


@frozen
class ThinFilter:
    """Which v2 events a list shows: of these types (any if none are given), about an object, and
    created within these seconds, UTC, both included.
    """

    types: Collection[str] = ()
    object_id: str | None = None
    created_from: int = 0
    created_until: int = END_OF_TIME


@frozen
class Place:
    """The oldest event and the oldest report that were shown already."""

    event_id: str | None = None
    report: Cursor | None = None


@frozen
class ThinEntry:
    """A v2 event, when it was created (UTC seconds), and its place in the list that it is from."""

    created: int
    event: Mapping[str, Any]
    place: str | Cursor


def thin_entries(ctx: Context, filters: ThinFilter, place: Place) -> Iterator[ThinEntry]:
    """The events that are older than ``place``, newest first, as they are asked for."""
    events, reports = _events(ctx, filters, place), _reports(ctx, filters, place)
    return merge(events, reports, key=lambda entry: entry.created, reverse=True)


def place_after(place: Place, shown: Iterable[ThinEntry]) -> Place:
    """The place after what was shown from ``place`` on."""
    last: dict[type, Any] = {type(entry.place): entry.place for entry in shown}
    return Place(last.get(str, place.event_id), last.get(Cursor, place.report))


def _events(ctx: Context, filters: ThinFilter, place: Place) -> Iterator[ThinEntry]:
    span = EventSpan(
        older_than=place.event_id,
        created_from=filters.created_from,
        created_until=filters.created_until,
    )
    for event in events_in(ctx, span, [type_.removeprefix("v1.") for type_ in filters.types]):
        if filters.object_id in (None, subject_of(event).get("id")):
            yield ThinEntry(event["created"], thin_event(event), event["id"])


def _reports(ctx: Context, filters: ThinFilter, place: Place) -> Iterator[ThinEntry]:
    span = Span(
        older_than=place.report,
        created_from=max(filters.created_from, ctx.wall_clock - KEPT_SECONDS),
        created_until=filters.created_until,
    )
    for document in ctx.store.each(REPORT_KIND, span):
        event = _event_of(document)
        about = event.get("related_object", {}).get("id")
        if fits(event["type"], filters.types) and filters.object_id in (None, about):
            yield ThinEntry(document.created, event, Cursor(document.created, document.id))


def _event_of(report: Document) -> Mapping[str, Any]:
    event: Mapping[str, Any] = report.body["events"][0]
    return event
