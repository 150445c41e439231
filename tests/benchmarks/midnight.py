"""A million renewals that are due at one instant, as the template would have them.

Simulated are the sweep, two queues with their workers, and what DynamoDB takes in a second: of the
table, and of each shard of the due index. What is refused is tried again as the AWS client does,
then handed back to its queue. What a renewal takes is measured; ``Assumed`` says what is not.
"""

import heapq
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import count as counting
from typing import Any

from meterline.services.work.message_tries import MOST_TRIES
from meterline.services.work.sweep import BUDGET_SECONDS, BUSY, SETTLING_SECONDS
from meterline.store.base.budgets import ATTEMPTS
from meterline.store.base.keys import DUE_SHARDS
from meterline.store.work.queues import seconds_before_next_try
from meterline.store.work.sweeps import PAGE
from tests.benchmarks.renewals import LATER, Renewal, Step
from tests.engines import resources, template
from tests.faults.engine import seeded

PARTITION_WRITES = 1_000
QUOTA = 40_000
"""Units a second of a table on demand, unless AWS raises that."""
NEW_WRITES, NEW_READS = 4_000, 12_000
"""What a table on demand takes that never saw more."""
DOUBLES_SECONDS = 1_800
FIRST_WORKERS, MORE_WORKERS_A_SECOND = 5, 5
"""How Lambda brings on workers of a queue."""
CORE_MEGABYTES = 1_769
SWEEPS_SECONDS = 60
GIVES_UP_SECONDS = 6 * 3_600


@dataclass(frozen=True, slots=True)
class Assumed:
    """What is measured nowhere: seconds on AWS."""

    call: float = 0.006
    transaction: float = 0.012
    invocation: float = 0.030
    page: float = 0.165
    """The sweep reads a page, sends it to a queue by eight threads, and remembers its place."""
    first_sweep: float = 30.0


ASSUMED = Assumed()


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the template says, and how much the table takes from the first second."""

    concurrency: int
    batch: int
    megabytes: int
    writes: int = NEW_WRITES
    reads: int = NEW_READS
    """Of each table."""
    shards: int = DUE_SHARDS


def deployed(**changes: int) -> Deployment:
    """The template's deployment, with changes."""
    mapping = resources("AWS::Lambda::EventSourceMapping")["RollBillingCyclesMapping"]
    said: dict[str, Any] = {
        "concurrency": template()["Parameters"]["WorkConcurrency"]["Default"],
        "batch": mapping["BatchSize"],
        "megabytes": template()["Globals"]["Function"]["MemorySize"],
    }
    return Deployment(**(said | changes))


@dataclass(slots=True)
class Night:
    """What came of it; times in seconds from midnight."""

    drafted: float = 0.0
    final: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    throttles: int = 0
    handed_back: int = 0
    peak_writes: float = 0
    peak_reads: float = 0
    peak_shard: int = 0


@dataclass(slots=True)
class _Message:
    receives: int = 0


@dataclass(slots=True)
class _Queue:
    """Messages, and workers that wait for some or are not yet there."""

    name: str
    step: Step
    seconds: float
    waiting: deque[_Message] = field(default_factory=deque)
    idle: list["_Worker"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Worker:
    queue: _Queue
    batch: list[_Message] = field(default_factory=list)
    attempt: int = 0


class Midnight:
    """One simulated night."""

    def __init__(
        self,
        renewal: Renewal,
        renewals: int,
        deployment: Deployment,
        assumed: Assumed = ASSUMED,
    ) -> None:
        self.night = Night()
        self._deployment = deployment
        self._assumed = assumed
        self._random = seeded(12).random
        self._renewals = renewals
        self._due: deque[tuple[float, int]] = deque([(0.0, 0)] * renewals)
        self._queues = [
            _Queue("drafted", renewal.drafting, self._seconds(renewal.drafting)),
            _Queue("final", renewal.finalising, self._seconds(renewal.finalising)),
        ]
        self._number = counting()
        self._events: list[tuple[float, int, Any]] = []
        self._second = -1
        self._writes = self._billing_reads = self._usage_reads = 0.0
        self._shards = [0] * deployment.shards
        self._most_writes, self._most_reads = deployment.writes, deployment.reads
        self._was_throttled = False

    def run(self) -> Night:
        """Until every invoice is final."""
        for queue in self._queues:
            for number in range(self._deployment.concurrency):
                after = max(0, number - FIRST_WORKERS) / MORE_WORKERS_A_SECOND
                self._at(after, _Worker(queue))
        self._at(self._assumed.first_sweep, self._sweep)
        self._at(DOUBLES_SECONDS, self._double)
        while self.night.done["final"] < self._renewals:
            now, _, what = heapq.heappop(self._events)
            if now > GIVES_UP_SECONDS:
                break
            if isinstance(what, _Worker):
                self._work(now, what)
            else:
                what(now)
        return self.night

    def _at(self, moment: float, what: Any) -> None:
        heapq.heappush(self._events, (moment, next(self._number), what))

    def _seconds(self, step: Step) -> float:
        """How long a worker takes for one: its calls one after another, and its share of a core."""
        share = min(1.0, self._deployment.megabytes / CORE_MEGABYTES)
        calls = (step.round_trips - 1) * self._assumed.call + self._assumed.transaction
        return calls + step.cpu_seconds / share

    # ------------------------------------------------------------------ the sweep

    def _sweep(self, now: float) -> None:
        self._at(now + SWEEPS_SECONDS, self._sweep)
        self._look(now, now + BUDGET_SECONDS)

    def _look(self, now: float, end: float) -> None:
        self._page(now, end, now - SETTLING_SECONDS, 0)

    def _page(self, now: float, end: float, until: float, before: int) -> None:
        """Send a page of what was due by ``until``, and go on for as long as a sweep may; look
        again when that was much, with what was sent ``before`` on the same look.
        """
        sent = 0
        while self._due and sent < PAGE and self._due[0][0] <= until:
            self._queues[self._due.popleft()[1]].waiting.append(_Message())
            sent += 1
        for queue in self._queues:
            self._wake(now, queue)
        after = now + self._assumed.page
        if sent and after < end:
            self._at(after, lambda moment: self._page(moment, end, until, before + sent))
        elif before + sent >= BUSY and now + SETTLING_SECONDS < end:
            self._at(now + SETTLING_SECONDS, lambda moment: self._look(moment, end))

    def _wake(self, now: float, queue: _Queue) -> None:
        for _ in range(min(len(queue.idle), -(-len(queue.waiting) // self._deployment.batch))):
            self._at(now, queue.idle.pop())

    # ------------------------------------------------------------------ the workers

    def _work(self, now: float, worker: _Worker) -> None:
        """A worker's moment: what it is at is written, or refused; then it goes on to the next."""
        queue = worker.queue
        if worker.batch:
            if not self._takes(now, queue.step, worker.attempt):
                self._refused(now, worker)
                return
            worker.batch.pop()
            worker.attempt = 0
            self._did(now, queue)
        self._go_on(now, worker)

    def _go_on(self, now: float, worker: _Worker) -> None:
        """With what is left of the batch, or the next one, or wait."""
        queue = worker.queue
        if worker.batch:
            self._at(now + queue.seconds, worker)
        elif queue.waiting:
            size = min(self._deployment.batch, len(queue.waiting))
            worker.batch = [queue.waiting.popleft() for _ in range(size)]
            self._at(now + self._assumed.invocation + queue.seconds, worker)
        else:
            queue.idle.append(worker)

    def _did(self, now: float, queue: _Queue) -> None:
        self.night.done[queue.name] += 1
        if queue is self._queues[0]:
            self.night.drafted = now
            self._due.append((now + LATER, 1))
        else:
            self.night.final = now

    def _refused(self, now: float, worker: _Worker) -> None:
        """The client waits and tries again, then the message goes back to its queue."""
        self.night.throttles += 1
        self._was_throttled = True
        worker.attempt += 1
        if worker.attempt < ATTEMPTS:
            wait = self._random() * 2 ** (worker.attempt - 1)
            self._at(now + wait + self._assumed.transaction, worker)
            return
        message, worker.attempt = worker.batch.pop(), 0
        message.receives += 1
        self.night.handed_back += 1
        wait = 0
        if message.receives < MOST_TRIES:
            wait = seconds_before_next_try(message.receives)
        else:
            message.receives = 0  # sent afresh: it fails for a reason that passes
        queue = worker.queue
        self._at(now + wait, lambda moment: self._again(moment, queue, message))
        self._go_on(now, worker)

    def _again(self, now: float, queue: _Queue, message: _Message) -> None:
        queue.waiting.append(message)
        self._wake(now, queue)

    # ------------------------------------------------------------------ DynamoDB

    def _takes(self, now: float, step: Step, attempt: int) -> bool:
        """Whether there are units left in this second, of the table and of the index's shards."""
        if int(now) != self._second:
            self._second = int(now)
            self._writes = self._billing_reads = self._usage_reads = 0.0
            self._shards = [0] * self._deployment.shards
        shards = self._deployment.shards
        own, other = int(self._random() * shards), int(self._random() * shards)
        moved, made = step.due_units - 1, 1
        billing, usage = (0.0, 0.0) if attempt else (step.billing_reads, step.usage_reads)
        is_free = (
            self._writes + step.write_units <= self._most_writes
            and self._billing_reads + billing <= self._most_reads
            and self._usage_reads + usage <= self._most_reads
            and self._shards[own] + moved <= PARTITION_WRITES
            and self._shards[other] + made <= PARTITION_WRITES
        )
        self._billing_reads += billing
        self._usage_reads += usage
        if is_free:
            self._writes += step.write_units
            self._shards[own] += moved
            self._shards[other] += made
            night = self.night
            night.peak_writes = max(night.peak_writes, self._writes)
            night.peak_reads = max(night.peak_reads, self._billing_reads, self._usage_reads)
            night.peak_shard = max(night.peak_shard, self._shards[own], self._shards[other])
        return is_free

    def _double(self, now: float) -> None:
        """A table on demand that was full takes twice as much half an hour later."""
        self._at(now + DOUBLES_SECONDS, self._double)
        if self._was_throttled:
            self._most_writes = min(QUOTA, 2 * self._most_writes)
            self._most_reads = min(QUOTA, 2 * self._most_reads)
        self._was_throttled = False
