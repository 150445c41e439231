"""Events as the v2 API shows them: what happened to which object, without its content."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from meterline.core.base.errors import no_such
from meterline.core.base.timestamps import rfc3339
from meterline.core.kinds.events import THIN_ONLY_TYPES
from meterline.core.kinds.registry import find_kind
from meterline.services.base.context import Context
from meterline.services.events.event_log import stored_event
from meterline.services.metering.error_reports import KIND as THIN_KIND

if TYPE_CHECKING:
    from meterline.core.base.wire import Event
    from meterline.store.base.documents import Body

_V1_PREFIX = "evt_"
_TOLD = ("billing.alert_triggered", "billing.alert_recovered")


class RelatedObject(TypedDict):
    """The object that an event is about, and where it can be read."""

    id: str
    type: str
    url: str


class Reason(TypedDict):
    """The request that caused an event: its id and its idempotency key."""

    type: str
    request: dict[str, str]


class ThinEvent(TypedDict):
    """What a v1 event says in v2; ``reason`` is the request that caused it, if one did.

    One that v2 alone has is of no ``snapshot_event``; its ``data`` is for those who fetch it.
    """

    id: str
    object: str
    created: str
    livemode: bool
    related_object: RelatedObject | None
    snapshot_event: NotRequired[str]
    type: str
    reason: NotRequired[Reason]
    data: NotRequired[Mapping[str, Any]]


def find_thin_event(ctx: Context, event_id: str) -> Mapping[str, Any]:
    """The v2 event with this id: one of v2's own, or what a v1 event says in v2."""
    report = ctx.store.get(event_id)
    if report is not None and report.kind == THIN_KIND:
        found: Body = report.body["events"][0]
        return found
    snapshot = snapshot_id(event_id, livemode=ctx.livemode)
    event = stored_event(ctx, snapshot) if snapshot else None
    if event is None:
        raise no_such("event", event_id)
    return thin_event(event)


def thin_event(event: "Event") -> ThinEvent:
    """The v2 form of a v1 event."""
    thin: ThinEvent = {
        "id": thin_id(event["id"], livemode=event["livemode"]),
        "object": "v2.core.event",
        "created": rfc3339(event["created"] * 1_000),
        "livemode": event["livemode"],
        "related_object": related_object(event),
        "type": thin_type(event),
    }
    if event["type"] in THIN_ONLY_TYPES:
        thin["data"] = event["data"]["object"]
    else:
        thin["snapshot_event"] = event["id"]
    request = event["request"]
    if request and request["id"] is not None:
        key = request["idempotency_key"] or ""
        thin["reason"] = {
            "type": "request",
            "request": {"id": request["id"], "idempotency_key": key},
        }
    return thin


def thin_type(event: Mapping[str, Any]) -> str:
    """The type of an event in v2; that of a v1 event has the prefix ``v1.``."""
    return str(event["type"] if event["object"] == THIN_KIND else f"v1.{event['type']}")


def thin_id(event_id: str, *, livemode: bool) -> str:
    """The v2 id of a v1 event."""
    return f"{thin_prefix(livemode=livemode)}{event_id.removeprefix(_V1_PREFIX)}"


def snapshot_id(thin_event_id: str, *, livemode: bool) -> str | None:
    """The id of the v1 event behind a v2 event's id; None if it is not one of this mode."""
    prefix = thin_prefix(livemode=livemode)
    if not thin_event_id.startswith(prefix):
        return None
    return _V1_PREFIX + thin_event_id.removeprefix(prefix)


def thin_prefix(*, livemode: bool) -> str:
    """How ids of what v1 events say in v2 begin; those of v2's own may begin so too."""
    return "evt_live_" if livemode else "evt_test_"


def subject_of(event: "Event") -> Mapping[str, Any]:
    """The object that an event is about: of the summary of a customer's entitlements the customer,
    of what an alert tells, which has no id, the alert.
    """
    subject: Mapping[str, Any] = event["data"]["object"]
    if event["type"] in THIN_ONLY_TYPES:
        return {"id": subject["customer"], "object": "customer"}
    if subject["object"] in _TOLD:
        alert: Mapping[str, Any] = subject["alert"]
        return alert
    return subject


def related_object(event: "Event") -> RelatedObject | None:
    """The object that a v1 event is about, with the address to read it at, if it has one."""
    subject = subject_of(event)
    kind = find_kind(subject["object"])
    url = kind.url_of(subject["id"]) if kind and "id" in subject else None
    if url is None:
        return None
    return {"id": subject["id"], "type": subject["object"], "url": url}
