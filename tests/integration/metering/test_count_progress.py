"""An advancing test clock can wait until everything sent before is counted."""

import time
from functools import partial

import pytest

from meterline.services.metering import count_progress
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from meterline.services.metering.count_progress import is_caught_up
from tests.engines import Engine
from tests.integration.metering import worlds
from tests.integration.metering.worlds import (
    FakeDirectory,
    deliver,
    send,
)

NOW = int(time.time())
"""The real present: notes that are an hour old may be removed by the engine at any time."""

ON_CLOCK = FakeDirectory(clocks={"cus_a": NOW, "cus_b": None})


sender = partial(worlds.sender, at=NOW)
event = partial(worlds.event, at=NOW)
used = partial(worlds.used, end=NOW + 1)


def _caught_up(customer: str = "cus_a", *, after: int = 0) -> bool:
    return is_caught_up(customer, livemode=False, now=NOW + after)


def test_a_customer_on_a_clock_is_caught_up_when_all_is_counted(dynamodb: Engine) -> None:
    assert _caught_up()
    send(*(event(f"e{n}") for n in range(30)), by=sender(directory=ON_CLOCK))
    assert not _caught_up()
    deliver(dynamodb)
    assert _caught_up()
    assert used() == 30


def test_a_repeated_identifier_does_not_hold_the_clock(dynamodb: Engine) -> None:
    send(event("a", 1), by=sender("first", directory=ON_CLOCK))
    deliver(dynamodb)
    again = send(event("a", 1, at=NOW - 9_000), by=sender("second", directory=ON_CLOCK))
    assert again == ["duplicate"]
    assert _caught_up()


def test_a_cancellation_is_waited_for(dynamodb: Engine) -> None:
    send(event("a"), by=sender(directory=ON_CLOCK))
    deliver(dynamodb)
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "a"}}
    create_meter_event_adjustment(sender(directory=ON_CLOCK), cancel)
    assert not _caught_up()
    deliver(dynamodb)
    assert _caught_up()
    assert used() == 0


def test_waiting_ends_with_the_word_to_come_again(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(count_progress, "sleep", lambda _: None)
    send(event("a"), by=sender(directory=ON_CLOCK))
    with pytest.raises(count_progress.CountingLags):
        count_progress.wait_until_caught_up(["cus_a"], livemode=False, now=NOW)
    deliver(dynamodb)
    count_progress.wait_until_caught_up(["cus_a"], livemode=False, now=NOW)


def test_nobody_waits_for_ever_nor_on_the_wall_clock(dynamodb: Engine) -> None:
    send(event("a"), event("b", customer="cus_b"), by=sender(directory=ON_CLOCK))
    assert _caught_up("cus_b")
    assert not _caught_up(after=3_599)
    assert _caught_up(after=3_601)
    deliver(dynamodb)
