"""Where events go: the webhook endpoints of v1 and the event destinations of v2 are one concept.

A mode has one set of them, with one limit. Each says which events it asks for, in which form, and
is delivered to, retried and disabled in the same way.
"""

import secrets
import string
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, NotRequired, TypedDict

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.core.events.addresses import may_be_called
from meterline.core.events.endpoint_urls import EndpointUrl, UnusableUrl, read_url
from meterline.core.events.retry_schedule import FORGOTTEN_AFTER_SECONDS
from meterline.services.base.context import Context
from meterline.services.base.limits import with_member
from meterline.store.base.documents import Document
from meterline.store.base.settings import settings

if TYPE_CHECKING:
    from meterline.core.base.wire import WebhookEndpoint

WEBHOOK_ENDPOINT: Final = "webhook_endpoint"
EVENT_DESTINATION: Final = "v2.core.event_destination"
KINDS: Final = (WEBHOOK_ENDPOINT, EVENT_DESTINATION)

MEMBERS: Final = "webhook_endpoints"
MOST_ENDPOINTS: Final = 16
_FULL: Final = (
    f"You have reached the maximum of {MOST_ENDPOINTS} webhook endpoints and event destinations."
)
DISABLED_EVENTS: Final = {
    WEBHOOK_ENDPOINT: "meterline.webhook_endpoint.disabled",
    EVENT_DESTINATION: "meterline.event_destination.disabled",
}
"""The events of an endpoint that was disabled because it took nothing, by its kind."""

MOST_EARLIER_SECRETS: Final = 4
"""So many secrets sign beside the present and the former one: each is 68 bytes of a header."""

_SECRET_DIGITS = 32
_ALPHABET = string.ascii_letters + string.digits


class EventBus(TypedDict):
    """The event bus that a destination's events are put on."""

    aws_account_id: str
    aws_event_source_arn: str
    aws_event_source_status: Literal["active"]


class Disabling(TypedDict):
    """Why a destination was disabled."""

    reason: Literal["no_aws_event_source_exists", "user"]


class StatusDetails(TypedDict):
    """What there is to say of a destination's status."""

    disabled: Disabling


class EventDestination(TypedDict):
    """An event destination as it is stored; instants are UTC seconds. Its kind says how v2 shows
    it. One that is called has a ``url``, the other ones an event bus.
    """

    id: str
    object: Literal["v2.core.event_destination"]
    amazon_eventbridge: NotRequired[EventBus]
    created: int
    description: str
    enabled_events: list[str]
    event_payload: Literal["snapshot", "thin"]
    events_from: list[str]
    livemode: bool
    metadata: dict[str, str]
    name: str
    snapshot_api_version: NotRequired[str]
    status: Literal["disabled", "enabled"]
    status_details: NotRequired[StatusDetails]
    type: Literal["amazon_eventbridge", "webhook_endpoint"]
    updated: int
    url: NotRequired[str]


class EarlierSecret(TypedDict):
    """A secret that was rolled, and until when it signs (UTC seconds)."""

    secret: str
    until: int


type Endpoint = "WebhookEndpoint | EventDestination"


@frozen
class EndpointState(PrivateState):
    """What an endpoint remembers: the secret that signs what it is sent, the former one until an
    instant, and those that were rolled before, while they sign; since when it has taken nothing,
    and when that was seen last, within an hour; until when nothing is sent to it, as it does not
    answer. Instants are UTC seconds.
    """

    secret: str | None = None
    former_secret: str | None = None
    former_secret_until: int | None = None
    earlier_secrets: list[EarlierSecret] | None = None
    failing_since: int | None = None
    failed_at: int | None = None
    held_until: int | None = None

    def secrets_at(self, now: int) -> list[str]:
        """The secrets that sign at an instant; several while they are rolled."""
        former = [one["secret"] for one in self._former if now < one["until"]]
        return [self.secret, *former] if self.secret else former

    def rolled(self, secret: str, *, now: int, until: int) -> "EndpointState":
        """The same with a new secret; the present one signs until an instant, and those before it
        as long as they would have, the latest of them.
        """
        earlier = [one for one in self._former if now < one["until"]][:MOST_EARLIER_SECRETS]
        return replace(
            self,
            secret=secret,
            former_secret=self.secret,
            former_secret_until=until,
            earlier_secrets=earlier or None,
        )

    @property
    def _former(self) -> "list[EarlierSecret]":
        """The secrets before the present one, the latest first."""
        earlier = self.earlier_secrets or []
        if self.former_secret is None:
            return earlier
        return [{"secret": self.former_secret, "until": self.former_secret_until or 0}, *earlier]

    @property
    def failing_seconds(self) -> int:
        """For how long it was seen to take nothing."""
        since = self.failing_since or 0
        return max(since, self.failed_at or 0) - since

    def known_at(self, now: int) -> "EndpointState":
        """What still counts at an instant: of failures of long ago nothing does."""
        latest = self.failed_at or self.failing_since
        is_known = latest is None or now - latest <= FORGOTTEN_AFTER_SECONDS
        return self if is_known else well(self)


def well(state: EndpointState) -> EndpointState:
    """What an endpoint remembers of which nothing bad is known."""
    return replace(state, failing_since=None, failed_at=None, held_until=None)


def new_secret() -> str:
    """A secret that signs what an endpoint is sent."""
    return "whsec_" + "".join(secrets.choice(_ALPHABET) for _ in range(_SECRET_DIGITS))


def with_endpoint(ctx: Context, endpoint_id: str) -> Document[Any]:
    """The set of the mode's endpoints with a new one; refuses one too many."""
    full = BillingError(_FULL)
    return with_member(ctx, MEMBERS, endpoint_id, most=MOST_ENDPOINTS, refusal=full)


def takes_thin_events(endpoint: Endpoint) -> bool:
    """Whether an endpoint is sent thin events, in the place of snapshots."""
    return endpoint.get("event_payload") == "thin"


def bus_of(endpoint: Endpoint) -> EventBus | None:
    """The event bus that the events of an endpoint are put on; None of one that is called."""
    if endpoint["object"] == WEBHOOK_ENDPOINT:
        return None
    return endpoint.get("amazon_eventbridge")


def version_of(endpoint: Endpoint) -> str | None:
    """The API version that the events of an endpoint say, if it names one."""
    if endpoint["object"] == EVENT_DESTINATION:
        return endpoint.get("snapshot_api_version")
    return endpoint["api_version"]


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


def check_url(ctx: Context, url: str, param: str) -> None:
    """Refuse a URL that this deployment does not call."""
    try:
        url_of(url, livemode=ctx.livemode)
    except UnusableUrl as unusable:
        raise BillingError(f"Invalid URL: {unusable}", code="url_invalid", param=param) from None
