"""Entries on an event bus: in calls that EventBridge takes, with what came of each."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from meterline.store.events import event_bus
from meterline.store.events.event_bus import MOST_BYTES, BusEntry, in_calls, put_entries
from tests.engines import client

ARN = "arn:aws:events:eu-west-1:123456789012:event-bus/billing"


def entry(detail: str = "{}", kind: str = "customer.created") -> BusEntry:
    return BusEntry(ARN, "meterline/ed_1", kind, detail)


OVERHEAD = entry("").size
SIZES = [
    ([2] * 3, [3]),
    ([2] * 10, [10]),
    ([2] * 11, [10, 1]),
    ([100_000] * 5, [2, 2, 1]),
    ([MOST_BYTES - OVERHEAD], [1]),
    ([(MOST_BYTES - 2 * OVERHEAD) // 2 - 1] * 2, [2]),
    ([(MOST_BYTES - 2 * OVERHEAD) // 2] * 2, [1, 1]),
    ([], []),
]


@pytest.mark.parametrize(("sizes", "calls"), SIZES)
def test_a_call_takes_ten_entries_and_less_than_256_kilobytes(
    sizes: list[int], calls: list[int]
) -> None:
    entries = [(place, entry("x" * size)) for place, size in enumerate(sizes)]
    groups = list(in_calls(entries))
    assert [len(group) for group in groups] == calls
    assert [place for group in groups for place, _ in group] == list(range(len(sizes)))


class Bus:
    """Answers as it is told to, and keeps what it got."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self.answer = answer
        self.calls: list[Any] = []

    def put_events(self, **call: Any) -> Any:
        self.calls.append(call)
        return self.answer()


def failing(error: Exception) -> Callable[[], Any]:
    def answer() -> Any:
        raise error

    return answer


def test_each_entry_is_told_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {"EventId": "1"}
    refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": "Slow down."}
    bus = Bus(lambda: {"FailedEntryCount": 1, "Entries": [taken, refused, taken]})
    monkeypatch.setattr(event_bus, "eventbridge", lambda: bus)
    replies = put_entries([entry(), entry(kind="product.created"), entry()])
    assert [reply.error for reply in replies] == [None, "ThrottlingException", None]
    assert [one["DetailType"] for one in bus.calls[0]["Entries"]] == [
        "customer.created",
        "product.created",
        "customer.created",
    ]


WHOLE = [
    (
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "arn:…"}}, "PutEvents"),
        "AccessDeniedException",
    ),
    (EndpointConnectionError(endpoint_url="https://events"), "the connection broke off"),
]


@pytest.mark.parametrize(("error", "told"), WHOLE)
def test_a_call_that_fails_fails_each_of_its_entries_in_a_word(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    monkeypatch.setattr(event_bus, "eventbridge", lambda: Bus(failing(error)))
    assert [reply.error for reply in put_entries([entry(), entry()])] == [told, told]


@pytest.mark.usefixtures("dynamodb")
def test_a_bus_that_is_named_by_its_arn_takes_an_entry() -> None:
    """By a client as functions have it, on moto."""
    arn = client("events").create_event_bus(Name="billing")["EventBusArn"]
    replies = put_entries([BusEntry(arn, "meterline/ed_1", "customer.created", '{"id": "evt_1"}')])
    assert [reply.error for reply in replies] == [None]
