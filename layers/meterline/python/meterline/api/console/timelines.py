"""The timeline of a subscription: what happened to it, what it was billed, and what is to come.

A timeline is put together from lists that are paged. What a page shows ends where the first of
them goes no further; the next page begins there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from meterline.api.console.asking import Call, Reply, listing
from meterline.api.console.formats import money, price, words
from meterline.core.base.frozen import frozen
from meterline.core.base.timestamps import rfc3339, unix_seconds

MOST_SHOWN: Final = 25
"""So many rows of each list are asked for at a time."""


@frozen
class Moment:
    """Something that happened to a subscription, or is to happen; ``page`` leads to more of it."""

    at: int
    title: str
    status: str = ""
    detail: str = ""
    page: str = ""


@frozen
class Timeline:
    """Moments, the latest first; ``until`` is the instant that the next page begins at, None if
    there is none.
    """

    moments: Sequence[Moment]
    until: int | None


def calls(subscription_id: str, until: int | None) -> list[Call]:
    """What is asked for the moments up to an instant: its invoices, and its events."""
    created = None if until is None else {"lte": until}
    spoken = None if until is None else {"lte": rfc3339(until * 1_000)}
    return [
        listing("/v1/invoices", subscription=subscription_id, limit=MOST_SHOWN, created=created),
        listing("/v2/core/events", object_id=subscription_id, limit=MOST_SHOWN, created=spoken),
    ]


def timeline(
    subscription: Reply, schedule: Reply | None, lists: Sequence[Reply], until: int | None
) -> Timeline:
    """The moments of a page: those up to ``until``, back to where a list goes no further."""
    invoices, events = lists
    by_list = [(invoices, [*_invoices(invoices)]), (events, [*_events(events)])]
    ends = [min(one.at for one in rows) for reply, rows in by_list if reply.has_more and rows]
    listed = [moment for _, rows in by_list for moment in rows]
    first, following = _bounds(listed, ends)
    told = [
        *listed,
        *_lines_of_life(subscription.body),
        *(_phases(schedule.body) if schedule and schedule.is_good else ()),
    ]
    shown = [
        moment
        for moment in told
        if (until is None or moment.at <= until) and (first is None or moment.at >= first)
    ]
    return Timeline(sorted(shown, key=lambda moment: -moment.at), following)


def _bounds(listed: Sequence[Moment], ends: Sequence[int]) -> tuple[int | None, int | None]:
    """The earliest second that a page shows, and the one that the next page begins at.

    A list that has more may have more of its last second too: the next page has all of that. Where
    there is nothing else on the page, it shows what it has of that second.
    """
    if not ends:
        return None, None
    last = max(ends)
    if any(moment.at > last for moment in listed):
        return last + 1, last
    return last, last - 1


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
        )


def _events(events: Reply) -> Iterator[Moment]:
    for event in events.rows:
        snapshot = event.get("snapshot_event")
        name = event["type"].removeprefix("v1.").removeprefix("customer.")
        yield Moment(
            unix_seconds(event["created"]) or 0,
            words(name.replace(".", " ")).capitalize(),
            page=f"events/{snapshot}" if snapshot else "",
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
