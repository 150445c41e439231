"""Batches: DynamoDB may leave any part of one undone, and says so instead of failing."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.store.base import batches
from meterline.store.base.batches import GET_LIMIT, WRITE_LIMIT, Throttled, batch_get, batch_write
from meterline.store.base.budgets import BATCH_ATTEMPTS
from meterline.store.base.failures import is_throttled

TABLE = "billing"
type Item = dict[str, Any]


class Table:
    """A table that does of each call what ``share`` lets it, at most so many as DynamoDB takes."""

    def __init__(self, share: Callable[[int], int]) -> None:
        self.items: dict[str, Item] = {}
        self.calls = 0
        self._share = share

    def batch_write_item(self, RequestItems: dict[str, Sequence[Item]]) -> Item:  # noqa: N803 - AWS's
        [(table, requests)] = RequestItems.items()
        done, left = self._divided(requests, WRITE_LIMIT)
        for request in done:
            [(verb, what)] = request.items()
            if verb == "PutRequest":
                self.items[what["Item"]["pk"]["S"]] = what["Item"]
            else:
                del self.items[what["Key"]["pk"]["S"]]
        return {"UnprocessedItems": {table: left} if left else {}}

    def batch_get_item(self, RequestItems: dict[str, Item]) -> Item:  # noqa: N803 - AWS's
        [(table, request)] = RequestItems.items()
        assert request["ConsistentRead"] is True
        done, left = self._divided(request["Keys"], GET_LIMIT)
        found = [self.items[key["pk"]["S"]] for key in done if key["pk"]["S"] in self.items]
        unread = {table: {"Keys": left, "ConsistentRead": True}} if left else {}
        return {"Responses": {table: found}, "UnprocessedKeys": unread}

    def _divided(self, parts: Sequence[Item], limit: int) -> tuple[Sequence[Item], Sequence[Item]]:
        self.calls += 1
        assert 0 < len(parts) <= limit
        done = self._share(len(parts))
        return parts[:done], parts[done:]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(batches, "sleep", slept.append)
    return slept


def _use(monkeypatch: pytest.MonkeyPatch, table: Table) -> Table:
    monkeypatch.setattr(batches, "dynamodb", lambda: table)
    return table


def _items(number: int) -> list[Item]:
    return [{"pk": {"S": str(n)}, "sk": {"S": "#"}} for n in range(number)]


def _puts(number: int) -> list[Item]:
    return [{"PutRequest": {"Item": item}} for item in _items(number)]


@given(number=st.integers(0, 260), seed=st.randoms(use_true_random=False))
def test_what_is_left_undone_now_and_then_is_done_in_the_end(number: int, seed: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "sleep", lambda _: None)
        table = _use(patch, Table(lambda parts: parts if seed.random() < 0.5 else parts // 2 + 1))
        batch_write(TABLE, _puts(number))
        assert list(table.items.values()) == _items(number)
        read = list(batch_get(TABLE, _items(number)))
        assert sorted(read, key=lambda item: int(item["pk"]["S"])) == _items(number)
        batch_write(TABLE, [{"DeleteRequest": {"Key": key}} for key in _items(number)])
        assert table.items == {}


def test_what_is_left_undone_is_tried_again_after_waits_that_grow(
    monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    table = _use(monkeypatch, Table(lambda _: 1))
    batch_write(TABLE, _puts(6))
    assert table.calls == 6
    assert len(waits) == 5
    assert all(0.01 * 2**n <= wait <= 0.03 * 2**n for n, wait in enumerate(waits))


@pytest.mark.parametrize(
    "batch",
    [lambda: batch_write(TABLE, _puts(3)), lambda: list(batch_get(TABLE, _items(3)))],
    ids=["writes", "reads"],
)
def test_what_stays_undone_is_given_up_as_throttled_after_a_bounded_number_of_calls(
    monkeypatch: pytest.MonkeyPatch, waits: list[float], batch: Callable[[], None]
) -> None:
    table = _use(monkeypatch, Table(lambda _: 0))
    with pytest.raises(Throttled) as refused:
        batch()
    assert is_throttled(refused.value)
    assert table.calls == BATCH_ATTEMPTS
    assert len(waits) == BATCH_ATTEMPTS - 1


def test_nothing_is_asked_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = _use(monkeypatch, Table(lambda parts: parts))
    batch_write(TABLE, [])
    assert list(batch_get(TABLE, [])) == []
    assert table.calls == 0
