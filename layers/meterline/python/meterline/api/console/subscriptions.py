"""``/console/subscriptions``: what runs, and the timeline of one."""

from collections.abc import Mapping
from typing import Any, Final

from meterline.api.console.asking import Reply, listing
from meterline.api.console.timelines import Place, calls, timeline
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page

STATUSES: Final = ("all", "active", "trialing", "past_due", "unpaid", "paused", "canceled")
_EXPANDED: Final = ("customer", "items.data.price.product")


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
    place = Place.of(visit.query)
    subscription, forecast, *lists = visit.api.ask_all(
        [
            listing(f"/v1/subscriptions/{subscription_id}", expand=_EXPANDED),
            listing("/v1/meterline/analytics/forecast", subscription=subscription_id),
            *calls(subscription_id, place),
        ]
    )
    found(subscription)
    schedule = _schedule(visit, subscription.body)
    return visit.page(
        "subscription.html",
        subscription=subscription,
        forecast=forecast,
        lists=lists,
        schedule=schedule,
        names=_names(subscription.body),
        timeline=timeline(subscription, schedule, lists, place),
        place=place,
    )


def _schedule(visit: Visit, subscription: Mapping[str, Any]) -> Reply | None:
    schedule = subscription.get("schedule")
    path = f"/v1/subscription_schedules/{schedule}"
    return visit.api.ask(listing(path, expand=["phases.items.price.product"])) if schedule else None


def _names(subscription: Mapping[str, Any]) -> Mapping[str, str]:
    """What the products of items are called, by the items' ids."""
    items = (subscription.get("items") or {}).get("data", [])
    products = {item["id"]: item["price"]["product"] for item in items}
    return {item: one["name"] for item, one in products.items() if isinstance(one, Mapping)}


PAGES = [
    signed_in("GET", "/console/subscriptions", _list),
    signed_in("GET", "/console/subscriptions/{id}", _show),
]
