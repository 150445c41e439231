"""Events: what happened, as Stripe event objects, written in the transaction of the change.

All events of one commit form one outbox document, or a few if they are very large. Every delivery
repeats the stored ids, so a receiver recognises a repetition (contract section 10). The ids sort by
time, so lists show the events of one second in their order.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import is_private, public
from meterline.core.kinds.registry import find_kind
from meterline.services.base.api_version import API_VERSION
from meterline.services.base.ids import timed_id
from meterline.store.base.documents import Body, Document
from meterline.store.base.long_lists import first_rows
from meterline.store.base.packing import pack, text_bytes
from meterline.store.events.partitions import event_partition

if TYPE_CHECKING:
    from meterline.core.base.wire import Event, EventRequest

OUTBOX_KIND = "event"
RETENTION_SECONDS = 30 * 86_400
"""How long events are kept after they were emitted, by the wall clock."""
_INDEX_DIGITS = 3
_MOST_IN_BOX = 10**_INDEX_DIGITS
"""As many as the ids of the events of a document can tell apart."""
_BOX_DIGITS = 2
BOX_BYTES = 360_000
"""What the events in one document take at most: an item of DynamoDB's 400 KB, less its keys."""

COMMIT_BYTES = 1_500_000
"""What the events of one commit take at most, of the 4 MB of a transaction. Beyond it each is
shortened to a few hundred bytes.
"""
_QUIET_SHARDS = 2
_BUSY_SHARDS = 8
"""Of the events of scheduled work: a million renewals at midnight emit the same types."""


@frozen
class Origin:
    """Who or what caused a change: an API request, or a person at the command line.

    Of a request: its id, the API version that it speaks, and the id of its API key. Of a person:
    ``aws_principal``, the ARN of whose credentials it were.
    """

    request_id: str | None = None
    idempotency_key: str | None = None
    api_version: str = API_VERSION
    api_key: str | None = None
    aws_principal: str | None = None


@frozen
class EventDraft:
    """Something that happened to ``subject``; ``before`` is its body before an update.

    ``record`` is the id of a document of the same commit that names the event under ``event``.
    """

    type: str
    subject: Mapping[str, Any]
    before: Mapping[str, Any] | None = None
    record: str | None = None


class EventBatch(TypedDict):
    """The events of one commit, or a part of them, as they are stored.

    ``accepted_at``: when the usage that they tell of was accepted, by the wall clock in
    microseconds.
    """

    id: str
    accepted_at: NotRequired[int]
    created: int
    events: "list[Event]"


@frozen
class BatchAhead:
    """What a commit knows of its events before it: their batch's id, so that an object can name
    its event, and when the usage that they tell of was accepted.
    """

    id: str
    accepted_at: int | None = None

    @property
    def first_event(self) -> str:
        """The id of the first of the events."""
        return f"{self.id}{0:0{_INDEX_DIGITS}d}"


def batch_ahead(cause_id: str, accepted_at: int | None) -> BatchAhead:
    """The batch of the events of a commit that creates an object."""
    return BatchAhead(timed_id("evt_", cause_id, 1), accepted_at)


def outbox(
    drafts: Sequence[EventDraft],
    cause: Document,
    origin: Origin | None,
    *,
    now: int,
    wall_clock: int,
    ahead: BatchAhead | None = None,
) -> list[Document[EventBatch]]:
    """The documents that hold the events of one commit, kept for 30 days of the wall clock.

    One, unless they are uncommonly large. Events for which there is no room are shortened.
    """
    batch_id = timed_id("evt_", cause.id, cause.version + 1) if ahead is None else ahead.id
    events = [_event(draft, origin, cause.livemode, now) for draft in drafts]
    boxes = _boxed(events)
    ids = (
        [batch_id] if len(boxes) == 1 else [_box_id(batch_id, place) for place in range(len(boxes))]
    )
    shards = _BUSY_SHARDS if origin is None else _QUIET_SHARDS
    return [
        Document(
            kind=OUTBOX_KIND,
            livemode=cause.livemode,
            body=_batch(box_id, now, _numbered(box_id, box), ahead),
            expires_at=wall_clock + RETENTION_SECONDS,
            parent=event_partition({event["type"] for event in box}, box_id, shards=shards),
        )
        for box_id, box in zip(ids, boxes, strict=True)
    ]


def named_by_events(
    puts: Sequence[Document], drafts: Sequence[EventDraft], boxes: Sequence[Document[EventBatch]]
) -> list[Document]:
    """What a commit stores, where records name the events of these drafts, which are in ``boxes``
    in their order.
    """
    events = [event["id"] for box in boxes for event in box.body["events"]]
    named = {
        draft.record: event for draft, event in zip(drafts, events, strict=True) if draft.record
    }
    return [
        replace(put, body=put.body | {"event": named[put.id]}) if put.id in named else put
        for put in puts
    ]


def _batch(box_id: str, now: int, events: "list[Event]", ahead: BatchAhead | None) -> EventBatch:
    batch: EventBatch = {"id": box_id, "created": now, "events": events}
    if ahead is not None and ahead.accepted_at is not None:
        batch["accepted_at"] = ahead.accepted_at
    return batch


def shorter_forms(event: "Event") -> "Iterator[Event]":
    """An event as it is, without its former values, and with no more than which its object is."""
    yield event
    subject = event["data"]["object"]
    yield event | {"data": {"object": subject}}
    yield event | {"data": {"object": _named(subject)}}


def tells_no_content(event: "Event") -> bool:
    """Whether an event says no more of its object than which it is."""
    subject = event["data"]["object"]
    return len(_named(subject)) == len(subject)


def _named(subject: Mapping[str, Any]) -> dict[str, object]:
    """Which object it is: by its id, or by what it is about if it has none."""
    names = ("id", "object") if "id" in subject else ("object", "customer", "alert")
    return {key: subject[key] for key in names if key in subject}


def outbox_id(event_id: str) -> str:
    """The id of the document that holds the event."""
    return event_id[:-_INDEX_DIGITS]


def previous_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Body:
    """The former values of what changed: objects by their changed members, lists whole; null for
    a key of the metadata that was not there.
    """
    changed: Body = {}
    for key, old in before.items():
        new = after.get(key)
        if old == new or is_private(key):
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            added = dict.fromkeys(new.keys() - old.keys()) if key == "metadata" else {}
            changed[key] = previous_attributes(old, new) | added
        else:
            changed[key] = old
    return changed


def _boxed(events: "list[Event]") -> "list[list[Event]]":
    """The events in groups that fit into one document each, all together into one commit."""
    if len(events) <= _MOST_IN_BOX and text_bytes(events) <= BOX_BYTES:
        return [events]
    boxes: list[list[Event]] = []
    left, filled = COMMIT_BYTES, BOX_BYTES
    for event in events:
        form, size = _fitting(event, min(left, BOX_BYTES))
        left -= size
        if filled + size > BOX_BYTES or len(boxes[-1]) == _MOST_IN_BOX:
            boxes.append([])
            filled = 0
        boxes[-1].append(form)
        filled += size
    return boxes


def _fitting(event: "Event", most: int) -> "tuple[Event, int]":
    """The longest form of an event that packs into so many bytes, and how many it takes."""
    for form in shorter_forms(event):
        size = len(pack({"events": [form]}))
        if size <= most:
            break
    return form, size


def _box_id(batch_id: str, place: int) -> str:
    """The id of one of several documents of a commit: they stand in the order of their events."""
    return f"{batch_id[:-_BOX_DIGITS]}{place:0{_BOX_DIGITS}d}"


def _numbered(box_id: str, events: "list[Event]") -> "list[Event]":
    return [
        event | {"id": f"{box_id}{index:0{_INDEX_DIGITS}d}"} for index, event in enumerate(events)
    ]


def _event(
    draft: EventDraft,
    origin: Origin | None,
    livemode: bool,  # noqa: FBT001 - a field of the event
    now: int,
) -> "Event":
    subject = _shown(draft.subject)
    data: Body = {"object": subject}
    if draft.before is not None:
        data["previous_attributes"] = previous_attributes(_shown(draft.before), subject)
    return {
        "id": "",
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": data,
        "livemode": livemode,
        "pending_webhooks": 0,
        "request": _request(origin),
        "type": draft.type,
    }


def _shown(body: Mapping[str, Any]) -> Body:
    """A body as events show it: without private state and what only expands, long lists cut off."""
    shown = public(first_rows(body))
    kind = find_kind(shown.get("object", ""))
    if kind is None:
        return shown
    return kind.emitted({name: value for name, value in shown.items() if name not in kind.hidden})


def _request(origin: Origin | None) -> "EventRequest":
    """The request that caused the event; ``meterline`` names the key that it was made with."""
    if origin is None:
        return {"id": None, "idempotency_key": None}
    return {
        "id": origin.request_id,
        "idempotency_key": origin.idempotency_key,
        "meterline": {"api_key": origin.api_key, "aws_principal": origin.aws_principal},
    }
