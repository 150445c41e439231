"""One decision is one transaction: all of it, or nothing and the reason."""

from dataclasses import replace
from random import Random

import pytest

from meterline.store.base.documents import (
    Change,
    Claim,
    ClaimTaken,
    Conflict,
    Document,
    LeaseLost,
    Oversized,
    Receipt,
    TooLong,
)
from meterline.store.base.keys import Cursor
from meterline.store.base.sizes import ITEM_BYTES, OPERATIONS, TRANSACTION_BYTES, WRITTEN_BYTES
from meterline.store.billing.repository import BillingStore, Span
from tests.engines import Engine

pytestmark = pytest.mark.usefixtures("dynamodb")

TEST = BillingStore(livemode=False)
LIVE = BillingStore(livemode=True)


def _document(object_id: str, *, created: int = 100, **fields: object) -> Document:
    body = {"id": object_id, "created": created, **fields}
    return Document(kind="customer", livemode=False, body=body)


def _stored(object_id: str, **fields: str) -> Document:
    TEST.commit(Change(puts=[_document(object_id, created=100, **fields)]))
    found = TEST.get(object_id)
    assert found is not None
    return found


def test_what_was_committed_is_read_back() -> None:
    assert _stored("cus_a", name="Ä").body == {"id": "cus_a", "created": 100, "name": "Ä"}
    assert TEST.get("cus_a") == replace(_document("cus_a", name="Ä"), version=1)


def test_objects_come_in_the_order_in_which_they_are_asked_for() -> None:
    names = [f"cus_{number}" for number in (3, 1, 4, 5, 2)]
    for name in names:
        _stored(name)
    asked = [*names[::-1], "cus_none", *names]
    assert list(TEST.get_many(asked)) == names[::-1]
    assert list(TEST.get_many(names)) == names


def test_the_other_mode_sees_nothing() -> None:
    _stored("cus_a")
    assert LIVE.get("cus_a") is None
    assert list(LIVE.each("customer")) == []


def test_an_id_is_created_once() -> None:
    _stored("cus_a")
    with pytest.raises(Conflict):
        TEST.commit(Change(puts=[_document("cus_a")]))


def test_a_change_decided_on_an_old_version_is_refused() -> None:
    first = _stored("cus_a")
    TEST.commit(Change(puts=[replace(first, body=first.body | {"name": "Ada"})]))
    with pytest.raises(Conflict):
        TEST.commit(Change(puts=[replace(first, body=first.body | {"name": "Bob"})]))
    found = TEST.get("cus_a")
    assert found is not None
    assert found.body["name"] == "Ada"


def test_a_document_that_was_only_read_must_be_unchanged_too() -> None:
    first = _stored("cus_a")
    TEST.commit(Change(puts=[replace(first, body=first.body | {"name": "Ada"})]))
    with pytest.raises(Conflict):
        TEST.commit(Change(puts=[_document("cus_b")], checks=[first]))
    assert TEST.get("cus_b") is None


def test_a_value_has_one_holder() -> None:
    TEST.commit(Change(puts=[_document("cus_a")], claims=[Claim("prefix", "ADA", "cus_a")]))
    with pytest.raises(ClaimTaken) as refused:
        TEST.commit(Change(puts=[_document("cus_b")], claims=[Claim("prefix", "ADA", "cus_b")]))
    assert refused.value.claim.value == "ADA"
    assert TEST.get("cus_b") is None
    assert TEST.claim_holder("prefix", "ADA") == "cus_a"
    assert LIVE.claim_holder("prefix", "ADA") is None


def test_a_released_value_is_free_again() -> None:
    held = Claim("prefix", "ADA", "cus_a")
    TEST.commit(Change(puts=[_document("cus_a")], claims=[held]))
    TEST.commit(Change(releases=[held], claims=[]))
    TEST.commit(Change(puts=[_document("cus_b")], claims=[Claim("prefix", "ADA", "cus_b")]))
    assert TEST.claim_holder("prefix", "ADA") == "cus_b"


def test_a_request_that_lost_its_lease_changes_nothing(dynamodb: Engine) -> None:
    access = dynamodb.tables["access"]
    item = {"pk": {"S": "idem#1"}, "lease": {"S": "another"}}
    dynamodb.client.put_item(TableName=access, Item=item)
    with pytest.raises(LeaseLost):
        TEST.commit(Change(puts=[_document("cus_a")], receipt=Receipt("idem#1", "mine")))
    assert TEST.get("cus_a") is None


def test_a_receipt_is_marked_in_the_same_commit(dynamodb: Engine) -> None:
    access = dynamodb.tables["access"]
    item = {"pk": {"S": "idem#1"}, "lease": {"S": "mine"}}
    dynamodb.client.put_item(TableName=access, Item=item)
    receipt = Receipt("idem#1", "mine")
    TEST.commit(Change(puts=[_document("cus_a")], receipt=receipt, result_id="cus_a"))
    stored = dynamodb.client.get_item(TableName=access, Key={"pk": {"S": "idem#1"}})["Item"]
    assert stored["state"] == {"S": "committed"}
    assert stored["result_id"] == {"S": "cus_a"}


def test_a_deleted_document_is_gone() -> None:
    TEST.commit(Change(deletes=[_stored("cus_a")]))
    assert TEST.get("cus_a") is None


@pytest.mark.parametrize("oldest_first", [False, True])
def test_lists_merge_their_shards_in_order(*, oldest_first: bool) -> None:
    ids = [f"cus_{number:02}" for number in range(25)]
    for number, one in enumerate(ids):
        TEST.commit(Change(puts=[_document(one, created=100 + number // 4)]))
    span = Span(oldest_first=oldest_first)
    found = [document.id for document in TEST.each("customer", span)]
    assert found == (ids if oldest_first else ids[::-1])


def test_pages_meet_without_gap_or_overlap() -> None:
    ids = [f"cus_{number:02}" for number in range(23)]
    for number, one in enumerate(ids):
        TEST.commit(Change(puts=[_document(one, created=100 + number // 4)]))
    seen: list[str] = []
    span = Span()
    while True:
        page = TEST.page("customer", span, limit=5)
        seen += [document.id for document in page.documents]
        if not page.has_more:
            break
        last = page.documents[-1]
        span = Span(older_than=Cursor(last.created, last.id))
    assert seen == ids[::-1]


def test_what_is_not_due_stays_out_of_the_index() -> None:
    due = replace(_document("cus_a"), due_at=50)
    TEST.commit(Change(puts=[due, replace(_document("cus_b"), due_at=70), _document("cus_c")]))
    assert TEST.due_on("live", 60) == [(50, "cus_a")]
    assert TEST.due_on("live", 70) == [(50, "cus_a"), (70, "cus_b")]
    TEST.commit(Change(puts=[replace(due, version=1, due_at=None)]))
    assert TEST.due_on("live", 60) == []


def _noise(packed_bytes: int) -> str:
    """Text that takes about so many bytes, packed: hex digits take half a byte each."""
    return Random(0).randbytes(packed_bytes).hex()


def test_a_commit_takes_as_much_as_dynamodb_and_no_more() -> None:
    most = OPERATIONS
    TEST.commit(Change(puts=[_document(f"cus_{number}") for number in range(most)]))
    with pytest.raises(Oversized, match="101 operations"):
        TEST.commit(Change(puts=[_document(f"cus_a{number}") for number in range(most + 1)]))
    TEST.commit(Change(puts=[_document("cus_b", text=_noise(ITEM_BYTES * 8 // 10))]))
    with pytest.raises(Oversized, match="cus_c"):
        TEST.commit(Change(puts=[_document("cus_c", text=_noise(ITEM_BYTES))]))
    large = [_document(f"cus_d{number}", text=_noise(ITEM_BYTES // 2)) for number in range(20)]
    with pytest.raises(Oversized, match=str(TRANSACTION_BYTES)):
        TEST.commit(Change(puts=large))
    with pytest.raises(Oversized, match="list_sk"):
        TEST.commit(Change(puts=[_document("c" * 1_020)]))
    assert [one.id for one in TEST.each("customer") if one.id[4] in "acd"] == []


def test_a_request_leaves_room_for_what_is_added_later() -> None:
    text = _noise(WRITTEN_BYTES)
    with pytest.raises(TooLong) as refused:
        TEST.commit(Change(puts=[_document("cus_a", description=text)], is_asked_for=True))
    assert (refused.value.field, refused.value.most) == ("description", WRITTEN_BYTES)
    assert refused.value.size > WRITTEN_BYTES
    assert TEST.get("cus_a") is None
    TEST.commit(Change(puts=[_document("cus_a", description=text)]))


def test_what_is_too_long_already_may_change_but_not_grow() -> None:
    longer = _stored("cus_a", description=_noise(WRITTEN_BYTES))

    def change(**fields: object) -> Change:
        found = TEST.get("cus_a")
        assert found is not None
        return Change(puts=[replace(found, body=longer.body | fields)], is_asked_for=True)

    TEST.commit(change(status="past_due", balance=5))
    with pytest.raises(TooLong):
        TEST.commit(change(metadata={"a": "b"}))
    with pytest.raises(TooLong):
        TEST.commit(change(name="A name of more than forty characters, in full"))
    with pytest.raises(TooLong):
        TEST.commit(change(tiers=list(range(1_000))))
    TEST.commit(change(description="short", metadata={"a": "b"}))


def test_a_refused_change_has_what_it_was_decided_on_read_again() -> None:
    request = BillingStore(livemode=False, recalled={})
    _stored("cus_a", name="Ada")
    decided_on = request.recall(["cus_a"])["cus_a"]
    TEST.commit(Change(puts=[replace(decided_on, body=decided_on.body | {"name": "Grace"})]))
    assert request.recall(["cus_a"])["cus_a"].body["name"] == "Ada", "as it was read"
    with pytest.raises(Conflict):
        request.commit(Change(puts=[_document("cus_b")], checks=[decided_on]))
    assert request.recall(["cus_a"])["cus_a"].body["name"] == "Grace"
