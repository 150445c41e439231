"""``/console/webhooks``: where events are sent, and what is not taken there."""

from meterline.api.console.asking import Call, Reply, listing
from meterline.api.console.visits import Visit, found, signed_in
from meterline.api.pages.answers import Page

_PATH = "/v1/webhook_endpoints"


def _list(visit: Visit) -> Page:
    endpoints, waiting = visit.api.ask_all(
        [visit.listing(_PATH), listing("/v1/events", delivery_success=False, limit=10)]
    )
    return visit.page("webhooks.html", endpoints=endpoints, waiting=waiting)


def _create(visit: Visit) -> Page:
    """A new endpoint; this page alone shows its secret."""
    form = visit.form
    types = form.get("enabled_events", "*").replace(",", " ").split()
    reply = visit.post(
        _PATH,
        {
            "url": form.get("url"),
            "enabled_events": types,
            "description": form.get("description"),
        },
    )
    return _secret(visit, reply)


def _show(visit: Visit, endpoint_id: str) -> Page:
    endpoint = found(visit.api.ask(Call("GET", f"{_PATH}/{endpoint_id}")))
    return visit.page("webhook.html", endpoint=endpoint)


def _switch(visit: Visit, endpoint_id: str) -> Page:
    """Stop sending to an endpoint, or go on."""
    disabled = visit.form.get("disabled") == "true"
    reply = visit.post(f"{_PATH}/{endpoint_id}", {"disabled": disabled})
    done = "disabled" if disabled else "enabled"
    return visit.went(reply, f"/console/webhooks/{endpoint_id}", done)


def _roll(visit: Visit, endpoint_id: str) -> Page:
    """A new secret; this page alone shows it. The former one signs too for a day."""
    reply = visit.post(f"{_PATH}/{endpoint_id}/roll_secret", {"expires_in": 86_400})
    return _secret(visit, reply)


def _secret(visit: Visit, reply: Reply) -> Page:
    """The page that alone shows a new secret."""
    if not reply.is_good:
        return visit.refused(reply)
    at = f"webhooks/{reply.body['id']}"
    return visit.page("secret.html", reply=reply, secret=reply.body["secret"], at=at)


def _delete(visit: Visit, endpoint_id: str) -> Page:
    reply = visit.api.ask(Call("DELETE", f"{_PATH}/{endpoint_id}"))
    return visit.went(reply, "/console/webhooks", "deleted")


PAGES = [
    signed_in("GET", "/console/webhooks", _list),
    signed_in("POST", "/console/webhooks", _create),
    signed_in("GET", "/console/webhooks/{id}", _show),
    signed_in("POST", "/console/webhooks/{id}/switch", _switch),
    signed_in("POST", "/console/webhooks/{id}/roll", _roll),
    signed_in("POST", "/console/webhooks/{id}/delete", _delete),
]
