"""Rows are copied into a segment before their counter lets go of them; some copies are in vain."""

from typing import Any

import pytest

from meterline.services.metering import count, hour_profiles
from meterline.services.metering.gather import gather, whole_table
from meterline.services.metering.reconcile import compare
from meterline.store.metering import usage_commits
from meterline.store.metering.event_scan import EventScan
from tests.engines import Engine
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    deliver,
    event,
    send,
    sender,
    stored_records,
    used,
)


@pytest.fixture(autouse=True)
def small_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows fill a counter, and each segment makes a profile."""
    monkeypatch.setattr(usage_commits, "COUNTER_BYTES", 400)
    monkeypatch.setattr(hour_profiles, "SEGMENTS_A_PROFILE", 1)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows are moved, one time after the other."""
    numbers: list[int] = []
    monkeypatch.setattr(usage_commits, "_rows_to_move", lambda *_: numbers.pop(0))
    return numbers


def batch(number: int, events: int = 8) -> None:
    """So many events of a second each; their values are powers of two."""
    places = range(8 * number, 8 * number + events)
    sent = (event(f"e{n}", 1 << n, at=HOUR_START + n) for n in places)
    send(*sent, by=sender(f"request-{number}", at=NOW + number))


def segments(engine: Engine) -> list[dict[str, Any]]:
    return [item for item in engine.scan("usage") if item["sk"]["S"].startswith("s#")]


def all_seconds(events: int) -> bool:
    """Whether every cut is exact: a missing or doubled event would show in its own bit."""
    return all(
        used(HOUR_START + first, HOUR_START + last) == (1 << last) - (1 << first)
        for first in range(0, events, 3)
        for last in range(first + 1, events + 1, 2)
    )


def test_a_copy_is_written_once_and_the_counter_follows(dynamodb: Engine) -> None:
    for number in range(3):
        batch(number)
        deliver(dynamodb)
    assert len(segments(dynamodb)) == 2
    assert all_seconds(24)


@pytest.mark.parametrize("after", [[3, 6, 9], [5, 8, 8], [7, 1, 8]])
def test_a_copy_that_was_left_behind_is_in_no_sum_and_no_evidence(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, sizes: list[int], after: list[int]
) -> None:
    """It holds as many rows as are moved then, or fewer, or more."""
    batch(0)
    deliver(dynamodb)
    batch(1)
    sizes[:] = [5]
    with monkeypatch.context() as patch:
        patch.setattr(usage_commits, "_commit_counters", _die)
        assert count.count_records(stored_records(dynamodb))
    assert len(segments(dynamodb)) == 1
    assert used() == (1 << 8) - 1
    sizes[:] = after
    deliver(dynamodb)
    assert all_seconds(16)
    for number in (2, 3):
        batch(number)
        deliver(dynamodb)
        deliver(dynamodb)
    assert len(segments(dynamodb)) == (3 if after[0] == 5 else 4)
    assert all_seconds(32)
    scan = EventScan(NOW + 86_400, segments=1, is_consistent=True)
    gathered, _ = gather(scan, whole_table(scan), most_events=1_000, has_time=lambda: True)
    assert compare(gathered.groups).differences == []


def _die(_: object) -> None:
    raise RuntimeError("dead")
