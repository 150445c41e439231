"""Ids sort by time, and in the order in which a process makes them."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from meterline.services.base import ids
from meterline.services.base.ids import new_id


def test_ids_sort_in_the_order_in_which_they_are_made() -> None:
    made = [new_id("ii_") for _ in range(2_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_of_one_millisecond_and_of_a_clock_put_back_sort_so_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instants = iter([5, 5, 5, 6, 6, 4, 4, 7])
    monkeypatch.setattr(ids, "_latest", 0)
    clock = SimpleNamespace(time_ns=lambda: next(instants) * 1_000_000)
    monkeypatch.setattr(ids, "time", clock)
    made = [new_id("") for _ in range(8)]
    assert made == sorted(made)
    milliseconds = [one[:8] for one in made]
    assert milliseconds == [f"0000000{digit}" for digit in (5, 5, 5, 6, 6, 6, 6, 7)]


def test_ids_are_of_one_length_whoever_makes_them() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: new_id("cus_"), range(400)))
    assert len(set(made)) == len(made)
    assert {len(one) for one in made} == {len("cus_") + 24}
