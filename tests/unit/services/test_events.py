"""Event objects: what they tell of a change, and that they never tell private state."""

from random import Random
from typing import TYPE_CHECKING

import pytest

from meterline.core.base.private_state import public
from meterline.services.base.outbox import (
    BOX_BYTES,
    COMMIT_BYTES,
    EventDraft,
    Origin,
    outbox,
    outbox_id,
    previous_attributes,
)
from meterline.store.base.documents import Document
from meterline.store.base.packing import pack

if TYPE_CHECKING:
    from meterline.core.base.wire import Event

CAUSE = Document(kind="customer", livemode=False, body={"id": "cus_a"}, version=4)


def _events(*drafts: EventDraft, origin: Origin | None = None) -> "list[Event]":
    [document] = outbox(list(drafts), CAUSE, origin, now=50, wall_clock=70)
    return document.body["events"]


def test_previous_attributes_are_the_former_values_of_what_changed() -> None:
    before = {"a": 1, "b": {"x": 1, "y": 2}, "c": [1, 2], "d": "same", "_": {"s": 1}}
    after = {"a": 2, "b": {"x": 1, "y": 3}, "c": [1, 3], "d": "same", "_": {"s": 2}}
    assert previous_attributes(before, after) == {"a": 1, "b": {"y": 2}, "c": [1, 2]}


def test_private_state_is_told_at_no_depth() -> None:
    body = {"id": "x", "_": {"s": 1}, "items": [{"_": 1, "a": {"_": 2, "b": 3}}]}
    assert public(body) == {"id": "x", "items": [{"a": {"b": 3}}]}


def test_only_updates_have_previous_attributes() -> None:
    created, updated = _events(EventDraft("a", {"n": 1}), EventDraft("b", {"n": 2}, {"n": 1}))
    assert created["data"] == {"object": {"n": 1}}
    assert updated["data"] == {"object": {"n": 2}, "previous_attributes": {"n": 1}}


def test_an_event_names_the_request_that_caused_it() -> None:
    [event] = _events(EventDraft("a", {}), origin=Origin("req_1", "key", api_key="key_1"))
    assert event["request"] == {
        "id": "req_1",
        "idempotency_key": "key",
        "meterline": {"api_key": "key_1", "aws_principal": None},
    }


def test_an_event_of_scheduled_work_names_nobody() -> None:
    [event] = _events(EventDraft("a", {}))
    assert event["request"] == {"id": None, "idempotency_key": None}


def test_an_event_leads_back_to_the_document_that_holds_it() -> None:
    [document] = outbox([EventDraft("a", {})] * 12, CAUSE, None, now=50, wall_clock=70)
    ids = [event["id"] for event in document.body["events"]]
    assert {outbox_id(id_) for id_ in ids} == {document.id}
    assert len(set(ids)) == 12


def test_events_are_kept_thirty_days_of_the_wall_clock() -> None:
    [document] = outbox([EventDraft("a", {})], CAUSE, None, now=50, wall_clock=70)
    assert document.expires_at == 70 + 30 * 86_400


def _subject(packed_bytes: int, seed: int = 0) -> dict[str, object]:
    """An object that takes about so many bytes, packed."""
    text = Random(seed).randbytes(packed_bytes).hex()
    return {"id": f"in_{seed}", "object": "invoice", "footer": text}


def _boxes(*drafts: EventDraft) -> list[Document]:
    return outbox(list(drafts), CAUSE, None, now=50, wall_clock=70)


def test_events_too_large_for_one_document_stand_in_a_few_in_their_order() -> None:
    size = BOX_BYTES // 5
    drafts = [EventDraft(f"t{number}", _subject(size, number)) for number in range(6)]
    boxes = _boxes(*drafts)
    assert len(boxes) == 2
    events = [event for box in boxes for event in box.body["events"]]
    assert [event["type"] for event in events] == ["t0", "t1", "t2", "t3", "t4", "t5"]
    assert [event["id"] for event in events] == sorted({event["id"] for event in events})
    assert all(outbox_id(event["id"]) == box.id for box in boxes for event in box.body["events"])
    assert [box.id for box in boxes] == sorted({box.id for box in boxes})
    assert all(len(pack(box.body)) < 400_000 for box in boxes)


def test_a_document_has_no_more_events_than_their_ids_tell_apart() -> None:
    drafts = [EventDraft("a", {"n": n}) for n in range(2_100)]
    boxes = outbox(drafts, CAUSE, None, now=5, wall_clock=7)
    ids = [event["id"] for box in boxes for event in box.body["events"]]
    assert len(set(ids)) == 2_100
    assert ids == sorted(ids)
    assert {outbox_id(id_) for id_ in ids} == {box.id for box in boxes}


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (BOX_BYTES // 4, {"object": True, "previous_attributes": True}),
        (BOX_BYTES * 3 // 4, {"object": True, "previous_attributes": False}),
        (BOX_BYTES * 5 // 4, {"object": False, "previous_attributes": False}),
    ],
)
def test_an_event_tells_as_much_of_its_object_as_there_is_room_for(
    size: int, told: dict[str, bool]
) -> None:
    after, before = _subject(size), _subject(size, 1) | {"id": "in_0"}
    [box] = _boxes(EventDraft("invoice.updated", after, before))
    [event] = box.body["events"]
    assert {
        "object": "footer" in event["data"]["object"],
        "previous_attributes": "previous_attributes" in event["data"],
    } == told
    assert event["data"]["object"]["id"] == "in_0"
    assert len(pack(box.body)) < 400_000


def test_the_events_of_one_commit_leave_room_for_its_objects() -> None:
    size = BOX_BYTES * 8 // 10
    boxes = _boxes(*[EventDraft("t", _subject(size, number)) for number in range(12)])
    assert sum(len(pack(box.body)) for box in boxes) < COMMIT_BYTES + 50_000
    events = [event for box in boxes for event in box.body["events"]]
    assert len(events) == 12
    whole = ["footer" in event["data"]["object"] for event in events]
    assert whole == sorted(whole, reverse=True), "those that come first are told whole"
    assert whole.count(True) == 4
