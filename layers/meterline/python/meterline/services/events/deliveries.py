"""Deliveries: what became of an event at an endpoint, attempt by attempt.

A delivery is stored before the first message about it is sent, and is due until an attempt has
succeeded or the last one has failed: whatever dies on the way, the sweep finds it again. Its record
says what is known: an attempt counts once it has come to an end and that is stored.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypedDict

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.core.base.timestamps import unix_seconds
from meterline.core.events.retry_schedule import wait_after
from meterline.core.kinds.registry import kind_of
from meterline.services.base.outbox import outbox_id
from meterline.store.base.documents import Document
from meterline.store.base.keys import shard_of

if TYPE_CHECKING:
    from meterline.core.base.wire import Event, V2Event

KIND: Final = "meterline.webhook_delivery"
MOST_ATTEMPTS_SHOWN: Final = 20
"""The latest attempts are kept; ``attempt_count`` counts all."""

FIRST_ATTEMPT_SECONDS: Final = 60
"""How long the message about a new delivery has, before the sweep sends another one."""

_PREFIX: Final = "whd_"
_SHARDS: Final = 4
"""A type's partition of what endpoints have not taken: where many fail at once, one is too few."""


class Attempt(TypedDict):
    """One call to the endpoint: when it began (UTC seconds), how long it took, and what came of it.

    ``response_status`` is null if no answer came; ``error`` says why it was no success.
    """

    attempted_at: int
    milliseconds: int
    response_status: int | None
    error: str | None


class WebhookDelivery(TypedDict):
    """An event on its way to an endpoint. ``created`` is the event's; instants are UTC seconds."""

    id: str
    object: Literal["meterline.webhook_delivery"]
    attempt_count: int
    attempts: list[Attempt]
    created: int
    event: str
    livemode: bool
    next_attempt_at: int | None
    status: Literal["pending", "succeeded", "failed", "canceled"]
    webhook_endpoint: str


@frozen
class DeliveryState(PrivateState):
    """What a delivery remembers: failures since it was sent first, or resent; how many endpoints
    the event goes to; the document that holds the event, if that is one of v2's own; the event's
    type; and whether somebody asked for its next attempt, which is made at once.
    """

    failures: int | None = None
    endpoints: int | None = None
    held_by: str | None = None
    type: str | None = None
    by_hand: bool | None = None


def delivery_id(event_id: str, endpoint_id: str) -> str:
    """The id of the delivery of an event to an endpoint; ids sort as those of events do."""
    return f"{_PREFIX}{event_id}.{endpoint_id}"


def new_delivery(
    event: "Event | V2Event", endpoint_id: str, *, endpoints: int, now: int, expires_at: int | None
) -> Document[WebhookDelivery]:
    """An event's delivery that no attempt was made of; it is kept as long as the event is.

    ``endpoints`` is to how many it goes; ``now`` the wall clock's, UTC seconds.
    """
    due_at = now + FIRST_ATTEMPT_SECONDS
    body: WebhookDelivery = {
        "id": delivery_id(event["id"], endpoint_id),
        "object": "meterline.webhook_delivery",
        "attempt_count": 0,
        "attempts": [],
        "created": _created(event),
        "event": event["id"],
        "livemode": event["livemode"],
        "next_attempt_at": due_at,
        "status": "pending",
        "webhook_endpoint": endpoint_id,
    }
    return Document(
        kind=KIND,
        livemode=event["livemode"],
        body=DeliveryState(endpoints=endpoints, held_by=_holder(event), type=event["type"]).on(
            body
        ),
        due_at=due_at,
        expires_at=expires_at,
    )


def _created(event: "Event | V2Event") -> int:
    """When an event was emitted, UTC seconds."""
    if event["object"] == "event":
        return event["created"]
    return unix_seconds(event["created"]) or 0


def _holder(event: "Event | V2Event") -> str | None:
    """The document that holds an event, if its id does not say it."""
    return None if event["object"] == "event" else event["id"]


def known_as(
    delivery: Document[WebhookDelivery], event: "Event | V2Event"
) -> Document[WebhookDelivery]:
    """The delivery with the type of its event, which those of former releases do not remember."""
    state = replace(DeliveryState.of(delivery.body), type=event["type"])
    return replace(delivery, body=state.on(delivery.body))


def is_wanted(delivery: Document[WebhookDelivery], now: int) -> bool:
    """Whether an attempt is to be made now, of which a message reminds; many may.

    The first one at once, however much earlier it is here than where it was sent.
    """
    is_first = not DeliveryState.of(delivery.body).failures
    is_due = delivery.due_at is not None and delivery.due_at <= now
    return delivery.body["status"] == "pending" and (is_first or is_due)


def after_attempt(
    delivery: Document[WebhookDelivery], attempt: Attempt, *, now: int, is_planned: bool = True
) -> Document[WebhookDelivery]:
    """The delivery with one attempt more, which has ended.

    A success is final, whatever was known before. A failure plans the next attempt, unless another
    one was recorded meanwhile that did (not ``is_planned``).
    """
    body: WebhookDelivery = {
        **delivery.body,
        "attempt_count": delivery.body["attempt_count"] + 1,
        "attempts": [*delivery.body["attempts"], attempt][-MOST_ATTEMPTS_SHOWN:],
    }
    if attempt["error"] is None:
        return _ended(delivery, body, "succeeded")
    if not is_planned or body["status"] != "pending":
        return _changed(delivery, body, due_at=delivery.due_at)
    state = DeliveryState.of(body)
    failures = (state.failures or 0) + 1
    body = replace(state, failures=failures, by_hand=None).on(body)
    wait = wait_after(failures, livemode=delivery.livemode, name=delivery.id)
    if wait is None:
        return _ended(delivery, body, "failed")
    return _due(delivery, body, now + wait)


def cancelled(delivery: Document[WebhookDelivery]) -> Document[WebhookDelivery]:
    """The delivery without further attempts: its endpoint, or its event, is not there any more."""
    return _ended(delivery, delivery.body, "canceled")


def given_up(delivery: Document[WebhookDelivery]) -> Document[WebhookDelivery]:
    """The delivery as failed: its endpoint was disabled, because it took nothing."""
    return _ended(delivery, delivery.body, "failed")


def asked_for(delivery: Document[WebhookDelivery]) -> Document[WebhookDelivery]:
    """The delivery, of which somebody wants an attempt now, whatever its endpoint did before."""
    state = replace(DeliveryState.of(delivery.body), by_hand=True)
    return replace(delivery, body=state.on(delivery.body))


def is_asked_for(delivery: WebhookDelivery) -> bool:
    """Whether somebody wants an attempt now."""
    return DeliveryState.of(delivery).by_hand is True


def put_off(delivery: Document[WebhookDelivery], until: int) -> Document[WebhookDelivery]:
    """The delivery, due later: its endpoint does not answer. That is no attempt."""
    return _due(delivery, delivery.body, until)


def sent_again(delivery: Document[WebhookDelivery], now: int) -> Document[WebhookDelivery]:
    """The delivery, due at once, with all its retries before it."""
    state = replace(DeliveryState.of(delivery.body), failures=0)
    body: WebhookDelivery = {**delivery.body, "status": "pending"}
    return _due(delivery, state.on(body), now)


def _ended(
    delivery: Document[WebhookDelivery],
    body: WebhookDelivery,
    status: Literal["succeeded", "failed", "canceled"],
) -> Document[WebhookDelivery]:
    ended: WebhookDelivery = {**body, "status": status, "next_attempt_at": None}
    return _changed(delivery, ended, due_at=None)


def _due(
    delivery: Document[WebhookDelivery], body: WebhookDelivery, at: int
) -> Document[WebhookDelivery]:
    due: WebhookDelivery = {**body, "next_attempt_at": at}
    return _changed(delivery, due, due_at=at)


def _changed(
    delivery: Document[WebhookDelivery], body: WebhookDelivery, *, due_at: int | None
) -> Document[WebhookDelivery]:
    """The delivery as it is now. While it is listed it stands under the type of its event too."""
    is_listed = kind_of(KIND).division.lists(body)
    type_ = DeliveryState.of(body).type if is_listed else None
    parent = None if type_ is None else _shelf(type_, shard_of(body["event"], _SHARDS))
    return replace(delivery, body=body, due_at=due_at, parent=parent)


def shelves_of(types: Iterable[str]) -> list[str]:
    """The parents of deliveries that endpoints have not taken, of events of these types."""
    return [_shelf(type_, shard) for type_ in types for shard in range(_SHARDS)]


def _shelf(type_: str, shard: int) -> str:
    return f"{type_}.{shard}"


def endpoints_of(delivery: WebhookDelivery) -> int:
    """To how many endpoints the event of a delivery goes."""
    return DeliveryState.of(delivery).endpoints or 1


def holder_of(delivery: WebhookDelivery) -> str:
    """The id of the document that holds the event of a delivery."""
    return DeliveryState.of(delivery).held_by or outbox_id(delivery["event"])


def type_of(delivery: WebhookDelivery) -> str | None:
    """The type of a delivery's event; None of one that a former release has stored."""
    return DeliveryState.of(delivery).type
