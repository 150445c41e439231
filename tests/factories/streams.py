"""What DynamoDB's streams bring of the tables, as Lambda hands it over."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.engines import Engine
from tests.handlers import load_handler

type Record = dict[str, Any]
type Item = dict[str, Any]


def inserted(items: Iterable[Item]) -> list[Record]:
    """Items as they come to be."""
    return [
        {"eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": str(number)}}
        for number, item in enumerate(items)
    ]


def counters_changed(items: Iterable[Item]) -> list[Record]:
    """Counters of usage that have changed, with their new images."""
    return [
        {
            "eventName": "MODIFY",
            "dynamodb": {
                "Keys": {"pk": item["pk"], "sk": item["sk"]},
                "NewImage": item,
                "SequenceNumber": str(number),
            },
        }
        for number, item in enumerate(items)
    ]


def watch_counters(items: Iterable[Item]) -> None:
    """Let the function that watches usage look at counters; nothing may be handed back."""
    answer = load_handler("watch_usage")({"Records": counters_changed(items)}, None)
    assert answer == {"batchItemFailures": []}


def watch_usage(engine: Engine) -> None:
    """Let it look at all counters."""
    watch_counters(engine.scan("usage"))


def counter_of(meter: str, customer: str, hour: str) -> Item:
    """The keys of a counter: usage of a meter by a customer in an hour (``2024-01-01T00``)."""
    return {"pk": {"S": f"t#{meter}#{customer}"}, "sk": {"S": f"h#{hour}"}}


def key_of(item: Mapping[str, Any]) -> tuple[str, str]:
    """An item's whole key: counters of two meters have the same sort key in the same hour."""
    return item["pk"]["S"], item["sk"]["S"]
