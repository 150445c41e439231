"""The list of v2 events: what v1 events say in v2, and the error reports that exist in v2 only.

The two stand in lists of their own and are merged here, so a place is one in each of them.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from meterline.services.base.context import Context
from meterline.services.events.event_log import EventSpan, fits, read_events
from meterline.services.events.thin_events import thin_event
from meterline.services.metering.error_reports import KEPT_SECONDS
from meterline.services.metering.error_reports import KIND as REPORT_KIND
from meterline.store.base.documents import Body, Document, Page
from meterline.store.base.keys import END_OF_TIME, Cursor
from meterline.store.billing.repository import Span


@dataclass(frozen=True, slots=True)
class ThinFilter:
    """Which v2 events are wanted: of these types (any if none are given), about an object, and
    created within these seconds, UTC, both included.
    """

    types: Collection[str] = ()
    object_id: str | None = None
    created_from: int = 0
    created_until: int = END_OF_TIME


@dataclass(frozen=True, slots=True)
class Place:
    """The oldest event and the oldest report that were shown already."""

    event_id: str | None = None
    report: Cursor | None = None


@dataclass(frozen=True, slots=True)
class ThinPage:
    """A page of v2 events, newest first, and where the next begins (None: that was the last)."""

    events: list[Body] = field(default_factory=list)
    following: Place | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    created: int
    event: Body
    place: str | Cursor


def list_thin_events(ctx: Context, wanted: ThinFilter, place: Place, *, limit: int) -> ThinPage:
    """Up to ``limit`` of the wanted events that are older than ``place``."""
    events, more_events = _events(ctx, wanted, place, limit)
    reports = _reports(ctx, wanted, place, limit)
    entries = [
        *[_Entry(event["created"], thin_event(event), event["id"]) for event in events],
        *[
            _Entry(document.created, _told(document), _cursor(document))
            for document in reports.documents
        ],
    ]
    shown = sorted(entries, key=lambda entry: entry.created, reverse=True)[:limit]
    if not more_events and not reports.has_more and len(shown) == len(entries):
        return ThinPage([entry.event for entry in shown])
    return ThinPage([entry.event for entry in shown], _after(place, shown))


def _events(ctx: Context, wanted: ThinFilter, place: Place, limit: int) -> tuple[list[Body], bool]:
    span = EventSpan(
        older_than=place.event_id,
        created_from=wanted.created_from,
        created_until=wanted.created_until,
    )
    return read_events(
        ctx,
        span,
        limit=limit,
        types=[one.removeprefix("v1.") for one in wanted.types],
        keep=lambda event: wanted.object_id in (None, event["data"]["object"].get("id")),
    )


def _reports(ctx: Context, wanted: ThinFilter, place: Place, limit: int) -> Page:
    span = Span(
        older_than=place.report,
        created_from=max(wanted.created_from, ctx.wall_clock - KEPT_SECONDS),
        created_until=wanted.created_until,
    )

    def keep(body: Body) -> bool:
        report = body["events"][0]
        about = report.get("related_object", {}).get("id")
        return fits(report["type"], wanted.types) and wanted.object_id in (None, about)

    return ctx.store.page(REPORT_KIND, span, limit=limit, keep=keep)


def _told(report: Document) -> Body:
    told: Body = report.body["events"][0]
    return told


def _cursor(report: Document) -> Cursor:
    return Cursor(report.created, report.id)


def _after(place: Place, shown: Iterable[_Entry]) -> Place:
    """The place after what was shown."""
    last: dict[type, Any] = {type(entry.place): entry.place for entry in shown}
    return Place(last.get(str, place.event_id), last.get(Cursor, place.report))
