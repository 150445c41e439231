"""An endpoint that never answers delays nobody: workers, a queue and endpoints, second by second.

The queue is first in, first out, with no fairness: SQS's fair queues only prioritise.
"""

import heapq
import itertools
import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from meterline.core.events import holds
from meterline.services.base import workers
from meterline.services.base.outbox import outbox_id
from meterline.services.events.fan_out import ENDPOINTS, Emitted, fan_out
from meterline.services.events.webhook_endpoints import create_webhook_endpoint
from meterline.services.work import sweep as sweeps
from meterline.services.work import webhook_workers
from meterline.services.work.webhook_workers import deliver_batch
from meterline.store.base.documents import Document
from meterline.store.billing.repository import BillingStore
from meterline.store.events.outgoing_calls import Outgoing
from meterline.store.events.replies import Reply
from meterline.store.work import queues
from meterline.store.work.queues import DueMessage
from tests.faults.billing.world import World

WORKERS = 2
SILENT, WELL = "silent.example", "well.example"
SILENT_A_SECOND = 4
"""Twice of what takes all the workers, ten calls of ten seconds each."""
SECONDS = 120
QUICK, LONG = 1, 10
BEGINNING = 45
"""The seconds in which it is found out that nobody answers, and what came before is gone."""


@dataclass(order=True)
class Waiting:
    """A worker that waits for its calls."""

    until: int
    number: int
    going_on: threading.Event = field(compare=False, default_factory=threading.Event)


@dataclass
class Deployment:
    """Some workers and their queue. One thread runs at a time: the clock moves between them."""

    world: World
    queue: deque[str] = field(default_factory=deque)
    waiting: list[Waiting] = field(default_factory=list)
    rested: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    emitted: dict[str, int] = field(default_factory=dict)
    delays: dict[str, int] = field(default_factory=dict)
    silent_calls: list[int] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    @property
    def now(self) -> int:
        return self.world.clock.now

    def send(self, _url: str, batch: Sequence[DueMessage]) -> int:
        self.queue += [message.text() for message in batch]
        return len(batch)

    def made(self, calls: Sequence[Any], _: Any) -> Iterator[tuple[Any, Reply]]:
        """The calls of a batch, whose worker waits for the slowest of them."""
        seconds = 0
        for call in calls:
            seconds = max(seconds, self._called(call.outgoing))
        if calls:
            self._rest(seconds)
        for call in calls:
            is_silent = call.outgoing.url.host == SILENT
            yield call, Reply(None, 10_000, "timed out") if is_silent else Reply(200, 5)

    def _called(self, outgoing: Outgoing) -> int:
        if outgoing.url.host == SILENT:
            self.silent_calls.append(self.now)
            return LONG
        event = json.loads(outgoing.body)["id"]
        self.delays[event] = self.now - self.emitted[event]
        return QUICK

    def _rest(self, seconds: int) -> None:
        waiting = Waiting(self.now + seconds, next(self.numbers))
        heapq.heappush(self.waiting, waiting)
        self.rested.set()
        assert waiting.going_on.wait(60)

    def start_workers(self) -> None:
        """Let every worker that is free take a batch."""
        while self.queue and len(self.waiting) < WORKERS:
            texts = [self.queue.popleft() for _ in range(min(10, len(self.queue)))]
            records = [{"messageId": str(place), "body": text} for place, text in enumerate(texts)]
            self._run(threading.Thread(target=self._deliver, args=[records], daemon=True).start)

    def _deliver(self, records: list[Any]) -> None:
        try:
            assert deliver_batch(records, None) == {"batchItemFailures": []}  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.failures.append(error)
        self.rested.set()

    def wake(self) -> None:
        """Let workers go on whose calls have ended by now."""
        while self.waiting and self.waiting[0].until <= self.now:
            self._run(heapq.heappop(self.waiting).going_on.set)

    def _run(self, begin: Any) -> None:
        self.rested.clear()
        begin()
        assert self.rested.wait(60)
        if self.failures:
            raise self.failures[0]

    def emit(self, number: int, kind: str) -> None:
        event_id = f"evt_{kind}{number:08d}000"
        self.emitted[event_id] = self.now
        event: Any = {
            "id": event_id,
            "object": "event",
            "created": self.now,
            "livemode": False,
            "type": f"{kind}.created",
            "api_version": None,
            "data": {"object": {"id": "cus_1", "object": "customer"}},
        }
        body = {"id": outbox_id(event_id), "created": self.now, "events": [event]}
        BillingStore(livemode=False).put(Document("event", livemode=False, body=body))
        assert fan_out([Emitted([event])]) == [None]

    def run(self) -> None:
        """Two minutes in which one endpoint never answers and another one always does."""
        for second in range(SECONDS):
            for number in range(SILENT_A_SECOND):
                self.emit(second * SILENT_A_SECOND + number, "product")
            self.emit(second, "customer")
            if second % 60 == 0:
                sweeps.sweep(self.now, modes=(False,))
            self.start_workers()
            self.world.clock.now += 1
            self.wake()


@pytest.fixture
def deployment(memory_world: World, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    made = Deployment(memory_world)
    ENDPOINTS.forget()
    monkeypatch.setattr(workers, "wall_clock", lambda: made.now)
    monkeypatch.setattr(webhook_workers, "_made", made.made)
    monkeypatch.setattr(queues, "_send", made.send)
    for host, kind in ((SILENT, "product"), (WELL, "customer")):
        params = {"url": f"https://{host}", "enabled_events": [f"{kind}.created"]}
        create_webhook_endpoint(memory_world.context(), params)
    return made


def longest_delay(deployment: Deployment) -> int:
    """Of what was emitted once it was known that one endpoint is silent."""
    began = min(deployment.emitted.values())
    known = {event: at for event, at in deployment.emitted.items() if at >= began + BEGINNING}
    heard = [deployment.delays.get(event, SECONDS) for event in known if "customer" in event]
    return max(heard[:-5])


def test_an_endpoint_that_never_answers_delays_nobody(deployment: Deployment) -> None:
    deployment.run()
    assert longest_delay(deployment) <= 1
    began = deployment.silent_calls[0]
    later = [at for at in deployment.silent_calls if at >= began + BEGINNING]
    assert 1 <= len(later) <= (SECONDS - BEGINNING) // LONG


def test_without_holds_it_takes_all_the_workers(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holds, "SILENT_SECONDS", 10**9)
    deployment.run()
    assert longest_delay(deployment) > 10
