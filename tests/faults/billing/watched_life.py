"""A customer's usage at random and the alerts on it; watchers die, repeat themselves and cut in."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from meterline.core.base.errors import BillingError
from meterline.services.metering import alerts
from meterline.services.metering.alerts import create_alert
from meterline.services.metering.count import count_records
from meterline.services.work.usage_watch import watch_batch
from meterline.store.base.documents import Conflict
from meterline.store.base.packing import unpack
from tests.dynamodb.tables import Table
from tests.dynamodb.values import Item
from tests.factories.usage import usage_record
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import World

HOUR = 3_600
DEATHS = 0.04
CUTTING_IN = 0.12
MOST_DELIVERIES = 40
VERBS: list[Callable[..., Any]] = [
    alerts.activate_alert,
    alerts.deactivate_alert,
    alerts.archive_alert,
]


type Record = dict[str, Any]


@dataclass
class Life:
    """One customer's usage of one meter, its alerts, and the records of its counters."""

    world: World
    chance: Random
    meter: str
    customer: str
    used: dict[str, tuple[int, int]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    total: int = 0
    highest: int = 0
    alerts: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    delivered: list[Record] = field(default_factory=list)
    waiting: list[Record] = field(default_factory=list)
    sizes: tuple[int, ...] = (1, 2, 5, 10, 40, 200)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    depth: int = 0
    steps: int = 60

    def changed(self, table: Table, before: Item | None, after: Item | None) -> None:
        """Take what the streams of the tables bring."""
        if after is None:
            return
        if table.name == self.world.engine.tables["usage"] and after["sk"]["S"].startswith("h#"):
            keys = {name: after[name] for name in ("pk", "sk")}
            change = {"Keys": keys, "NewImage": after, "SequenceNumber": str(next(self.numbers))}
            change |= {"OldImage": before} if before else {}
            self.waiting.append({"eventName": "MODIFY", "dynamodb": change})
        elif after.get("kind", {}).get("S") == "event" and before is None:
            self.hear(unpack(after["body"]["B"])["events"])

    def hear(self, events: list[Mapping[str, Any]]) -> None:
        """Note what is told."""
        told = [event for event in events if event["type"] == "billing.alert.triggered"]
        self.told += [one["data"]["object"]["alert"]["id"] for one in told]

    def live(self) -> None:
        """Whatever happens in some days; in half of all lives much is seldom used at once."""
        if self.chance.random() < 0.5:
            self.sizes = (1, 1, 1, 1, 1, 2, 50)
        for _ in range(self.steps):
            self.something()
        self.calm()

    def something(self) -> None:
        """One thing that happens."""
        happening = self.chance.choice([self.use] * 4 + [self.deliver] * 5 + [self.other] * 2)
        happening()

    def other(self) -> None:
        """Something that happens less often."""
        self.chance.choice([self.cancel, self.alert, self.move, self.wait])()

    def use(self, quantity: int | None = None) -> None:
        """Count an event: of this hour, of one of the last days, or of long ago."""
        age = self.chance.choice((0, 0, 0, 0, HOUR, 5 * HOUR, 30 * HOUR, 34 * 24 * HOUR))
        self.count(self.world.clock.now - age, quantity or self.chance.choice(self.sizes))

    def count(self, at: int, quantity: int) -> None:
        """Count an event."""
        name = f"u{len(self.used)}"
        self.used[name] = at, quantity
        self._count(name)

    def cancel(self) -> None:
        """Take an event out again."""
        if names := sorted(self.used.keys() - self.cancelled):
            name = self.chance.choice(names)
            self.cancelled.add(name)
            self._count(name)

    def alert(self) -> None:
        """Make an alert on usage that is reached soon, late or already."""
        self.make_alert(max(1, self.total + self.chance.choice((-10, 1, 3, 20, 70, 150, 2_000))))

    def make_alert(self, gte: int) -> None:
        """Make an alert for this customer or for all."""
        threshold = self.threshold(gte)
        if self.chance.random() < 0.5:
            threshold["filters"] = [{"type": "customer", "customer": self.customer}]
        params = {"alert_type": "usage_threshold", "title": "Much", "usage_threshold": threshold}

        def create() -> None:
            self.alerts[create_alert(self.world.context(), params)["id"]] = gte

        self._ask(create)

    def threshold(self, gte: int) -> dict[str, Any]:
        """What an alert is made on."""
        return {"meter": self.meter, "gte": gte, "recurrence": "one_time"}

    def move(self) -> None:
        """Put an alert out of action, or into action again."""
        if self.alerts:
            verb, alert = self.chance.choice(VERBS), self.chance.choice(sorted(self.alerts))
            self._ask(lambda: verb(self.world.context(), alert, {}))

    def wait(self) -> None:
        """Let time pass."""
        self.world.clock.now += self.chance.choice((60, HOUR, 26 * HOUR))

    def deliver(self) -> None:
        """Deliver the next records, or some that were delivered before."""
        if self.delivered and self.chance.random() < 0.2:
            self._watch(self.chance.sample(self.delivered, 1))
            return
        batch = self.waiting[: self.chance.choice((1, 2, 5))]
        if batch and self._watch(batch) and self.chance.random() < 0.9:
            self.delivered += batch
            numbers = {record["dynamodb"]["SequenceNumber"] for record in batch}
            self.waiting = [
                record
                for record in self.waiting
                if record["dynamodb"]["SequenceNumber"] not in numbers
            ]

    def watch_all(self, at: Callable[[Moment, str], None]) -> None:
        """Watch all that waits, with something that happens on the way."""
        batch, self.waiting = self.waiting, []
        if not self._watch(batch, at):
            self.waiting = batch + self.waiting

    def watch_next(self) -> None:
        """Watch the latest record, in another process."""
        assert self._watch([self.waiting.pop()], lambda *_: None)

    def deliver_all(self) -> None:
        """Deliver whatever waits, and what comes meanwhile, until nothing does."""
        for _ in range(MOST_DELIVERIES):
            if not self.waiting:
                break
            batch, self.waiting = self.waiting, []
            if not self._watch(batch):
                self.waiting = batch + self.waiting
        assert not self.waiting, "it never ends"

    def calm(self) -> None:
        """Deliver all that waits, and one more event; then look whether all is right."""
        self.depth = 2
        self.count(self.world.clock.now, 1)
        self.deliver_all()
        assert len(self.told) == len(set(self.told)), "told once"
        for alert, gte in self.alerts.items():
            is_active = self.world.stored(alert)["status"] == "active"
            if is_active and self.total >= gte:
                assert alert in self.told, f"{alert} at {gte} of {self.total} is missed"
            if alert in self.told:
                assert self.highest >= gte, "told too early"

    # -------------------------------------------------------------- how it is done
    def _count(self, name: str) -> None:
        at, quantity = self.used[name]
        record = usage_record(self.meter, self.customer, at, quantity, name)
        if name in self.cancelled:
            record["dynamodb"]["NewImage"]["cancelled_at"] = {"N": str(at)}
        counted = (value for one, (_, value) in self.used.items() if one not in self.cancelled)
        self.total = sum(counted)
        self.highest = max(self.highest, self.total)
        with self._apart():
            assert count_records([record]) == []

    def _ask(self, request: Callable[[], object]) -> None:
        with self._apart():
            try:
                request()
            except (BillingError, Conflict):
                return

    def _watch(self, batch: list[Record], at: Callable[[Moment, str], None] | None = None) -> bool:
        """Whether a batch was done: its process may die, and others cut in on it."""
        self.depth += 1
        wire = self.world.wire
        outer, was_watching = wire.at, wire.watching
        wire.at, wire.watching = at or self._at, True
        calls = list(wire.calls)
        wire.calls.clear()
        try:
            return watch_batch(batch) == {"batchItemFailures": []}
        except Died:
            return False
        finally:
            wire.at, wire.watching = outer, was_watching
            wire.calls[:] = calls
            self.depth -= 1

    def _at(self, moment: Moment, _operation: str) -> None:
        if self.depth > 2:
            return
        if self.chance.random() < DEATHS:
            raise Died(moment)
        if self.depth < 2 and self.chance.random() < CUTTING_IN:
            for _ in range(self.chance.choice((1, 2, 3))):
                self.something()

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Work of another process, whose calls are not disturbed."""
        wire = self.world.wire
        was_watching, wire.watching = wire.watching, False
        try:
            yield
        finally:
            wire.watching = was_watching


@dataclass
class Once:
    """Does something at one moment."""

    moment: Moment
    act: Callable[[], None]
    is_over: bool = False

    def __call__(self, moment: Moment, _operation: str) -> None:
        if moment == self.moment and not self.is_over:
            self.is_over = True
            self.act()
