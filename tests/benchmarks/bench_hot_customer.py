"""One customer at 10,000 events a second: the real consumers in virtual time, on a partition that
takes 1,000 write units a second.

Each shard hands over what it has of a second, and so does each lane of parcels; an engine call
takes 3 to 9 ms, a transaction 6 to 18, counting its measured CPU is left out. What matters: what a
second brings is counted before the next one's, and how many units the counter's partition takes.
"""

import heapq
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count as counting
from typing import Any
from unittest.mock import patch

from meterline.services.metering import count, usage_query
from meterline.services.metering.accept import Sender, ingest_stream
from meterline.services.metering.contention import Contention
from meterline.store.base import batches
from meterline.store.metering import usage
from tests.benchmarks import promises
from tests.benchmarks.partitions import PartitionedDynamoDB
from tests.benchmarks.results import Result
from tests.benchmarks.worlds import (
    HOUR_START,
    METER,
    as_records,
    customer_id,
    events,
    scattered,
    standing_in,
)
from tests.faults.engine import seeded
from tests.faults.scheduler import Scheduler, Task
from tests.integration.metering.worlds import FakeDirectory

SHARDS = {100: (10, 20, 40, 80, 200), 10: (80,)}
"""By the events of a request."""

SECONDS = 2
RATE = 10_000
PARTITION = usage.partition(False, METER["id"], customer_id(0))  # noqa: FBT003 - test mode

type Records = list[dict[str, Any]]


class VirtualTime(Scheduler):
    """Tasks that wait in virtual time; the one whose time comes first runs next."""

    def __init__(self) -> None:
        super().__init__(seeded(7))
        self.now = 0.0
        self._due: list[tuple[float, int, Task]] = []
        self._number = counting()
        self._wait: dict[Task, float] = {}

    def at(self, moment: float, work: Callable[[], None]) -> None:
        """Run ``work`` from ``moment`` on."""
        heapq.heappush(self._due, (moment, next(self._number), self.spawn(work)))

    def wait(self, seconds: float) -> None:
        """Called by a task: let time pass."""
        task: Task | None = getattr(self.local, "task", None)
        if task is not None:
            self._wait[task] = seconds
            task.pause()

    def run(self) -> None:
        """Run until nothing is left to do."""
        while self._due:
            self.now, _, task = heapq.heappop(self._due)
            task.resume()
            if task.is_done:
                if task.error is not None:
                    raise task.error
            else:
                entry = (self.now + self._wait[task], next(self._number), task)
                heapq.heappush(self._due, entry)


@dataclass
class Hot:
    """A customer who sends ``rate`` events a second, ``a_request`` together, for some seconds."""

    shards: int
    a_request: int = 100
    rate: int = RATE
    seconds: int = SECONDS
    behind: float = 0.0
    handed_back: int = 0
    lanes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def run(self) -> PartitionedDynamoDB:
        """Count it all; the engine that it was counted on."""
        threading.stack_size(256 * 1_024)
        with standing_in(PartitionedDynamoDB()) as engine:
            self._run(engine)
            return engine

    def _run(self, engine: PartitionedDynamoDB) -> None:
        time, chance = VirtualTime(), seeded(3)
        parcels: list[dict[str, Any]] = []
        brought = self._accepted(engine, parcels)
        engine.used.clear()
        engine.clock = lambda: time.now
        engine.on_parcel = lambda _, item: self.lanes.setdefault(item["pk"]["S"], []).append(item)

        def latency(when: str, call: str) -> None:
            if when == "before":
                factor = 2 if call == "TransactWriteItems" else 1
                time.wait(chance.uniform(0.003, 0.009) * factor)

        engine.weather.around = latency
        for second, batches_of_second in enumerate(brought):
            for number, records in enumerate(batches_of_second):
                moment = second + number / len(batches_of_second)
                time.at(moment, self._consumer(time, second + 1, records))
        for second in range(self.seconds + 2):
            time.at(second + 0.95, self._lanes(time, second + 2))
        contention = Contention(clock=lambda: HOUR_START + time.now)
        with (
            patch.object(batches, "sleep", time.wait),
            patch.object(count, "CONTENTION", contention),
        ):
            time.run()
        engine.weather.around = lambda *_: None
        used = usage_query.billed_usage(
            METER, customer_id(0), HOUR_START, HOUR_START + 3_600, livemode=False
        )
        values = [int(item["v"]["S"]) for item in engine.items("meter_events")]
        assert used.quantity == sum(values) or self.handed_back

    def _accepted(
        self, engine: PartitionedDynamoDB, parcels: list[dict[str, Any]]
    ) -> list[list[Records]]:
        """What the shards and the lanes bring, second by second."""
        directory = FakeDirectory([METER], {customer_id(0): None})
        stored: list[dict[str, Any]] = []
        engine.on_event = lambda _, item: stored.append(item)
        engine.on_parcel = lambda _, item: parcels.append(item)
        brought: list[list[Records]] = []
        for second in range(self.seconds):
            moment = HOUR_START + second
            sent = events(self.rate, first=second * 10**6, seconds=_always(moment))
            for start in range(0, len(sent), self.a_request):
                sent_at = moment * 1_000_000 + start * 100
                sender = Sender(False, f"{second}-{start}", sent_at, directory)  # noqa: FBT003
                ingest_stream(sender, {"events": sent[start : start + self.a_request]})
            of_second = scattered(stored, "identifier", self.shards)
            of_second += scattered(parcels, "pk", self.shards)
            brought.append([as_records(some) for some in of_second])
            stored.clear()
            parcels.clear()
        return brought

    def _consumer(self, time: VirtualTime, due: int, records: Records) -> Callable[[], None]:
        def work() -> None:
            self.handed_back += len(count.count_records(records))
            self.behind = max(self.behind, time.now - due + 1)

        return work

    def _lanes(self, time: VirtualTime, due: int) -> Callable[[], None]:
        """What consumers have handed over since the last look."""

        def work() -> None:
            lanes, self.lanes = self.lanes, {}
            for some in lanes.values():
                self._consumer(time, due, as_records(some))()

        return work


def measure() -> Iterator[Result]:
    """Units on the counter's partition, lost races, and how far behind the last batch was."""
    for a_request, numbers in SHARDS.items():
        for shards in numbers:
            hot = Hot(shards, a_request)
            engine = hot.run()
            title = f"10,000 events/s, {a_request} a request, {shards} shards"
            busiest = engine.busiest(PARTITION)
            yield Result(f"{title}: units on the partition", busiest, "/s", goal=promises.HOT_UNITS)
            handed_back = hot.handed_back
            goal = promises.HOT_HANDED_BACK
            yield Result(f"{title}: handed back", handed_back, "records", goal=goal)
            yield Result(f"{title}: a second is counted within", hot.behind * 1_000, "ms")


def _always(moment: int) -> Callable[[int], int]:
    return lambda _: moment
