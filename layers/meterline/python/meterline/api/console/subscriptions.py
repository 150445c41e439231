"""``/console/subscriptions``: what runs, and the timeline of one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from meterline.api.console.asking import Call, Reply, listing
from meterline.api.console.formats import money, words
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page
from meterline.core.base.timestamps import unix_seconds

STATUSES: Final = ("all", "active", "trialing", "past_due", "unpaid", "paused", "canceled")
_MOST_SHOWN: Final = 25
_EXPANDED: Final = ("customer", "items.data.price.product")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened to a subscription, or is to happen; ``page`` leads to more of it."""

    at: int
    title: str
    status: str = ""
    detail: str = ""
    page: str = ""


def _list(visit: Visit) -> Page:
    asked = visit.query.get("status", "all")
    status = asked if asked in STATUSES else "all"
    subscriptions = visit.api.ask(
        visit.listing("/v1/subscriptions", status=status, expand=["data.customer"])
    )
    return visit.page(
        "subscriptions.html", subscriptions=subscriptions, chosen=status, statuses=STATUSES
    )


def _show(visit: Visit, subscription_id: str) -> Page:
    subscription, invoices, events, forecast = visit.api.ask_all(
        [
            listing(f"/v1/subscriptions/{subscription_id}", expand=_EXPANDED),
            listing("/v1/invoices", subscription=subscription_id, limit=_MOST_SHOWN),
            listing("/v2/core/events", object_id=subscription_id, limit=_MOST_SHOWN),
            listing("/v1/meterline/analytics/forecast", subscription=subscription_id),
        ]
    )
    found(subscription)
    schedule = _schedule(visit, subscription.body)
    moments = [
        *_lines_of_life(subscription.body),
        *_invoices(invoices),
        *_events(events),
        *(_phases(schedule.body) if schedule and schedule.is_good else ()),
    ]
    return visit.page(
        "subscription.html",
        subscription=subscription,
        invoices=invoices,
        events=events,
        forecast=forecast,
        schedule=schedule,
        names=_names(subscription.body),
        moments=sorted(moments, key=lambda moment: -moment.at),
    )


def _schedule(visit: Visit, subscription: Mapping[str, Any]) -> Reply | None:
    schedule = subscription.get("schedule")
    return (
        visit.api.ask(Call("GET", f"/v1/subscription_schedules/{schedule}")) if schedule else None
    )


def _names(subscription: Mapping[str, Any]) -> Mapping[str, str]:
    """What the products of items are called, by the items' ids."""
    items = (subscription.get("items") or {}).get("data", [])
    products = {item["id"]: item["price"]["product"] for item in items}
    return {item: one["name"] for item, one in products.items() if isinstance(one, Mapping)}


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
        yield Moment(
            unix_seconds(event["created"]) or 0,
            event["type"].removeprefix("v1."),
            page=f"events/{snapshot}" if snapshot else "",
        )


def _phases(schedule: Mapping[str, Any]) -> Iterator[Moment]:
    phases = schedule["phases"]
    for number, phase in enumerate(phases, start=1):
        prices = ", ".join(str(item["price"]) for item in phase["items"])
        yield Moment(phase["start_date"], f"Phase {number} of {len(phases)} begins", "", prices)
    if schedule["status"] in ("active", "not_started"):
        ends = {"release": "the subscription goes on", "cancel": "the subscription is cancelled"}
        detail = ends.get(schedule["end_behavior"], "")
        yield Moment(phases[-1]["end_date"], "The schedule ends", detail=detail)


PAGES = [
    signed_in("GET", "/console/subscriptions", _list),
    signed_in("GET", "/console/subscriptions/{id}", _show),
]
