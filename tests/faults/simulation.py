"""A seeded world around the real code of acceptance and counting.

Clients repeat themselves; a stream repeats, reorders and splits its batches, gives some up and
brings them back at the very end; workers die; the engine loses requests and answers, and is under
load (``load``); few functions run at once; readers come at any time. When the dust has settled,
usage must be what the stored events plainly add up to, and nothing was set aside for a passing
reason, however long that lasted.
"""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import islice, pairwise
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.core.base.errors import BillingError
from meterline.core.base.timestamps import rfc3339
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.dimensions import Conditions
from meterline.services.base.patience import SHARED_SECONDS, Patience
from meterline.services.metering import accept, cancel_events, count, day_totals, usage_query
from meterline.services.metering.accept import Sender
from meterline.services.metering.contention import CONTENDED_SECONDS, Contention
from meterline.services.metering.counted_events import EventRange, counted_events
from meterline.store.base.batches import Throttled
from meterline.store.metering.cells import cells_between
from meterline.store.metering.meter_events import identities_from_keys, with_own_names
from meterline.store.metering.usage import BucketKey
from tests.faults.broken import BrokenRuleError
from tests.faults.engine import FakeDynamoDB, seeded
from tests.faults.load import CONCURRENT_EXECUTIONS
from tests.faults.recount import (
    Event,
    expected_between,
)
from tests.faults.scheduler import Killed, Scheduler, Task
from tests.integration.metering.worlds import FakeDirectory, meter_body

START = 1_700_157_600
HOURS = 2
MOST_SECONDS = 900
"""No function runs for longer."""
DAY_SECONDS = 86_400
MOST_STEPS = 5_000
NOTHING_IS_SET_ASIDE = "nothing is set aside"
CUSTOMERS = ("cus_a", "cus_b")
DIMENSIONS = ("model", "token_type")
MODELS = ("small", "large")
TOKEN_TYPES = ("input", "output")
_END = START + HOURS * 3_600

type Record = dict[str, Any]


@dataclass
class Delivery:
    """A batch on its way through a worker; ``handed_back`` is None until the worker answered."""

    batch: Sequence[Record]
    timed: Callable[[], AbstractContextManager[None]]
    handed_back: list[str] | None = None
    task: Task | None = None

    def work(self) -> None:
        """What the worker does."""
        with self.timed():
            self.handed_back = count.count_records(self.batch, function="count_usage")


@dataclass
class Shard:
    """One shard of the stream: its records, and up to where they are done.

    A batch that failed is cut in two: up to ``cut`` its first half comes first.
    """

    records: list[Record] = field(default_factory=list)
    done: int = 0
    delivery: Delivery | None = None
    cut: int = 0


@dataclass
class Simulation:
    """One run; everything in it follows from ``seed``."""

    seed: int
    formula: str = "sum"
    requests: int = 10
    fault_rate: float = 0.04
    is_calm: bool = False
    days: int = 1
    """Events are of so many days, at the same hours of each; beyond one, days are added up."""
    has_dimensions: bool = False
    """Whether the meter tells its usage apart by ``MODELS`` and ``TOKEN_TYPES``."""
    most_cells: int = 100

    def __post_init__(self) -> None:
        self.chance = seeded(self.seed)
        self.engine = FakeDynamoDB(seeded(self.seed + 1))
        self.scheduler = Scheduler(seeded(self.seed + 2))
        self.shards = [Shard() for _ in range(self.chance.choice((1, 2, 3)))]
        self.parcels = [Shard() for _ in range(self.chance.choice((1, 2)))]
        self.directory = FakeDirectory([self.meter], dict.fromkeys(CUSTOMERS))
        self.end = _END + (self.days - 1) * DAY_SECONDS
        self.now = self.end * 1_000_000
        self.accepted: set[str] = set()
        self.cancelled: set[str] = set()
        self.unanswered: dict[int, set[str]] = {}
        """The identifiers of the requests whose clients have no answer yet, or died without."""
        self.identifiers: list[str] = []
        self.dead_letters: list[list[Record]] = []
        self.patience = Patience(clock=partial(next, itertools.count(0, SHARED_SECONDS)))
        """An hour goes by whenever a record fails."""
        self.load = self.engine.weather.load
        self.load.rate = self.fault_rate
        self.executions = self.chance.choice((3, CONCURRENT_EXECUTIONS, CONCURRENT_EXECUTIONS))
        self.engine.weather.around = self._around
        self.engine.weather.others = self._between
        self.engine.on_event = self._on_event
        self.clock = START
        """The wall clock, by which days settle and changes are late."""
        self.is_night = False
        self.working_since: dict[int, int] = {}
        """When the workers that still run began, by their numbers."""
        self.engine.on_parcel = self._on_parcel
        self.contention = Contention(
            clock=partial(next, itertools.count(0, CONTENDED_SECONDS // 6))
        )

    @property
    def meter(self) -> Any:
        """The meter of the run."""
        formula, _, window = self.formula.partition(":")
        body = meter_body(formula=formula, event_time_window=window or None)
        return body | ({"dimension_payload_keys": list(DIMENSIONS)} if self.has_dimensions else {})

    def run(self) -> None:
        """Run to the end, settle, and compare."""
        waiting = [self._request(number) for number in range(self.requests)]
        steps = 0
        while waiting or self.scheduler.tasks or any(map(_is_open, self._all_shards)):
            steps += 1
            if steps > MOST_STEPS:
                self._calm_down()
            self._act(waiting)
            if self.scheduler.tasks:
                self.scheduler.step()
        self._final_outcome()
        if self.days > 1:
            self._add_everything_up()
        self._compare()

    def _act(self, waiting: list[Callable[[], None]]) -> None:
        """Perhaps start something new, if the account lets it run beside the others."""
        if self.is_night:
            self._sleep()
            return
        if len(self.scheduler.tasks) >= self.executions:
            return
        dice = self.chance.random()
        if waiting and dice < 0.10:
            self.scheduler.spawn(waiting.pop())
        elif dice < 0.55:
            self._deliver(self.chance.choice(self._all_shards))
        elif dice < 0.60:
            self._deliver_again()
        elif dice < 0.64 and self.identifiers and not self.is_calm:
            recent = self.identifiers[-self.chance.choice((3, 3, 500)) :]
            self.scheduler.spawn(self._cancellation(self.chance.choice(recent)))
        elif dice < 0.68 and not self.is_calm:
            self.scheduler.spawn(self._reading(self.chance.choice(CUSTOMERS)))
        elif self.days > 1:
            self._live_on(dice)

    # ------------------------------------------------------------------ time

    def _live_on(self, dice: float) -> None:
        if dice < 0.72:
            self._pass_time()
        elif dice < 0.74:
            self.is_night = True
        elif dice < 0.78:
            self.scheduler.spawn(self._adding_up(self.chance.choice(CUSTOMERS)))

    def _pass_time(self) -> None:
        """Time goes on, but no worker runs for longer than a function may."""
        latest = min(self.working_since.values(), default=self.end * 2) + MOST_SECONDS
        self.clock = max(self.clock, min(self.clock + self.chance.choice((60, 600, 3_600)), latest))

    def _sleep(self) -> None:
        """Nothing begins until all that runs is done; then many hours have gone by."""
        if not self.scheduler.tasks:
            self.clock += self.chance.choice((4, 11, 30)) * 3_600
            self.is_night = False

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Notes that a worker runs."""
        number = len(self.working_since) and max(self.working_since) + 1
        self.working_since[number] = self.clock
        try:
            yield
        finally:
            del self.working_since[number]

    def _adding_up(self, customer: str) -> Callable[[], None]:
        """Whoever adds up the days that have settled."""
        whole = BucketKey(False, self.meter["id"], customer, START // 3_600)  # noqa: FBT003

        def work() -> None:
            with self._timed():
                for cell in self._cells_of(customer):
                    key = whole._replace(cell=cell)
                    day_totals.add_up(key, measure_of(self.meter), self.clock)

        return work

    # ------------------------------------------------------------------ clients

    def _request(self, number: int) -> Callable[[], None]:
        """A client that sends a request until it has an answer, then sometimes once more."""
        events = [self._event(number, n) for n in range(self.chance.choice((1, 1, 3, 8, 20)))]

        def work() -> None:
            self.unanswered[number] = {event["identifier"] for event in events}
            for _ in range(50):
                self.now += self.chance.choice((-3, 0, 0, 1, 5, 40))
                try:
                    self._send(f"request-{number}", events)
                except (ClientError, ReadTimeoutError, Throttled):
                    continue
                del self.unanswered[number]
                return

        return work

    def _send(self, key: str, events: list[dict[str, Any]]) -> None:
        sender = Sender(False, key, self.now, self.directory)  # noqa: FBT003
        outcomes = accept.ingest_stream(sender, {"events": events})
        self.accepted |= {
            outcome.identifier for outcome in outcomes if outcome.status == "accepted"
        }

    def _event(self, request: int, number: int) -> dict[str, Any]:
        identifier = f"e{request}-{number}"
        if self.identifiers and self.chance.random() < 0.1:
            identifier = self.chance.choice(self.identifiers)
        self.identifiers.append(identifier)
        least, most = (1, 20) if self.formula == "unique_count" else (-500, 5_000)
        value = Decimal(self.chance.randint(least, most)).scaleb(-self.chance.choice((0, 0, 2)))
        second = START + self.chance.randrange(HOURS * 3_600)
        if self.days > 1:
            second += self.chance.randrange(self.days) * DAY_SECONDS
        return {
            "event_name": "tokens",
            "identifier": identifier,
            "payload": {
                "stripe_customer_id": self.chance.choice(CUSTOMERS),
                "value": format(value, "f"),
                **self._dimensions(),
            },
            "timestamp": rfc3339(second * 1_000),
        }

    def _dimensions(self) -> dict[str, str]:
        """What an event says of its cell, if the meter asks; now and then a key is missing."""
        if not self.has_dimensions:
            return {}
        said = {"model": self.chance.choice(MODELS), "token_type": self.chance.choice(TOKEN_TYPES)}
        if self.chance.random() < 0.05:
            del said["model"]
        return said

    def _cells_of(self, customer: str) -> list[str]:
        if not self.has_dimensions:
            return [""]
        return list(cells_between(False, self.meter["id"], customer, START, self.end))  # noqa: FBT003

    def _cancellation(self, identifier: str) -> Callable[[], None]:
        def work() -> None:
            sender = Sender(False, "cancel", self.now, self.directory)  # noqa: FBT003
            params = {
                "type": "cancel",
                "event_name": "tokens",
                "cancel": {"identifier": identifier},
            }
            try:
                cancel_events.create_meter_event_adjustment(sender, params)
            except (ClientError, ReadTimeoutError, Throttled):
                return
            except BillingError:
                return
            self.cancelled.add(identifier)

        return work

    def _reading(self, customer: str) -> Callable[[], None]:
        """A reader of any range, while others count: an exception is the simulation's."""
        start = self.chance.randrange(START, self.end - 1)
        end = self.chance.randrange(start + 1, self.end)

        def use() -> None:
            self._used(customer, start, end)

        def listing() -> None:
            span = EventRange(start, end)
            list(islice(counted_events(self.meter, customer, span, livemode=False, at_once=6), 6))

        return self.chance.choice((use, listing))

    def _used(
        self, customer: str, start: int, end: int, conditions: Conditions | None = None
    ) -> Usage:
        try:
            return usage_query.billed_usage(
                self.meter, customer, start, end, conditions or {}, livemode=False
            )
        except BillingError as refusal:
            text = f"seed {self.seed}: {customer} {start}..{end}: {refusal.message}"
            raise BrokenRuleError("usage can be read", text) from refusal

    # ------------------------------------------------------------------ the stream

    def _on_event(self, kind: str, item: dict[str, Any]) -> None:
        """An event was written: its shard gets a record, the same item always the same shard."""
        shard = self.shards[sum(item["identifier"]["S"].encode()) % len(self.shards)]
        number = f"{len(shard.records):09d}"
        change = {"NewImage": item, "SequenceNumber": number, "Keys": {}}
        shard.records.append({"eventName": kind, "dynamodb": change})
        if self.chance.random() < 0.02:
            removal = {"OldImage": item, "SequenceNumber": f"{len(shard.records):09d}"}
            shard.records.append({"eventName": "REMOVE", "dynamodb": removal})

    def _on_parcel(self, kind: str, item: dict[str, Any]) -> None:
        """A parcel was written: those of a lane come in one shard, in order."""
        shard = self.parcels[sum(item["pk"]["S"].encode()) % len(self.parcels)]
        change = {"NewImage": item, "SequenceNumber": f"{len(shard.records):09d}", "Keys": {}}
        shard.records.append({"eventName": kind, "dynamodb": change})

    @property
    def _all_shards(self) -> list[Shard]:
        """Those of both streams."""
        return [*self.shards, *self.parcels]

    def _deliver(self, shard: Shard) -> None:
        """The poller's turn at a shard: note how the last batch went, hand the next one out.

        A delivery that takes too long is given up while it still runs, and its batch comes again.
        """
        delivery = shard.delivery
        if delivery is not None:
            is_running = delivery.task is not None and not delivery.task.is_done
            if is_running and (self.is_calm or self.chance.random() > 0.02):
                return
            self._note(shard, delivery)
        if shard.done < len(shard.records):
            end = shard.done + self.chance.randint(1, self._window())
            end = min(end, shard.cut) if shard.cut > shard.done else end
            shard.delivery = Delivery(shard.records[shard.done : end], self._timed)
            shard.delivery.task = self.scheduler.spawn(shard.delivery.work)

    def _window(self) -> int:
        """The most records of a batch: of a moment, of minutes, or what an invocation can take."""
        return self.chance.choice((3, 30, 1_000))

    def _note(self, shard: Shard, delivery: Delivery) -> None:
        """Move on, or deliver again; what failed too often goes whole to the dead letters."""
        shard.delivery = None
        end = shard.done + len(delivery.batch)
        if delivery.handed_back == []:
            shard.done = end
            return
        if delivery.handed_back:
            shard.done = int(min(delivery.handed_back))
        shard.cut = (shard.done + end + 1) // 2
        if self.chance.random() < 0.05:
            self.dead_letters.append(shard.records[shard.done : end])
            shard.done = end

    def _deliver_again(self) -> None:
        """Some records once more, in any order and at any time: a redrive, a second consumer."""
        [*shards] = self.chance.choice((self.shards, self.parcels))
        self.chance.shuffle(shards)
        records = [record for shard in shards for record in shard.records]
        if records and not self.is_calm:
            newest = records[-self.chance.choice((1, 4, 10_000)) :]
            batch = self.chance.choices(newest, k=self.chance.randint(1, 25))
            self.scheduler.spawn(Delivery(batch, self._timed).work)

    # ------------------------------------------------------------------ faults

    def _around(self, when: str, call: str) -> None:
        """Before a call another task may go first, or the request is lost; after it, the answer."""
        if when == "before":
            self.scheduler.pause()
        if self.is_calm or self.chance.random() > self.fault_rate:
            return
        fault = self.chance.random()
        if fault < 0.3:
            raise Killed
        raise ReadTimeoutError(endpoint_url="simulated")

    def _between(self) -> None:
        """Within a batch of statements: another task may go first, or the rest never happens."""
        self.scheduler.pause()
        if not self.is_calm and self.chance.random() < self.fault_rate / 10:
            raise self.chance.choice((Killed, ReadTimeoutError(endpoint_url="simulated")))

    def set_aside(self, records: Sequence[Record], _function: str) -> None:
        """Whatever goes wrong here passes, so nothing may make way for others."""
        text = f"seed {self.seed}: {len(records)} records were set aside"
        _hold(NOTHING_IS_SET_ASIDE, not records, text)

    def _calm_down(self) -> None:
        self.is_calm = self.load.is_calm = True

    # ------------------------------------------------------------------ the end

    def _final_outcome(self) -> None:
        """The weather clears: dead letters are redriven, sometimes everything comes once more."""
        self._calm_down()
        batches = list(self.dead_letters)
        if self.chance.random() < 0.5:
            records = [record for shard in self._all_shards for record in shard.records]
            self.chance.shuffle(records)
            batches += [records[start : start + 20] for start in range(0, len(records), 20)]
        self.chance.shuffle(batches)
        for batch in batches:
            left = count.count_records(batch)
            _hold("what is redriven is counted", not left, f"seed {self.seed}: {left}")
        while any(map(_is_open, self.parcels)):
            self._deliver(self.chance.choice(self.parcels))
            while self.scheduler.tasks:
                self.scheduler.step()

    def _add_everything_up(self) -> None:
        """All days settle, and have totals, unless those that they had were right."""
        self.clock += self.chance.choice((0, 3 * DAY_SECONDS))
        for customer in CUSTOMERS:
            self._adding_up(customer)()

    def _compare(self) -> None:
        """Usage must be what the accepted and not cancelled events add up to, however cut."""
        stored = list(map(with_own_names, self.engine.items("meter_events")))
        names = {item["name"]["S"] for item in stored}
        lost = sorted(self.accepted - names)
        _hold("what was accepted is stored", not lost, f"seed {self.seed}: {lost}")
        unsure = set().union(*self.unanswered.values())
        denied = sorted(names - self.accepted - unsure)
        _hold("what is stored was accepted", not denied, f"seed {self.seed}: {denied}")
        cancelled = {item["name"]["S"] for item in stored if "cancelled_at" in item}
        forgotten = sorted(self.cancelled - cancelled)
        _hold("what was cancelled says so", not forgotten, f"seed {self.seed}: {forgotten}")
        for customer in CUSTOMERS:
            self._compare_customer(customer)

    def _compare_customer(self, customer: str) -> None:
        events = [
            Event(
                int(item["timestamp"]["N"]),
                int(item["accepted_at"]["N"]),
                identities_from_keys([item["identifier"]["S"]])[0],
                Decimal(item["value"]["S"]),
                self._dimensions_of(item),
            )
            for item in map(with_own_names, self.engine.items("meter_events"))
            if item["customer"]["S"] == customer and "cancelled_at" not in item
        ]
        cuts = sorted(self.chance.randrange(START, self.end) for _ in range(3))
        midnight = START - START % DAY_SECONDS
        for start, end in [
            (START, self.end),
            (midnight, self.end),
            (START, START + 3_600),
            *pairwise(cuts),
        ]:
            used = self._used(customer, start, end)
            expected = expected_between(self.formula, events, start, end)
            text = f"seed {self.seed}: {customer} {start}..{end}: {used.quantity}, not {expected}"
            _hold("usage is what its events add up to", used.quantity == expected, text)
            if self.has_dimensions:
                self._compare_parts(customer, events, start, end)
        told_apart = {event.dimensions for event in events}
        text = f"seed {self.seed}: {customer} has {len(told_apart)} cells"
        _hold("cells are bounded", len(told_apart) <= self.most_cells, text)

    def _compare_parts(self, customer: str, events: list[Event], start: int, end: int) -> None:
        """What conditions choose must be what the events that meet them add up to."""
        for place, key, values in ((0, "model", MODELS), (1, "token_type", TOKEN_TYPES)):
            for value in values:
                own = [event for event in events if event.dimensions[place] == value]
                used = self._used(customer, start, end, {key: [value]})
                expected = expected_between(self.formula, own, start, end)
                text = f"seed {self.seed}: {customer} {value} {used.quantity}, not {expected}"
                _hold("parts are what their events add up to", used.quantity == expected, text)

    def _dimensions_of(self, item: dict[str, Any]) -> tuple[str, ...]:
        payload = json.loads(item["payload"]["S"])
        return tuple(payload[key] for key in DIMENSIONS) if self.has_dimensions else ()


def _hold(rule: str, holds: object, text: str) -> None:
    if not holds:
        raise BrokenRuleError(rule, text)


def _is_open(shard: Shard) -> bool:
    return shard.delivery is not None or shard.done < len(shard.records)
