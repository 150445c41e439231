"""What stands in boxes is read and listed as if each object were stored by itself."""

from itertools import chain
from typing import Any

import pytest

from meterline.core.credits.bookings import KIND as BOOKING
from meterline.core.credits.boxes import KIND as BOX
from meterline.core.credits.boxes import entry_id
from meterline.store.base.documents import Change, Document
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import BillingStore, Source, Span
from tests.engines import Engine

pytestmark = pytest.mark.usefixtures("dynamodb")

ENTRY = "billing.credit_balance_transaction"
STORE = BillingStore(livemode=False)
OWNER = Source(parents=["cus_1"])


def box_id(letter: str) -> str:
    return f"cbtxn_test_{letter * 24}"


def box(letter: str, created: int, size: int) -> Document:
    entries = [{"object": ENTRY, "created": created, "place": place} for place in range(size)]
    body = {"id": box_id(letter), "created": created, "customer": "cus_1", "entries": entries}
    return Document(BOX, livemode=False, body=body, parent="cus_1")


def alone(letter: str, created: int, **private: str) -> Document:
    """An entry as one commit stores it that makes one only, and as all once were stored."""
    state = {"_": {"customer": "cus_1", **private}}
    body = {"id": box_id(letter), "object": ENTRY, "created": created, **state}
    return Document(ENTRY, livemode=False, body=body, parent="cus_1")


@pytest.fixture
def ledger(dynamodb: Engine) -> list[str]:  # noqa: ARG001 - its tables are written
    """Boxes and what stands alone, some in one second; all ids, newest first."""
    documents = [
        alone("a", 100),
        box("B", 100, 3),
        alone("c", 100),
        box("D", 100, 1),
        box("E", 200, 4),
        alone("f", 300),
        box("G", 300, 2),
    ]
    for document in documents:
        STORE.commit(Change(puts=[document]))
    held = [
        [(each.created, entry_id(each.id, place)) for place in range(len(each.body["entries"]))]
        if each.kind == BOX
        else [(each.created, each.id)]
        for each in documents
    ]
    return [id_ for _, id_ in sorted(chain(*held), reverse=True)]


def listed(span: Span, limit: int, **more: Any) -> tuple[list[str], bool]:
    page = STORE.page(ENTRY, span, limit=limit, source=OWNER, **more)
    return [document.id for document in page.documents], page.has_more


def place_of(id_: str) -> Cursor:
    document = STORE.get(id_)
    assert document is not None
    return Cursor(document.created, document.id)


def test_a_list_has_each_object_in_its_place(ledger: list[str]) -> None:
    assert listed(Span(), 100) == (ledger, False)
    assert listed(Span(oldest_first=True), 100) == (ledger[::-1], False)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_page_begins_after_any_object_of_a_box(ledger: list[str], limit: int) -> None:
    for index, id_ in enumerate(ledger):
        rest = ledger[index + 1 :]
        assert listed(Span(older_than=place_of(id_)), limit) == (rest[:limit], len(rest) > limit)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_page_ends_before_any_object_of_a_box(ledger: list[str], limit: int) -> None:
    for index, id_ in enumerate(ledger):
        newer = ledger[:index][::-1]
        span = Span(newer_than=place_of(id_), oldest_first=True)
        assert listed(span, limit) == (newer[:limit], len(newer) > limit)


def test_each_object_is_judged_by_itself(ledger: list[str]) -> None:
    firsts, has_more = listed(Span(), 2, keep=lambda body: body.get("place") == 0)
    assert (firsts, has_more) == ([id_ for id_ in ledger if id_.endswith("000")][:2], True)


def test_an_object_is_read_by_its_id_as_any_other(ledger: list[str]) -> None:
    for id_ in ledger:
        found = STORE.get(id_)
        assert found is not None
        assert (found.kind, found.id, found.parent) == (ENTRY, id_, "cus_1")
    asked = [*ledger[::2], *ledger[1::2], "cbtxn_missing"]
    assert list(STORE.get_many(asked)) == asked[:-1]


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    "id_",
    [
        entry_id(box_id("B"), 3),
        box_id("B") + "00x",
        entry_id(box_id("Z"), 0),
        entry_id(box_id("a"), 0),
    ],
)
def test_there_is_no_object_where_a_box_has_none(id_: str) -> None:
    assert STORE.get(id_) is None
    assert STORE.get_many([id_]) == {}


def test_an_object_whose_own_id_looks_like_that_of_one_in_a_box_is_found() -> None:
    body: dict[str, Any] = {"id": entry_id(box_id("c"), 1), "created": 1}
    STORE.commit(Change(puts=[Document("coupon", livemode=False, body=body)]))
    found = STORE.get(body["id"])
    assert found is not None
    assert found.body == body


def test_a_box_is_no_object_of_the_kind_that_it_holds(ledger: list[str]) -> None:
    held = STORE.get(box_id("B"))
    assert held is not None
    assert held.kind == BOX
    assert box_id("B") not in ledger


def test_boxes_are_among_what_remains_of_their_owner(ledger: list[str]) -> None:
    remains = {document.id for document in STORE.remains(ENTRY, "cus_1")}
    assert remains == {box_id(letter) for letter in "aBcDEfG"}
    assert len(ledger) > len(remains)


def test_entries_beside_a_commit_of_a_former_release_are_there_by_their_booking() -> None:
    body = {"id": "crdbk_1", "created": 100, "customer": "cus_1"}
    STORE.commit(
        Change(
            puts=[Document(BOOKING, livemode=False, body=body, parent="cus_1")],
            named=[alone("a", 100, booking="crdbk_1"), alone("b", 100, booking="crdbk_2")],
        )
    )
    assert listed(Span(), 10) == ([box_id("a")], False)
    assert STORE.get(box_id("b")) is None
