"""One customer at 10,000 events a second: the real consumer in virtual time.

Ten shards each hand over a batch of a thousand events a second; an engine call takes 3 to 9 ms, a
transaction 6 to 18, counting its measured CPU is left out. What matters: the batches of each second
are counted before the next ones come, and how often consumers get into each other's way.
"""

import heapq
import threading
from collections.abc import Callable, Iterator
from itertools import count as counting
from typing import Any
from unittest.mock import patch

from meterline.services.metering import count, usage_query
from meterline.services.metering.accept import Sender, ingest_stream
from meterline.store.base import batches
from tests.benchmarks.results import Result
from tests.benchmarks.units import MeteredDynamoDB
from tests.benchmarks.worlds import HOUR_START, METER, as_records, customer_id, events, metered
from tests.faults.engine import seeded
from tests.faults.scheduler import Scheduler, Task
from tests.integration.metering.worlds import FakeDirectory

SHARDS = 10
SECONDS = 4
BATCH = 1_000


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
                task.join()
                if task.error is not None:
                    raise task.error
            else:
                entry = (self.now + self._wait[task], next(self._number), task)
                heapq.heappush(self._due, entry)


def measure() -> Iterator[Result]:
    """How far behind the last batch was counted, lost races, and reads."""
    threading.stack_size(256 * 1_024)
    with metered() as engine:
        shards = _accepted(engine)
        accepted_units = engine.write_units
        engine.forget_units()
        time, behind, chance = VirtualTime(), [0.0], seeded(3)

        def latency(when: str, call: str) -> None:
            if when == "before":
                factor = 2 if call == "TransactWriteItems" else 1
                time.wait(chance.uniform(0.003, 0.009) * factor)

        engine.weather.around = latency
        for second in range(SECONDS):
            for shard, batch in enumerate(shards[second]):
                time.at(second + shard * 0.01, _consumer(time, second, batch, behind))
        with patch.object(batches, "sleep", time.wait):
            time.run()
        engine.weather.around = lambda *_: None
        total = SECONDS * SHARDS * BATCH
        used = usage_query.billed_usage(
            METER, customer_id(0), HOUR_START, HOUR_START + 3_600, livemode=False
        )
        assert used.quantity == sum(
            int(item["value"]["S"]) for item in engine.items("meter_events")
        )
        yield Result(
            "10,000 events/s of one customer: a batch is counted within",
            behind[0] * 1_000,
            "ms",
            target="< 1000: keeps up",
        )
        yield Result("10,000 events/s: lost races a batch", engine.refused / total * BATCH, "races")
        yield Result("10,000 events/s: read units an event", engine.read_units / total, "units")
        units = (accepted_units + engine.write_units) / total
        yield Result("10,000 events/s: write units an event", units, "units")


def _accepted(engine: MeteredDynamoDB) -> list[list[list[dict[str, Any]]]]:
    """The stream records of each second and shard."""
    directory = FakeDirectory([METER], {customer_id(0): None})
    stored: list[dict[str, Any]] = []
    engine.on_event = lambda _, item: stored.append(item)
    batches_of_seconds = []
    for second in range(SECONDS):
        moment = HOUR_START + second
        sent = events(SHARDS * BATCH, first=second * 10**6, seconds=_always(moment))
        for start in range(0, len(sent), 100):
            sent_at = moment * 1_000_000 + start * 100
            sender = Sender(False, f"{second}-{start}", sent_at, directory)  # noqa: FBT003
            ingest_stream(sender, {"events": sent[start : start + 100]})
        records = as_records(stored)
        stored.clear()
        batches_of_seconds.append([records[shard::SHARDS] for shard in range(SHARDS)])
    return batches_of_seconds


def _always(moment: int) -> Callable[[int], int]:
    return lambda _: moment


def _consumer(
    time: VirtualTime, second: int, batch: list[dict[str, Any]], behind: list[float]
) -> Callable[[], None]:
    def work() -> None:
        assert count.count_records(batch) == []
        behind[0] = max(behind[0], time.now - second)

    return work
