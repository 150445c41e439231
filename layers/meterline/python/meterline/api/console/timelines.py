"""The timeline of a subscription: what happened to it, what it was billed, and what is to come.

A timeline is put together from lists that are paged. What a page shows ends where the first of
them goes no further; the next page begins in each list after the last row that was shown of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from meterline.api.console.asking import Call, Reply, listing
from meterline.api.console.formats import money, price, words
from meterline.api.console.visits import whole
from meterline.core.base.frozen import frozen
from meterline.core.base.timestamps import rfc3339, unix_seconds

MOST_SHOWN: Final = 25
"""So many rows of each list are asked for at a time."""


@frozen
class Place:
    """Where a page of a timeline begins; at the latest moment, if it says nothing.

    ``second`` is the last one that was shown, ``invoice`` the last invoice. ``events`` is the
    token of a page of events, of which ``event`` was the last one shown.
    """

    second: int | None = None
    invoice: str | None = None
    events: str | None = None
    event: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """The place that an address asks for."""
        second = whole(query.get("second")) or None
        return cls(second, query.get("invoice"), query.get("events"), query.get("event"))

    @property
    def query(self) -> dict[str, str]:
        """What an address asks for it by."""
        return {name: str(value) for name, value in asdict(self).items() if value is not None}


@frozen
class Moment:
    """Something that happened to a subscription, or is to happen; ``page`` leads to more of it.
    ``row`` is the id of the row of a list that says so.
    """

    at: int
    title: str
    status: str = ""
    detail: str = ""
    page: str = ""
    row: str = ""


@frozen
class Timeline:
    """Moments, the latest first, and where the next page begins; None if there is none."""

    moments: Sequence[Moment]
    following: Place | None


def calls(subscription_id: str, place: Place) -> list[Call]:
    """What is asked for the moments from a place on: invoices, and events."""
    second = place.second
    created = None if second is None else {"lte": second}
    spoken = None if second is None else {"lte": rfc3339(second * 1_000)}
    return [
        listing(
            "/v1/invoices",
            subscription=subscription_id,
            limit=MOST_SHOWN,
            created=created,
            starting_after=place.invoice,
        ),
        listing(
            "/v2/core/events",
            object_id=subscription_id,
            limit=MOST_SHOWN,
            created=spoken,
            page=place.events,
        ),
    ]


def timeline(
    subscription: Reply, schedule: Reply | None, lists: Sequence[Reply], place: Place
) -> Timeline:
    """The moments of a page: those from a place on, back to where a list goes no further."""
    invoices, events = lists
    billed, told = [*_invoices(invoices)], _not_shown(_events(events), place.event)
    by_list = ((invoices, billed), (events, told))
    first = max((rows[-1].at for reply, rows in by_list if reply.has_more and rows), default=None)
    billed, told = ([one for one in rows if _is_from(one, first)] for rows in (billed, told))
    others = [
        *_lines_of_life(subscription.body),
        *(_phases(schedule.body) if schedule and schedule.is_good else ()),
    ]
    shown = [
        *billed,
        *told,
        *(one for one in others if _is_from(one, first) and _is_before(one, place.second)),
    ]
    following = None if first is None else _following(place, first, billed, told, events)
    return Timeline(sorted(shown, key=lambda moment: -moment.at), following)


def _not_shown(events: Iterable[Moment], last: str | None) -> list[Moment]:
    """The events of a page after the last one that was shown; that one is not among those of the
    second up to which they are asked for, if it is of a later one.
    """
    found = [*events]
    shown = next((place for place, one in enumerate(found, 1) if one.row == last), 0)
    return found[shown:]


def _is_from(moment: Moment, first: int | None) -> bool:
    return first is None or moment.at >= first


def _is_before(moment: Moment, second: int | None) -> bool:
    return second is None or moment.at < second


def _following(
    place: Place, first: int, billed: Sequence[Moment], told: Sequence[Moment], events: Reply
) -> Place:
    """Where the page begins after one that shows these rows, back to its ``first`` second."""
    invoice = billed[-1].row if billed else place.invoice
    event = told[-1].row if told else place.event
    if events.has_more and event == events.rows[-1]["id"]:
        return Place(first, invoice, _token(events))
    return Place(first, invoice, place.events, event)


def _token(events: Reply) -> str | None:
    """The token of the page of events after this one."""
    query = parse_qs(urlsplit(events.body.get("next_page_url") or "").query)
    return query["page"][0] if "page" in query else None


def _lines_of_life(subscription: Mapping[str, Any]) -> Iterator[Moment]:
    """What a subscription itself says of its past and of what is to come."""
    for field, title in (
        ("start_date", "Starts"),
        ("trial_end", "Trial ends"),
        ("cancel_at", "To be cancelled"),
        ("canceled_at", "Cancellation asked for"),
        ("ended_at", "Ended"),
    ):
        if subscription.get(field):
            yield Moment(subscription[field], title)
    items = (subscription.get("items") or {}).get("data", [])
    if not subscription.get("ended_at"):
        for end in sorted({item["current_period_end"] for item in items}):
            yield Moment(end, "Renews", detail="the next invoice is drafted")


def _invoices(invoices: Reply) -> Iterator[Moment]:
    for invoice in invoices.rows:
        yield Moment(
            invoice["created"],
            f"Invoice {invoice['number'] or '(draft)'}: "
            + money(invoice["total"], invoice["currency"]),
            invoice["status"],
            words(invoice["billing_reason"]),
            f"invoices/{invoice['id']}",
            invoice["id"],
        )


def _events(events: Reply) -> Iterator[Moment]:
    for event in events.rows:
        snapshot = event.get("snapshot_event")
        name = event["type"].removeprefix("v1.").removeprefix("customer.")
        yield Moment(
            unix_seconds(event["created"]) or 0,
            words(name.replace(".", " ")).capitalize(),
            page=f"events/{snapshot}" if snapshot else "",
            row=event["id"],
        )


def _phases(schedule: Mapping[str, Any]) -> Iterator[Moment]:
    phases, at = schedule["phases"], f"schedules/{schedule['id']}"
    for number, phase in enumerate(phases, start=1):
        prices = ", ".join(_priced(item["price"]) for item in phase["items"])
        title = f"Phase {number} of {len(phases)} begins"
        yield Moment(phase["start_date"], title, "", prices, at)
    if schedule["status"] in ("active", "not_started"):
        ends = {"release": "the subscription goes on", "cancel": "the subscription is cancelled"}
        detail = ends.get(schedule["end_behavior"], "")
        yield Moment(phases[-1]["end_date"], "The schedule ends", "", detail, at)


def _priced(found: Any) -> str:  # noqa: ANN401 - a price, or its id where it was not expanded
    """What is sold, and for how much."""
    if not isinstance(found, Mapping):
        return str(found)
    product = found["product"]
    name = product["name"] if isinstance(product, Mapping) else ""
    return f"{name} {price(found)}".strip()
