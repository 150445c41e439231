"""Replaying gives functions what their streams have lost, and nothing older than was asked for."""

import json
from typing import Any

import pytest

from meterline.services.metering import usage_stream
from meterline.services.work.replay import REPLAYS
from meterline_cli import replay
from tests.engines import Engine
from tests.factories.objects import customer, licence
from tests.handlers import load_handler
from tests.integration.metering.worlds import NOW, deliver, event, send, sender, used
from tests.lambda_context import LambdaContext


class Functions:
    """The deployed functions in this process, and what they were called with."""

    def __init__(self) -> None:
        self.called: list[tuple[str, list[Any]]] = []

    def __call__(self, function: str, message: Any) -> Any:
        self.called.append((function, message["Records"]))
        folder = {"CountUsageFunction": "count_usage", "PublishEventsFunction": "publish_events"}
        if function not in folder:
            return {"batchItemFailures": []}
        return load_handler(folder[function])(json.loads(json.dumps(message)), LambdaContext())


def run(functions: Any, *arguments: str) -> int:
    return replay.run(arguments, functions, find=lambda _stack, name: name)


def test_accepted_events_are_counted_once(dynamodb: Engine) -> None:
    send(*(event(f"e{n}") for n in range(250)))
    functions = Functions()
    for _ in range(2):
        assert run(functions, "--since", str(NOW), "usage") == 0
        assert used() == 250
    assert [len(records) for _, records in functions.called] == [100, 100, 50] * 2
    assert dynamodb.scan("usage")


def test_events_accepted_before_are_left_alone() -> None:
    send(event("old"), by=sender("before", at=NOW - 10))
    send(event("new"), by=sender("after", at=NOW))
    assert run(Functions(), "--since", str(NOW), "usage") == 0
    assert used() == 1


def test_counters_are_watched_again_that_count_what_came_since(dynamodb: Engine) -> None:
    send(event("a", customer="cus_a"), by=sender("before", at=NOW - 10))
    send(event("b", customer="cus_b"), by=sender("after", at=NOW))
    deliver(dynamodb)
    functions = Functions()
    assert run(functions, "--since", str(NOW), "counters") == 0
    [(function, [record])] = functions.called
    assert function == "WatchUsageFunction"
    change = usage_stream.usage_change(record)
    assert change is not None
    assert (change.bucket.customer, change.became_estimate) == ("cus_b", False)


def test_commits_are_published_again_under_the_ids_that_their_events_have() -> None:
    licence()
    customer()
    functions = Functions()
    assert run(functions, "--since", "1790000000", "events") == 0
    [(_, records)] = functions.called
    assert len(records) == 3
    assert run(functions, "--since", "1790000001", "events") == 0
    assert len(functions.called) == 1


def test_what_fails_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    send(event("a"))

    def fail(_function: str, message: Any) -> Any:
        numbers = [record["dynamodb"]["SequenceNumber"] for record in message["Records"]]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}

    assert run(fail, "--since", str(NOW), "usage") == 1
    assert "usage: 0 records replayed, 1 failed" in capsys.readouterr().out


def test_every_stream_can_be_replayed() -> None:
    assert [one.function for one in REPLAYS.values()] == [
        "CountUsageFunction",
        "WatchUsageFunction",
        "PublishEventsFunction",
    ]
