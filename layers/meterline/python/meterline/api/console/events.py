"""``/console/events``: what happened, what it was about, and who was told."""

from typing import Final

from meterline.api.console.asking import Call, listing
from meterline.api.console.visits import Visit, found, signed_in, whole
from meterline.api.pages.answers import Page

_AT_ONCE: Final = 20
"""So many events are sent again at a time."""

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


def _retry_all(visit: Visit) -> Page:
    """Send some of the events again that were not taken; the page that says so sends the next.

    Events keep their place in the list however fast they are delivered meanwhile. A form that is
    sent twice has the keys of the first time.
    """
    form = visit.form
    type_, sent = form.get("type"), whole(form.get("sent"))
    waiting = visit.api.ask(
        listing(
            "/v1/events",
            type=type_,
            delivery_success=False,
            limit=_AT_ONCE,
            starting_after=form.get("after"),
        )
    )
    if not waiting.is_good:
        return visit.refused(waiting)
    replies = visit.api.ask_all(
        [
            Call("POST", f"/v1/events/{one['id']}/retry", {}, f"{form.get('once')}{one['id']}")
            for one in waiting.rows
        ]
    )
    return visit.page(
        "resending.html",
        waiting=waiting,
        type=type_ or "",
        replies=replies,
        refused=[reply for reply in replies if not reply.is_good],
        sent=sent + sum(reply.is_good for reply in replies),
    )


PAGES = [
    signed_in("GET", "/console/events", _list),
    signed_in("POST", "/console/events/retry", _retry_all),
    signed_in("GET", "/console/events/{id}", _show),
    signed_in("POST", "/console/events/{id}/retry", _retry),
]
