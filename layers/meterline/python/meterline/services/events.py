"""Events: what happened, as Stripe event objects, written in the transaction of the change.

All events of one commit form one outbox document, stored once: whoever delivers them repeats the
stored ids, so a receiver can tell a repetition (contract section 10). The ids sort by time, so that
lists tell the events of one second in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from meterline.services.api_version import API_VERSION
from meterline.services.ids import timed_id
from meterline.store.documents import Body, Document, first_lines
from meterline.store.event_shelves import shelf

OUTBOX_KIND = "event"
_RETENTION_SECONDS = 30 * 86_400
_INDEX_DIGITS = 3
_QUIET_SHARDS = 2
_BUSY_SHARDS = 8
"""Of the events of scheduled work: a million renewals at midnight tell of the same things."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The API request that caused a change, and the API version that it speaks."""

    request_id: str
    idempotency_key: str | None = None
    api_version: str = API_VERSION


@dataclass(frozen=True, slots=True)
class EventDraft:
    """Something that happened to ``subject``; ``before`` is its body before an update."""

    type: str
    subject: Body
    before: Body | None = None


def outbox(
    drafts: Sequence[EventDraft],
    cause: Document,
    origin: Origin | None,
    *,
    now: int,
    wall_clock: int,
) -> Document:
    """The document that holds the events of one commit, kept for 30 days of the wall clock."""
    batch_id = timed_id("evt_", cause.id, cause.version + 1)
    events = [
        _event(f"{batch_id}{index:0{_INDEX_DIGITS}d}", draft, origin, cause.livemode, now)
        for index, draft in enumerate(drafts)
    ]
    return Document(
        kind=OUTBOX_KIND,
        livemode=cause.livemode,
        body={"id": batch_id, "created": now, "events": events},
        expires_at=wall_clock + _RETENTION_SECONDS,
        parent=shelf(
            {draft.type for draft in drafts},
            batch_id,
            shards=_BUSY_SHARDS if origin is None else _QUIET_SHARDS,
        ),
    )


def outbox_id(event_id: str) -> str:
    """The id of the document that holds the event."""
    return event_id[:-_INDEX_DIGITS]


def public(body: Body) -> Body:
    """``body`` without private state, at any depth."""
    return {key: _public_value(value) for key, value in body.items() if key != "_"}


def previous_attributes(before: Body, after: Body) -> Body:
    """The former values of what changed: objects by their changed members, lists whole."""
    changed: Body = {}
    for key, old in before.items():
        new = after.get(key)
        if old == new or key == "_":
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            changed[key] = previous_attributes(old, new)
        else:
            changed[key] = old
    return changed


def _event(
    event_id: str,
    draft: EventDraft,
    origin: Origin | None,
    livemode: bool,  # noqa: FBT001 - a field of the event
    now: int,
) -> Body:
    subject = public(first_lines(draft.subject))
    data: Body = {"object": subject}
    if draft.before is not None:
        before = public(first_lines(draft.before))
        data["previous_attributes"] = previous_attributes(before, subject)
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": data,
        "livemode": livemode,
        "pending_webhooks": 0,
        "request": {
            "id": origin.request_id if origin else None,
            "idempotency_key": origin.idempotency_key if origin else None,
        },
        "type": draft.type,
    }


def _public_value(value: object) -> object:
    if isinstance(value, dict):
        return public(value)
    if isinstance(value, list):
        return [_public_value(one) for one in value]
    return value
