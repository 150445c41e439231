"""The list of v2 events: what v1 events say in v2, and the error reports that exist in v2 only.

The two stand in lists of their own and are merged here, so a place is one in each of them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import merge
from typing import Any, Final

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


MOST_LOOKED_AT: Final = 1_000
"""How many entries a page looks at, however few of them it shows."""


@frozen
class ThinEntry:
    """A v2 event, when it was created (UTC seconds), and its place in the list that it is from.

    There is no event if the list passes over it.
    """

    created: int
    event: Mapping[str, Any] | None
    place: str | Cursor


@frozen
class ThinPage:
    """The entries that a page has looked at, in their order, and whether more follow."""

    looked_at: Sequence[ThinEntry]
    has_more: bool

    @property
    def events(self) -> list[Mapping[str, Any]]:
        """What the page shows."""
        return [entry.event for entry in self.looked_at if entry.event is not None]

    def place_after(self, place: Place, number: int) -> Place:
        """Where to go on that started at ``place``, if only so many of its events are shown."""
        shown = self.looked_at
        if number < len(self.events):
            ends = [end for end, entry in enumerate(shown, start=1) if entry.event is not None]
            shown = shown[: ends[number - 1]]
        last: dict[type, Any] = {type(entry.place): entry.place for entry in shown}
        return Place(last.get(str, place.event_id), last.get(Cursor, place.report))


def thin_page(ctx: Context, filters: ThinFilter, place: Place, *, rows: int) -> ThinPage:
    """Up to so many events that are older than ``place``, newest first.

    It ends sooner where it has looked at so many entries that few of them are of these; a page of
    v2 may be empty, and says where to go on.
    """
    looked_at: list[ThinEntry] = []
    shown = 0
    for entry in thin_entries(ctx, filters, place):
        if len(looked_at) == MOST_LOOKED_AT or (shown == rows and entry.event is not None):
            return ThinPage(looked_at, has_more=True)
        looked_at.append(entry)
        shown += entry.event is not None
    return ThinPage(looked_at, has_more=False)


def thin_entries(ctx: Context, filters: ThinFilter, place: Place) -> Iterator[ThinEntry]:
    """The entries that are older than ``place``, newest first, as they are asked for."""
    events, reports = _events(ctx, filters, place), _reports(ctx, filters, place)
    return merge(events, reports, key=lambda entry: entry.created, reverse=True)


def _events(ctx: Context, filters: ThinFilter, place: Place) -> Iterator[ThinEntry]:
    span = EventSpan(
        older_than=place.event_id,
        created_from=filters.created_from,
        created_until=filters.created_until,
    )
    for event in events_in(ctx, span, [type_.removeprefix("v1.") for type_ in filters.types]):
        is_wanted = filters.object_id in (None, subject_of(event).get("id"))
        yield ThinEntry(event["created"], thin_event(event) if is_wanted else None, event["id"])


def _reports(ctx: Context, filters: ThinFilter, start: Place) -> Iterator[ThinEntry]:
    span = Span(
        older_than=start.report,
        created_from=max(filters.created_from, ctx.wall_clock - KEPT_SECONDS),
        created_until=filters.created_until,
    )
    for document in ctx.store.each(REPORT_KIND, span):
        event = _event_of(document)
        about = event.get("related_object", {}).get("id")
        is_wanted = fits(event["type"], filters.types) and filters.object_id in (None, about)
        place = Cursor(document.created, document.id)
        yield ThinEntry(document.created, event if is_wanted else None, place)


def _event_of(report: Document) -> Mapping[str, Any]:
    event: Mapping[str, Any] = report.body["events"][0]
    return event
