"""What it costs to look at counters that changed: calls for a batch, and dollars for an alert."""

from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any
from unittest.mock import patch

from meterline.services.base import workers
from meterline.services.metering.alerts import create_alert
from meterline.services.metering.count import count_records
from meterline.services.work.usage_watch import watch_batch
from tests.benchmarks import prices
from tests.benchmarks.results import Result
from tests.benchmarks.traffic import Traffic
from tests.dynamodb.tables import Table
from tests.dynamodb.values import Item
from tests.engines import Engine, running
from tests.factories.usage import usage_record
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import NOW, FrozenTime, World

HOUR = 3_600
MONTH_HOURS = 720
RATES = ((1, 720), (60, 24))
"""So many events an hour, for so many hours."""

BATCH = 100
TOGETHER = 3
"""Customers whose changes come in one batch over a month."""

_CALL_SECONDS = 0.010
"""Assumed time of a call to DynamoDB, with what Python does about it."""

_INVOCATION_SECONDS = 0.030
"""Assumed time of an invocation besides its calls: unpacking, deciding, logging."""

type Record = dict[str, Any]
type Watch = Callable[[World, str, list[str]], None]


def measure() -> Iterator[Result]:
    """The figures of a batch of a hundred customers, and of an alert over a month.

    They are those of usage whose hour is over, of which each customer is read for late usage too.
    """
    for name, thresholds in (("nothing watched", 0), ("an alert not triggered", 1)):
        traffic = _batch(thresholds)
        yield Result(f"100 changes of 100 customers, {name}", len(traffic.calls), "calls")
        yield Result(f"the same: read units a change, {name}", traffic.read_units / BATCH, "units")
        seconds = _INVOCATION_SECONDS + traffic.round_trips * _CALL_SECONDS
        rate = BATCH / seconds
        yield Result(f"changes a second of a shard, {name}", rate, "changes", target=">= 1,000")
    for an_hour, hours in RATES:
        nothing = _dollars(an_hour, hours, lambda *_: None)
        for name, watch in WATCHED.items():
            added = _dollars(an_hour, hours, watch) - nothing
            title = f"{name} adds, {an_hour} events an hour, a million"
            yield Result(title, added, "$", target="<= 0.30")


def _batch(thresholds: int) -> Traffic:
    """The traffic of looking at a change each of a hundred customers, for the second time."""
    with running() as engine, redirect_stdout(StringIO()):
        world, changes = _world(engine)
        meter = world.meter("tokens")
        customers = [world.customer(at=NOW) for _ in range(BATCH)]
        _alerts(world, meter, thresholds)
        for number in range(2):
            changes.clear()
            count_records(
                [usage_record(meter, customer, NOW, 1, str(number)) for customer in customers]
            )
            traffic = Traffic()
            with traffic.recorded():
                assert watch_batch(changes) == {"batchItemFailures": []}
        return traffic


def _dollars(an_hour: int, hours: int, watch: Watch) -> float:
    """What looking at a million lone events costs in units, customers having a month of usage."""
    with running() as engine, redirect_stdout(StringIO()):
        world, changes = _world(engine)
        meter, customers = world.meter("tokens"), [world.customer(at=NOW) for _ in range(TOGETHER)]
        month = range(NOW - MONTH_HOURS * HOUR, NOW, HOUR)
        for customer in customers:
            count_records([usage_record(meter, customer, at, 5_000) for at in month])
        watch(world, meter, customers)
        traffic = Traffic()
        for number in range(hours * an_hour):
            world.clock.now = NOW + number * HOUR // an_hour
            changes.clear()
            now, name = world.clock.now, str(number)
            count_records([usage_record(meter, one, now, 5_000, name) for one in customers])
            with traffic.recorded(), patch.object(workers, "time", world.clock):
                watch_batch(changes)
    units = traffic.read_units * prices.READ_UNIT + traffic.write_units * prices.WRITE_UNIT
    return units / (hours * an_hour * TOGETHER) * 1e6


def _alert(world: World, meter: str, _customers: list[str]) -> None:
    _alerts(world, meter, 1)


def _recurring_alert(world: World, meter: str, customers: list[str]) -> None:
    """An alert that recurs each year, with which customers are billed."""
    _subscribe(world, meter, customers)
    _alerts(world, meter, 1, "billing_period")


def _threshold(world: World, meter: str, customers: list[str]) -> None:
    _subscribe(world, meter, customers, billing_thresholds={"amount_gte": 10_000_000})


def _alert_and_threshold(world: World, meter: str, customers: list[str]) -> None:
    _threshold(world, meter, customers)
    _alert(world, meter, customers)


def _spend_alert(world: World, meter: str, customers: list[str]) -> None:
    _subscribe(world, meter, customers)
    amount = {"type": "amount", "amount": {"currency": "usd", "value": 10_000_000}}
    for customer in customers:
        terms = {"aggregation_period": "billing", "filters": {"customer": customer}, "gte": amount}
        params = {"alert_type": "spend_threshold", "title": "Much", "spend_threshold": terms}
        create_alert(world.context(), params)


WATCHED: dict[str, Watch] = {
    "an alert not triggered": _alert,
    "an alert that recurs": _recurring_alert,
    "an alert on spend": _spend_alert,
    "a billing threshold": _threshold,
    "an alert and a threshold": _alert_and_threshold,
}


def _subscribe(world: World, meter: str, customers: list[str], **terms: object) -> None:
    """Usage of 5,000 an hour costs 50 dollars; a hundred thousand dollars are far."""
    price, begin = world.price(unit_amount=1, meter=meter, interval="year"), NOW - 720 * HOUR
    for customer in customers:
        world.subscribe(customer, [price], at=begin, **terms)


def _alerts(world: World, meter: str, number: int, recurrence: str = "one_time") -> None:
    for _ in range(number):
        threshold = {"meter": meter, "gte": 10_000_000, "recurrence": recurrence}
        params = {"alert_type": "usage_threshold", "title": "Much", "usage_threshold": threshold}
        create_alert(world.context(), params)


def _world(engine: Engine) -> tuple[World, list[Record]]:
    """A world, and the records of counters that change in it."""
    changes: list[Record] = []
    assert engine.memory is not None
    engine.memory.on_change = _noting(engine, changes)
    return World(engine, FrozenTime(), Wire()), changes


def _noting(
    engine: Engine, changes: list[Record]
) -> Callable[[Table, Item | None, Item | None], None]:
    def changed(table: Table, _before: Item | None, after: Item | None) -> None:
        if after and table.name == engine.tables["usage"] and after["sk"]["S"].startswith("h#"):
            keys = {name: after[name] for name in ("pk", "sk")}
            change = {"Keys": keys, "NewImage": after, "SequenceNumber": str(len(changes))}
            changes.append({"eventName": "MODIFY", "dynamodb": change})

    return changed
