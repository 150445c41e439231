"""Event objects: what they tell of a change, and that they never tell private state."""

from meterline.services.events import (
    EventDraft,
    Origin,
    outbox,
    outbox_id,
    previous_attributes,
    public,
)
from meterline.store.documents import Document

CAUSE = Document(kind="customer", livemode=False, body={"id": "cus_a"}, version=4)


def _events(*drafts: EventDraft, origin: Origin | None = None) -> list[dict[str, object]]:
    events: list[dict[str, object]] = outbox(
        list(drafts), CAUSE, origin, now=50, wall_clock=70
    ).body["events"]
    return events


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
    [event] = _events(EventDraft("a", {}), origin=Origin("req_1", "key"))
    assert event["request"] == {"id": "req_1", "idempotency_key": "key"}


def test_an_event_leads_back_to_the_document_that_holds_it() -> None:
    document = outbox([EventDraft("a", {})] * 12, CAUSE, None, now=50, wall_clock=70)
    ids = [event["id"] for event in document.body["events"]]
    assert {outbox_id(one) for one in ids} == {document.id}
    assert len(set(ids)) == 12


def test_events_are_kept_thirty_days_of_the_wall_clock() -> None:
    document = outbox([EventDraft("a", {})], CAUSE, None, now=50, wall_clock=70)
    assert document.expires_at == 70 + 30 * 86_400
