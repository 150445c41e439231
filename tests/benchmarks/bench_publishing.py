"""How many events of separate commits a shard publishes, when each call takes as long as on AWS."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from threading import get_ident
from typing import Any
from unittest.mock import patch

from meterline.services.events import publishing
from meterline.store.base.packing import pack
from tests.benchmarks.goals import at_most
from tests.benchmarks.promises import PUBLISHED_EVENTS
from tests.benchmarks.results import Result
from tests.engines import running

_BATCH = 100
_CALL_SECONDS = 0.020
_POLL_SECONDS = 0.010
"""Assumed time of a call to SNS, and of Lambda between two batches of a backlog."""


class _Topic:
    """Takes every event, and counts the calls of each lane."""

    def __init__(self) -> None:
        self.calls: Counter[int] = Counter()

    def publish_batch(self, **_: Any) -> Any:
        self.calls[get_ident()] += 1
        time.sleep(_CALL_SECONDS)
        return {}


def measure() -> Iterator[Result]:
    """The figures of a batch of a hundred commits, each with an event of its own object."""
    topic = _Topic()
    with running(), patch.object(publishing, "sns", lambda: topic), redirect_stdout(StringIO()):
        started = time.process_time()
        answer = publishing.publish_batch([_record(place) for place in range(_BATCH)])
        seconds = time.process_time() - started
    assert answer == {"batchItemFailures": []}
    yield Result("100 events of 100 commits", topic.calls.total(), "calls", goal=at_most(10))
    waits = max(topic.calls.values()) * _CALL_SECONDS + _POLL_SECONDS
    rate = _BATCH / (seconds + waits)
    yield Result("events a second of a shard", rate, "events", goal=PUBLISHED_EVENTS)


def _record(place: int) -> dict[str, Any]:
    subject = {"id": f"cus_{place}", "object": "customer", "description": "x" * 2_000}
    event = {"id": f"evt_{place}", "type": "customer.updated", "livemode": False}
    body = pack({"events": [event | {"data": {"object": subject}}]})
    image = {"kind": {"S": "event"}, "body": {"B": body}}
    change = {"NewImage": image, "SequenceNumber": str(place)}
    return {"eventName": "INSERT", "dynamodb": change}
