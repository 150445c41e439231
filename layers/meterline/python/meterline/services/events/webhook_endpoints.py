"""Webhook endpoints: where events are to be sent, and the secret that signs them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.api_version import check_version
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.limits import without_member
from meterline.services.base.lookups import find
from meterline.services.events.endpoints import (
    MEMBERS,
    WEBHOOK_ENDPOINT,
    EndpointState,
    check_url,
    new_secret,
    well,
    with_endpoint,
)
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Deleted, WebhookEndpoint, WebhookEndpointChanges

KIND: Final = WEBHOOK_ENDPOINT
ROLL_SECONDS = 86_400
"""How long a former secret signs too, if nothing else is said; and at most."""

_CHANGEABLE: tuple[Literal["description", "enabled_events", "url"], ...] = (
    "description",
    "enabled_events",
    "url",
)


def create_webhook_endpoint(ctx: Context, params: Body) -> "WebhookEndpoint":
    """Create an endpoint; its signing secret is private state that only this answer reveals."""
    check_url(ctx, params["url"], "url")
    if "api_version" in params:
        check_version(params["api_version"], param="api_version")
    endpoint: WebhookEndpoint = {
        "id": new_object_id(KIND),
        "object": KIND,
        "api_version": params.get("api_version"),
        "application": None,
        "created": ctx.now,
        "description": or_none(params.get("description")),
        "enabled_events": params["enabled_events"],
        "livemode": ctx.livemode,
        "metadata": merged_metadata({}, params.get("metadata")),
        "status": "enabled",
        "url": params["url"],
    }
    body = EndpointState(new_secret()).on(endpoint)
    document = Document(kind=KIND, livemode=ctx.livemode, body=body)
    ctx.save(Change(puts=[document, with_endpoint(ctx, body["id"])]), result_id=body["id"])
    return body


def roll_secret(ctx: Context, endpoint_id: str, params: Body) -> "WebhookEndpoint":
    """Give an endpoint a new secret, which this answer alone reveals.

    The former one signs beside it for ``expires_in`` seconds more, and one that was rolled before
    as long as it would have.
    """
    document = find(ctx, KIND, endpoint_id)
    now = ctx.wall_clock
    until = now + params.get("expires_in", ROLL_SECONDS)
    rolled = EndpointState.of(document.body).rolled(new_secret(), now=now, until=until)
    body: WebhookEndpoint = rolled.on(document.body)
    ctx.save(Change(puts=[replace(document, body=body)]), result_id=endpoint_id)
    return body


def secret_of(body: "WebhookEndpoint", params: Mapping[str, object]) -> dict[str, str | None]:  # noqa: ARG001 - route
    """What only the answer to its creation shows of an endpoint."""
    return {"secret": EndpointState.of(body).secret}


def update_webhook_endpoint(ctx: Context, endpoint_id: str, params: Body) -> "WebhookEndpoint":
    """Change where and what is sent, or stop and start sending (``disabled``)."""
    document = find(ctx, KIND, endpoint_id)
    changes: WebhookEndpointChanges = {}
    for name in _CHANGEABLE:
        if name in params:
            changes[name] = or_none(params[name])
    if "url" in params:
        check_url(ctx, params["url"], "url")
    if "disabled" in params:
        changes["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        changes["metadata"] = merged_metadata(document.body["metadata"], params["metadata"])
    body: WebhookEndpoint = {**document.body, **changes}
    if document.body["status"] == "disabled" and body["status"] == "enabled":
        body = well(EndpointState.of(body)).on(body)
    ctx.save(Change(puts=[replace(document, body=body)]), result_id=endpoint_id)
    return body


def delete_webhook_endpoint(ctx: Context, endpoint_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - route
    """Delete an endpoint and its secret."""
    document = find(ctx, KIND, endpoint_id)
    members_set = without_member(ctx, MEMBERS, endpoint_id)
    ctx.save(Change(puts=members_set, deletes=[document]), result_id=endpoint_id)
    return {"id": endpoint_id, "object": KIND, "deleted": True}
