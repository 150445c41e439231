"""``/console/destinations``: where events of v2 are sent, webhooks and event buses."""

from collections.abc import Mapping
from typing import Final

from meterline.api.console.asking import Call, Value, listing
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page

_PATH: Final = "/v2/core/event_destinations"
_URL: Final = "webhook_endpoint.url"
_SECRET: Final = "webhook_endpoint.signing_secret"  # noqa: S105 - the name of a field
_MOST: Final = 20
"""A mode has fewer endpoints and destinations than that: their list has one page."""

KINDS: Final = {
    "webhook_endpoint": ("Webhook", "A call of an address, signed."),
    "amazon_eventbridge": ("Amazon EventBridge", "An entry on the deployment's event bus."),
}
PAYLOADS: Final = {
    "thin": "thin: the object's id",
    "snapshot": "snapshot: the whole object",
}


def _list(visit: Visit) -> Page:
    destinations = visit.api.ask(listing(_PATH, limit=_MOST, include=[_URL]))
    return visit.page(
        "destinations.html", destinations=destinations, kinds=KINDS, payloads=PAYLOADS
    )


def _create(visit: Visit) -> Page:
    """A new destination; this page alone shows the secret of one that is called."""
    form = visit.form
    reply = visit.post(
        _PATH,
        {
            "name": form.get("name"),
            "description": form.get("description"),
            "enabled_events": form.get("enabled_events", "*").replace(",", " ").split(),
            "event_payload": form.get("event_payload"),
            **_config(form),
        },
    )
    if not reply.is_good:
        return visit.refused(reply)
    if form.get("type") != "webhook_endpoint":
        return visit.went(reply, f"/console/destinations/{reply.body['id']}", "created")
    secret = (reply.body.get("webhook_endpoint") or {}).get("signing_secret")
    return visit.page(
        "secret.html", reply=reply, secret=secret, at=f"destinations/{reply.body['id']}"
    )


def _config(form: Mapping[str, str]) -> dict[str, Value]:
    """Where a destination's events go, by its type."""
    type_ = form.get("type")
    if type_ == "amazon_eventbridge":
        bus = {"aws_account_id": form.get("account"), "aws_region": form.get("region")}
        return {"type": type_, "amazon_eventbridge": bus}
    return {"type": type_, "webhook_endpoint": {"url": form.get("url")}, "include": [_SECRET]}


def _show(visit: Visit, destination_id: str) -> Page:
    """A destination, and what became of a ping that was just sent to it."""
    ping = visit.query.get("ping")
    calls = [listing(f"{_PATH}/{destination_id}", include=[_URL])]
    if ping:
        calls.append(Call("GET", f"/v1/events/{ping}/deliveries"))
    destination, *pings = visit.api.ask_all(calls)
    found(destination)
    return visit.page(
        "destination.html", destination=destination, ping=pings[0] if pings else None, kinds=KINDS
    )


def _ping(visit: Visit, destination_id: str) -> Page:
    """Send an event that tries it, and go to where its delivery is seen."""
    reply = visit.post(f"{_PATH}/{destination_id}/ping", {})
    if not reply.is_good:
        return visit.refused(reply)
    path = f"/console/destinations/{destination_id}"
    return visit.moved(path, done="pinged", ping=str(reply.body["id"]))


def _switch(visit: Visit, destination_id: str) -> Page:
    """Stop sending to a destination, or go on."""
    disabled = visit.form.get("disabled") == "true"
    reply = visit.post(f"{_PATH}/{destination_id}/{'disable' if disabled else 'enable'}", {})
    done = "disabled" if disabled else "enabled"
    return visit.went(reply, f"/console/destinations/{destination_id}", done)


def _delete(visit: Visit, destination_id: str) -> Page:
    reply = visit.api.ask(Call("DELETE", f"{_PATH}/{destination_id}"))
    return visit.went(reply, "/console/destinations", "deleted")


PAGES = [
    signed_in("GET", "/console/destinations", _list),
    signed_in("POST", "/console/destinations", _create),
    signed_in("GET", "/console/destinations/{id}", _show),
    signed_in("POST", "/console/destinations/{id}/ping", _ping),
    signed_in("POST", "/console/destinations/{id}/switch", _switch),
    signed_in("POST", "/console/destinations/{id}/delete", _delete),
]
