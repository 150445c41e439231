"""Recorded conversations with the real Stripe: which answers are equal, which are not, and why."""

import json
import time
from typing import Any

import pytest

from meterline.api.auth import forget_cached
from meterline.services.account.api_keys import create_key
from meterline.store.work.queues import DueMessage
from tests.contract.recorded_differences import ON_PURPOSE
from tests.contract.recordings import Player, Scenario, scenarios
from tests.handlers import gateway_event, load_handler
from tests.integration.api.bridge import Bridge

_ON_PURPOSE = {step for steps in ON_PURPOSE.values() for step in steps}


def _player() -> Player:
    """Plays on handlers of this process."""
    forget_cached()
    secret = create_key(livemode=False, name="recordings").secret
    bridge = Bridge()
    usual = {
        "authorization": f"Bearer {secret}",
        "content-type": "application/x-www-form-urlencoded",
    }

    def send(method: str, target: str, form: str, headers: dict[str, str]) -> tuple[int, Any]:
        event = gateway_event(method, target, usual | headers, form.encode())
        response = bridge.call(event)
        return response["statusCode"], json.loads(response["body"])

    def advance(clock: str, when: int) -> None:
        path = f"/v1/test_helpers/test_clocks/{clock}/advance"
        assert send("POST", path, f"frozen_time={when}", {})[0] == 200
        message = DueMessage(livemode=False, kind="test_helpers.test_clock", object_id=clock)
        record = {"messageId": "1", "body": message.text()}
        load_handler("advance_test_clocks")({"Records": [record]}, None)

    return Player(send, advance, lambda: int(time.time()))


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda one: one.name)
def test_the_answers_of_a_recording_are_equal_or_known_to_differ(scenario: Scenario) -> None:
    differences = _player().play(scenario)
    known = _ON_PURPOSE & set(scenario.compared)
    unknown = {step: told for step, told in differences.items() if step not in known}
    assert unknown == {}
    assert known <= differences.keys(), "equal now: take it out of the table"


def test_the_table_names_each_step_once_and_none_that_is_not_there() -> None:
    compared = [step for scenario in scenarios() for step in scenario.compared]
    named = [step for steps in ON_PURPOSE.values() for step in steps]
    assert len(compared) == len(set(compared)) == 311
    assert len(named) == len(set(named))
    assert set(named) <= set(compared)


@pytest.mark.parametrize(
    ("wanted", "answer", "differs"),
    [
        ({"a": 1}, {"a": 1}, False),
        ({"a": 1}, {"a": 2}, True),
        ({"a": 1}, {}, True),
        ({"a": None}, {}, True),
        ({"a": "~absent"}, {}, False),
        ({"a": "~absent"}, {"a": None}, True),
        ({"a": "~set"}, {"a": None}, True),
        ({"a": "~dec:8"}, {"a": "8.00"}, False),
        ({"a": "~dec:8"}, {"a": "8.01"}, True),
        ({"a": "~id:in_"}, {"a": "ii_1"}, True),
        ({"a": "~now"}, {"a": 1_000}, False),
        ({"a": "~now"}, {"a": 5_000}, True),
        ({"a": "=sent+60"}, {"a": 1_060}, False),
        ({"a": "=it.b-1"}, {"a": 4, "b": 5}, False),
        ({"l[*].a": [1, 2]}, {"l": [{"a": 1}, {"a": 2}]}, False),
        ({"l[*].a": [1, 2]}, {"l": [{"a": 2}, {"a": 1}]}, True),
        ({"l[1].a": 2}, {"l": [{"a": 2}]}, True),
        ({"a": {"b": "~id:x"}}, {"a": {"b": "xy", "c": 1}}, False),
    ],
)
def test_an_answer_is_compared_as_the_table_says(
    wanted: dict[str, Any], answer: dict[str, Any], *, differs: bool
) -> None:
    step = {"id": "one", "do": ["GET", "/v1/x", {}], "expect": {"fields": wanted}}
    player = Player(lambda *_: (200, answer), lambda *_: None, lambda: 1_000)
    assert bool(player.play(Scenario("one", (step,), None))) == differs


@pytest.mark.parametrize(
    ("taken_at", "differs"), [(1_000, False), (1_002, False), (999, True), (1_003, True)]
)
def test_a_request_may_be_taken_at_any_second_until_its_answer(
    taken_at: int, *, differs: bool
) -> None:
    wanted = {"a": "=sent+60"}
    step = {"id": "one", "do": ["GET", "/v1/x", {}], "expect": {"fields": wanted}}
    clock = iter([1_000, 1_001, 1_002])
    player = Player(lambda *_: (200, {"a": taken_at + 60}), lambda *_: None, lambda: next(clock))
    assert bool(player.play(Scenario("one", (step,), None))) == differs
