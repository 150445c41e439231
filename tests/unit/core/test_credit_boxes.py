"""Boxes of the ledger of billing credits: the ids of entries, and what a box holds."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.credits import boxes
from meterline.core.credits.boxes import MOST, Box, box_of, contents, entry_id
from meterline.core.kinds.registry import boxing_of
from meterline.services.base.ids import derived_id, new_id, timed_id

BOX = "cbtxn_test_0123456789ABCDEFGHIJKLMN"


def box_with(*entries: dict[str, Any]) -> Box:
    return {"id": BOX, "created": 7, "customer": "cus_1", "entries": list(entries)}


@given(st.sampled_from(["cbtxn_", "cbtxn_test_"]), st.integers(0, MOST - 1))
def test_the_id_of_an_entry_says_in_which_box_it_is(prefix: str, place: int) -> None:
    box = new_id(prefix)
    assert box_of(entry_id(box, place)) == box


@given(st.lists(st.integers(0, MOST - 1), min_size=2, unique=True))
def test_ids_are_in_the_order_of_places_and_after_their_box(places: list[int]) -> None:
    ids = [entry_id(BOX, place) for place in sorted(places)]
    assert sorted({BOX, *ids}) == [BOX, *ids]


@pytest.mark.parametrize("id_", [BOX, "cbtxn_missing", "cbtxn_", ""])
def test_what_stands_alone_is_in_no_box(id_: str) -> None:
    assert box_of(id_) is None


@pytest.mark.parametrize("prefix", ["cbtxn_", "cbtxn_test_"])
def test_no_other_id_is_as_long_as_that_of_an_entry_in_a_box(prefix: str) -> None:
    made = [new_id(prefix), timed_id(prefix, "in_1"), derived_id(prefix, "cus_1")]
    assert [box_of(id_) for id_ in made] == [None, None, None]


def test_only_entries_of_the_ledger_are_looked_for_in_boxes() -> None:
    others = [f"{prefix}{'0' * 27}" for prefix in ("in_", "cus_", "credgr_test_", "")]
    assert [boxing_of(id_) for id_ in others] == [None] * len(others)
    found = boxing_of(entry_id(BOX, 0))
    assert found is not None
    assert found.of == "billing.credit_balance_transaction"


def test_a_box_holds_its_entries_in_order_each_with_its_id() -> None:
    held = list(contents(box_with({"type": "debit"}, {"type": "credit"})))
    assert held == [
        {"type": "debit", "id": f"{BOX}000"},
        {"type": "credit", "id": f"{BOX}001"},
    ]


def test_an_id_has_room_for_each_place_of_a_full_box() -> None:
    assert len(entry_id(BOX, MOST - 1)) == len(entry_id(BOX, 0))
    assert boxes.MOST >= 100
