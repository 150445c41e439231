"""Event destinations: what v2 of the API calls an endpoint, and an event bus beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from meterline.core.base.errors import BillingError
from meterline.core.base.timestamps import rfc3339
from meterline.core.base.unset import merged_metadata
from meterline.services.base.api_version import API_VERSION, check_version
from meterline.services.base.context import Context
from meterline.services.base.ids import new_id, new_object_id
from meterline.services.base.limits import without_member
from meterline.services.base.lookups import find
from meterline.services.events.deliveries import asked_for, new_delivery
from meterline.services.events.endpoints import (
    EVENT_DESTINATION,
    MEMBERS,
    EndpointState,
    EventBus,
    EventDestination,
    StatusDetails,
    check_url,
    new_secret,
    well,
    with_endpoint,
)
from meterline.services.events.fan_out import send
from meterline.services.events.payloads import PING
from meterline.services.events.thin_events import thin_prefix
from meterline.services.metering.error_reports import KEPT_SECONDS
from meterline.services.metering.error_reports import KIND as THIN_KIND
from meterline.store.base.documents import Body, Change, Document
from meterline.store.base.settings import settings

if TYPE_CHECKING:
    from meterline.core.base.wire import V2Event

KIND: Final = EVENT_DESTINATION
OWN_ACCOUNT: Final = "@self"
"""Where events are from: a deployment is one account."""

_ALL: Final = "*"
_THIN_PREFIXES: Final = ("v1.", "v2.")


def create_event_destination(ctx: Context, params: Body) -> EventDestination:
    """Create a destination. The secret that signs what it is sent is private state."""
    _check_config(params)
    _check_types(params["enabled_events"], params["event_payload"])
    destination: EventDestination = {
        "id": new_object_id(KIND),
        "object": "v2.core.event_destination",
        "created": ctx.now,
        "description": params.get("description", ""),
        "enabled_events": params["enabled_events"],
        "event_payload": params["event_payload"],
        "events_from": [OWN_ACCOUNT],
        "livemode": ctx.livemode,
        "metadata": merged_metadata({}, params.get("metadata")),
        "name": params["name"],
        "status": "enabled",
        "type": params["type"],
        "updated": ctx.now,
    }
    if (version := _version(params)) is not None:
        destination["snapshot_api_version"] = version
    if params["type"] == "webhook_endpoint":
        destination["url"] = _checked_url(ctx, params)
        destination = EndpointState(new_secret()).on(destination)
    else:
        destination["amazon_eventbridge"] = _event_bus(params["amazon_eventbridge"])
    document = Document(kind=KIND, livemode=ctx.livemode, body=destination)
    puts = [document, with_endpoint(ctx, destination["id"])]
    ctx.save(Change(puts=puts), result_id=destination["id"])
    return destination


def update_event_destination(ctx: Context, destination_id: str, params: Body) -> EventDestination:
    """Change what a destination is called, which events it gets, or its URL."""
    document = _found(ctx, destination_id)
    before = document.body
    after: EventDestination = {**before}
    if "name" in params:
        after["name"] = params["name"]
    if "description" in params:
        after["description"] = params["description"]
    if "metadata" in params:
        after["metadata"] = merged_metadata(before["metadata"], params["metadata"])
    if "enabled_events" in params:
        _check_types(params["enabled_events"], before["event_payload"])
        after["enabled_events"] = params["enabled_events"]
    if "webhook_endpoint" in params:
        if before["type"] != "webhook_endpoint":
            raise _no_config("webhook_endpoint", before["type"])
        after["url"] = _checked_url(ctx, params)
    return _changed(ctx, document, after)


def enable_event_destination(
    ctx: Context,
    destination_id: str,
    params: Body,  # noqa: ARG001 - no parameters
) -> EventDestination:
    """Send a destination events from now on, as if it had never failed."""
    document = _found(ctx, destination_id)
    if document.body["status"] == "enabled":
        return document.body
    enabled = well(EndpointState.of(document.body)).on(document.body)
    after: EventDestination = {**enabled, "status": "enabled"}
    after.pop("status_details", None)
    return _changed(ctx, document, after)


def disable_event_destination(
    ctx: Context,
    destination_id: str,
    params: Body,  # noqa: ARG001 - no parameters
) -> EventDestination:
    """Send a destination nothing more, until it is enabled."""
    document = _found(ctx, destination_id)
    if document.body["status"] == "disabled":
        return document.body
    details: StatusDetails = {"disabled": {"reason": "user"}}
    after: EventDestination = {**document.body, "status": "disabled", "status_details": details}
    return _changed(ctx, document, after)


def delete_event_destination(
    ctx: Context,
    destination_id: str,
    params: Body,  # noqa: ARG001 - no parameters
) -> dict[str, str]:
    """Delete a destination and its secret."""
    document = _found(ctx, destination_id)
    members_set = without_member(ctx, MEMBERS, destination_id)
    ctx.save(Change(puts=members_set, deletes=[document]), result_id=destination_id)
    return {"id": destination_id, "object": KIND}


def ping_event_destination(
    ctx: Context,
    destination_id: str,
    params: Body,  # noqa: ARG001 - no parameters
) -> "V2Event":
    """Send a destination an event that tries it, whatever events it asks for.

    Its delivery is stored with it: publishing may not know of a new destination yet.
    """
    destination = _found(ctx, destination_id).body
    if destination["status"] != "enabled":
        raise BillingError(f"The event destination {destination_id} is disabled. Enable it first.")
    event = _ping_of(ctx, destination_id)
    expires_at = ctx.wall_clock + KEPT_SECONDS
    box = Document(
        THIN_KIND,
        ctx.livemode,
        {"id": event["id"], "created": ctx.now, "events": [event]},
        expires_at=expires_at,
    )
    delivery = asked_for(
        new_delivery(event, destination_id, endpoints=1, now=ctx.wall_clock, expires_at=expires_at)
    )
    ctx.save(Change(puts=[box, delivery]), result_id=event["id"])
    send([delivery])
    return event


def _ping_of(ctx: Context, destination_id: str) -> "V2Event":
    event: V2Event = {
        "id": new_id(thin_prefix(livemode=ctx.livemode)),
        "object": "v2.core.event",
        "created": rfc3339(ctx.now * 1_000),
        "livemode": ctx.livemode,
        "related_object": {
            "id": destination_id,
            "type": KIND,
            "url": f"/v2/core/event_destinations/{destination_id}",
        },
        "type": PING,
    }
    return event


def shown_on_request(
    body: EventDestination, include: Iterable[str]
) -> Mapping[str, dict[str, str]]:
    """What a destination shows only to those who ask for it: its URL and its secret."""
    fields = {
        "webhook_endpoint.signing_secret": ("signing_secret", EndpointState.of(body).secret),
        "webhook_endpoint.url": ("url", body.get("url")),
    }
    asked = {name: value for name, value in map(fields.__getitem__, include) if value is not None}
    return {"webhook_endpoint": asked} if asked else {}


def _found(ctx: Context, destination_id: str) -> Document[EventDestination]:
    return find(ctx, KIND, destination_id, status=404)


def _changed(
    ctx: Context, document: Document[EventDestination], after: EventDestination
) -> EventDestination:
    """Store a destination as it is now; it says when it was changed."""
    body: EventDestination = {**after, "updated": ctx.now}
    ctx.save(Change(puts=[replace(document, body=body)]), result_id=document.id)
    return body


def _check_config(params: Mapping[str, Any]) -> None:
    """Refuse a destination without the place that its type asks for, or with another one."""
    for name in ("amazon_eventbridge", "webhook_endpoint"):
        if name == params["type"] and name not in params:
            raise BillingError(f"Missing required param: {name}.", param=name)
        if name != params["type"] and name in params:
            raise _no_config(name, params["type"])


def _no_config(name: str, its_type: str) -> BillingError:
    return BillingError(f"A destination of type {its_type} has no {name}.", param=name)


def _check_types(types: Iterable[str], event_payload: str) -> None:
    """Refuse types of which no event comes in this form."""
    for type_ in types:
        is_thin = type_.startswith(_THIN_PREFIXES)
        if type_ != _ALL and is_thin != (event_payload == "thin"):
            example = "v1.invoice.paid" if event_payload == "thin" else "invoice.paid"
            raise BillingError(
                f"Invalid enabled_events: no {event_payload} event has the type '{type_}'. Use"
                f" types such as `{example}`.",
                param="enabled_events",
            )


def _version(params: Mapping[str, Any]) -> str | None:
    """The version that snapshots say; refuses one of thin events, which have none."""
    version: str | None = params.get("snapshot_api_version")
    if params["event_payload"] == "thin":
        if version is not None:
            raise BillingError(
                "Thin events are of no API version: leave snapshot_api_version out.",
                param="snapshot_api_version",
            )
        return None
    if version is not None:
        check_version(version, param="snapshot_api_version")
    return version or API_VERSION


def _checked_url(ctx: Context, params: Mapping[str, Any]) -> str:
    url: str = params["webhook_endpoint"]["url"]
    check_url(ctx, url, "webhook_endpoint.url")
    return url


def _event_bus(config: Mapping[str, str]) -> EventBus:
    """The event bus of this deployment, if it is the one that is meant."""
    arn = settings().event_bus_arn
    if arn is None:
        raise BillingError(
            "This deployment has no event bus: name one in its parameter EventBusName.",
            param="amazon_eventbridge",
        )
    region, account = arn.split(":")[3:5]
    for name, own in (("aws_account_id", account), ("aws_region", region)):
        if config[name] != own:
            raise BillingError(
                f"Events go to the event bus in the deployment's own account and region:"
                f" {name} is {own}.",
                param=f"amazon_eventbridge.{name}",
            )
    return {
        "aws_account_id": account,
        "aws_event_source_arn": arn,
        "aws_event_source_status": "active",
    }
