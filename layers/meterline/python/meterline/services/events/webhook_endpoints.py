"""Webhook endpoints: where events are to be sent, and the secret that signs them."""

import secrets
import string
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.private_state import PrivateState
from meterline.core.base.unset import merged_metadata, or_none
from meterline.core.events.addresses import may_be_called
from meterline.core.events.endpoint_urls import EndpointUrl, UnusableUrl, read_url
from meterline.services.base.api_version import check_version
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.limits import with_member, without_member
from meterline.services.base.lookups import find
from meterline.store.base.documents import Body, Change, Document
from meterline.store.base.settings import settings

if TYPE_CHECKING:
    from meterline.core.base.wire import Deleted, WebhookEndpoint, WebhookEndpointChanges

KIND: Final = "webhook_endpoint"
MOST_ENDPOINTS = 16
ROLL_SECONDS = 86_400
"""How long a former secret signs too, if nothing else is said; and at most."""

ENDPOINT_DISABLED: Final = "meterline.webhook_endpoint.disabled"
"""The event of an endpoint that was disabled because it took nothing."""

_CHANGEABLE: tuple[Literal["description", "enabled_events", "url"], ...] = (
    "description",
    "enabled_events",
    "url",
)
MEMBERS: Final = "webhook_endpoints"
_SECRET_DIGITS = 32
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class EndpointState(PrivateState):
    """What an endpoint remembers: the secret that signs what it is sent, and the former one until
    an instant; since when it has taken nothing. Instants are UTC seconds.
    """

    secret: str | None = None
    former_secret: str | None = None
    former_secret_until: int | None = None
    failing_since: int | None = None

    def secrets_at(self, now: int) -> list[str]:
        """The secrets that sign at an instant; two while one is rolled."""
        secrets = [self.secret] if self.secret else []
        if self.former_secret and now < (self.former_secret_until or 0):
            secrets.append(self.former_secret)
        return secrets


def create_webhook_endpoint(ctx: Context, params: Body) -> "WebhookEndpoint":
    """Create an endpoint; its signing secret is private state that only this answer reveals."""
    _check_url(ctx, params["url"])
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
    body = EndpointState(_new_secret()).on(endpoint)
    document = Document(kind=KIND, livemode=ctx.livemode, body=body)
    full = BillingError(f"You have reached the maximum of {MOST_ENDPOINTS} webhook endpoints.")
    members_set = with_member(ctx, MEMBERS, body["id"], most=MOST_ENDPOINTS, refusal=full)
    ctx.save(Change(puts=[document, members_set]), result_id=body["id"])
    return body


def roll_secret(ctx: Context, endpoint_id: str, params: Body) -> "WebhookEndpoint":
    """Give an endpoint a new secret, which this answer alone reveals.

    The former one signs beside it for ``expires_in`` seconds more.
    """
    document = find(ctx, KIND, endpoint_id)
    state = EndpointState.of(document.body)
    rolled = replace(
        state,
        secret=_new_secret(),
        former_secret=state.secret,
        former_secret_until=ctx.wall_clock + params.get("expires_in", ROLL_SECONDS),
    )
    body: WebhookEndpoint = rolled.on(document.body)
    ctx.save(Change(puts=[replace(document, body=body)]), result_id=endpoint_id)
    return body


def _new_secret() -> str:
    return "whsec_" + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_DIGITS))


def secret_of(body: "WebhookEndpoint") -> dict[str, str | None]:
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
        _check_url(ctx, params["url"])
    if "disabled" in params:
        changes["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        changes["metadata"] = merged_metadata(document.body["metadata"], params["metadata"])
    body: WebhookEndpoint = {**document.body, **changes}
    if document.body["status"] == "disabled" and body["status"] == "enabled":
        body = replace(EndpointState.of(body), failing_since=None).on(body)
    ctx.save(Change(puts=[replace(document, body=body)]), result_id=endpoint_id)
    return body


def delete_webhook_endpoint(ctx: Context, endpoint_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - route
    """Delete an endpoint and its secret."""
    document = find(ctx, KIND, endpoint_id)
    members_set = without_member(ctx, MEMBERS, endpoint_id)
    ctx.save(Change(puts=members_set, deletes=[document]), result_id=endpoint_id)
    return {"id": endpoint_id, "object": KIND, "deleted": True}


def url_of(url: str, *, livemode: bool) -> EndpointUrl:
    """Where an endpoint is; UnusableUrl if this deployment does not call it.

    Plain HTTP is for test mode alone, and for deployments whose endpoints may be on this machine.
    """
    parsed = read_url(url)
    may_be_private = settings().may_call_private_addresses
    if not parsed.is_secure and livemode:
        raise UnusableUrl("Live mode endpoints must use https.")
    if not parsed.is_secure and not may_be_private:
        raise UnusableUrl("Endpoints must use https.")
    if parsed.is_address and not may_be_called(parsed.host, may_be_private=may_be_private):
        raise UnusableUrl("Its address is not one of the public internet.")
    return parsed


def _check_url(ctx: Context, url: str) -> None:
    try:
        url_of(url, livemode=ctx.livemode)
    except UnusableUrl as unusable:
        raise BillingError(f"Invalid URL: {unusable}", code="url_invalid", param="url") from None
