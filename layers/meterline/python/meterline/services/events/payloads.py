"""What an endpoint is sent of an event: whether it asks for it, and in which form."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from meterline.services.events.endpoints import Endpoint, takes_thin_events, version_of
from meterline.services.events.event_log import fits, is_thin_only
from meterline.services.events.thin_events import thin_event, thin_type

if TYPE_CHECKING:
    from meterline.core.base.wire import Event, V2Event

PING: Final = "v2.core.event_destination.ping"
"""The event that tries a destination: no other one is sent it, whatever that asks for."""

_FETCHED: Final = ("changes", "data")
"""Fields of a v2 event that only who fetches it is shown."""

type AnyEvent = "Event | V2Event"


def asks_for(endpoint: Endpoint, event: AnyEvent) -> bool:
    """Whether an endpoint is to be sent an event, of a type that it names.

    Snapshots are of v1 events alone. Thin events are of these, as v2 calls them, and of v2's own.
    """
    if event["type"] == PING:
        return is_pinged(endpoint, event)
    if takes_thin_events(endpoint):
        return fits(thin_type(event), endpoint["enabled_events"])
    is_snapshot = event["object"] == "event" and not is_thin_only(event)
    return is_snapshot and fits(event["type"], endpoint["enabled_events"])


def is_pinged(endpoint: Endpoint, event: Mapping[str, Any]) -> bool:
    """Whether an event tries this endpoint."""
    return bool(event["related_object"]["id"] == endpoint["id"])


def payload(endpoint: Endpoint, event: AnyEvent, *, pending_webhooks: int) -> Mapping[str, Any]:
    """An event in the form that an endpoint is sent: as it was, in the endpoint's version, or the
    thin one, which says what happened to which object.
    """
    if event["object"] == "v2.core.event":
        return _notification(event)
    if takes_thin_events(endpoint) or is_thin_only(event):
        return _notification(thin_event(event))
    return {
        **event,
        "api_version": version_of(endpoint) or event["api_version"],
        "pending_webhooks": pending_webhooks,
    }


def _notification(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """A thin event as it is sent, without what only those get who fetch it."""
    return {name: value for name, value in event.items() if name not in _FETCHED}
