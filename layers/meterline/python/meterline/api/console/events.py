"""``/console/events``: what happened, what it was about, and who was told."""

from meterline.api.console.asking import Call, listing
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page

_DELIVERIES = {"": None, "false": False, "true": True}
"""What an address may ask for of deliveries: all, some that wait or have failed, all delivered."""


def _list(visit: Visit) -> Page:
    """The events, newest first, or those of a type, or with a delivery that waits."""
    type_ = visit.query.get("type") or None
    asked = visit.query.get("delivery", "")
    delivery = asked if asked in _DELIVERIES else ""
    events = visit.api.ask(
        visit.listing("/v1/events", type=type_, delivery_success=_DELIVERIES[delivery])
    )
    return visit.page("events.html", events=events, type=type_ or "", delivery=delivery)


def _show(visit: Visit, event_id: str) -> Page:
    path = f"/v1/events/{event_id}"
    event, deliveries, *receivers = visit.api.ask_all(
        [
            Call("GET", path),
            Call("GET", f"{path}/deliveries"),
            listing("/v1/webhook_endpoints", limit=20),
            listing("/v2/core/event_destinations", limit=20),
        ]
    )
    found(event)
    rows = [row for reply in receivers for row in reply.rows]
    return visit.page(
        "event.html",
        event=event,
        deliveries=deliveries,
        receivers=receivers,
        addresses={row["id"]: row.get("url") or row["name"] for row in rows},
    )


def _retry(visit: Visit, event_id: str) -> Page:
    """Send an event again, to one endpoint or to all that ask for it."""
    endpoint = visit.form.get("webhook_endpoint")
    reply = visit.post(f"/v1/events/{event_id}/retry", {"webhook_endpoint": endpoint})
    return visit.went(reply, f"/console/events/{event_id}", "resent")


PAGES = [
    signed_in("GET", "/console/events", _list),
    signed_in("GET", "/console/events/{id}", _show),
    signed_in("POST", "/console/events/{id}/retry", _retry),
]
