"""What it costs to look at counters that changed: calls for a batch, and dollars for an alert.

Dollars are units, log lines, and time in Lambda, less what they are where nothing watches.
"""

from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import batched
from typing import Any
from unittest.mock import patch

from meterline.core.metering.aggregation import Formula, Measure
from meterline.services.base import workers
from meterline.services.base.context import Context
from meterline.services.base.outbox import Origin
from meterline.services.metering import day_totals
from meterline.services.metering.alerts import create_alert
from meterline.services.metering.count import count_records
from meterline.services.work.usage_watch import watch_batch
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import usage_commits
from meterline.store.metering.usage import BucketKey
from tests.benchmarks import prices, promises
from tests.benchmarks.bench_costs import CALL_SECONDS, lambda_dollars
from tests.benchmarks.results import Result
from tests.benchmarks.traffic import Traffic
from tests.dynamodb.tables import Table
from tests.dynamodb.values import Item
from tests.engines import Engine, running
from tests.factories import objects
from tests.factories.usage import usage_record
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import NOW, World
from tests.frozen_time import FrozenTime

HOUR = 3_600
MONTH_HOURS = 720
RATES = ((1, 480), (60, 24))
"""So many events an hour, for so many hours: the faster one comes close to its threshold."""

BATCH = 100
TOGETHER = 3
"""Customers whose changes come in one batch over a month."""

_CALL_SECONDS = 0.010
"""Assumed time of a call to DynamoDB, with what Python does about it, where a shard is at work."""

_CALL_CPU_SECONDS = 0.0003
"""Assumed CPU on a whole core for a call, with what is decided on its answer: looks that draft
invoices take 15 ms for 49 calls, with the tests' DynamoDB in memory.
"""

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
        yield Result(
            f"changes a second of a shard, {name}", rate, "changes", goal=promises.WATCHED_CHANGES
        )
    for an_hour, hours in RATES:
        yield from _added(an_hour, hours)


def _added(an_hour: int, hours: int) -> Iterator[Result]:
    """What whatever watches adds to usage that nothing watches: in live mode; all of it together
    in test mode too, and where no two changes come in one batch.
    """
    live, test = Shop(True), Shop(False, ", test mode")  # noqa: FBT003 - the modes
    alone = Shop(True, ", each change alone", together=1)  # noqa: FBT003 - as above
    asked = [(live, name) for name in WATCHED]
    asked += [(test, EVERYTHING), (alone, EVERYTHING)]
    nothing = {
        shop: _dollars(shop, an_hour, hours, lambda *_: None) for shop in (live, test, alone)
    }
    for shop, name in asked:
        added = _dollars(shop, an_hour, hours, WATCHED[name]) - nothing[shop]
        title = f"{name}{shop.title} adds, {an_hour} events an hour, a million"
        yield Result(title, added, "$", goal=promises.WATCHED_DOLLARS)


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


@dataclass(frozen=True)
class Shop:
    """Whose usage is watched: customers of a mode, so many of whose changes come in one batch."""

    livemode: bool
    title: str = ""
    together: int = TOGETHER


def _dollars(shop: Shop, an_hour: int, hours: int, watch: Watch) -> float:
    """What looking at a million lone events costs, customers having a month of usage.

    Usage is counted on its day, and days are added up: none is marked as having late usage.
    """
    mode = patch.object(objects, "context", partial(_context, livemode=shop.livemode))
    with running() as engine, redirect_stdout(StringIO()), mode:
        world, changes = _world(engine)
        meter, customers = (
            world.meter("tokens"),
            [world.customer(at=NOW) for _ in range(shop.together)],
        )
        record = partial(usage_record, livemode=shop.livemode)
        traffic = Traffic()
        with (
            patch.object(workers, "time", world.clock),
            patch.object(day_totals, "time", world.clock.time),
            patch.object(usage_commits, "time", world.clock.time),
        ):
            for day in batched(range(NOW - MONTH_HOURS * HOUR, NOW, HOUR), 24, strict=False):
                world.clock.now = day[-1]
                count_records([record(meter, one, at, 5_000) for one in customers for at in day])
            world.clock.now = NOW
            for customer in customers:
                bucket = BucketKey(shop.livemode, meter, customer, NOW // HOUR)
                day_totals.add_up(bucket, Measure(Formula.SUM), NOW)
            watch(world, meter, customers)
            for number in range(hours * an_hour):
                world.clock.now = NOW + number * HOUR // an_hour
                changes.clear()
                now, name = world.clock.now, str(number)
                count_records([record(meter, one, now, 5_000, name) for one in customers])
                with traffic.recorded():
                    watch_batch(changes)
    return _cost(traffic) / (hours * an_hour * shop.together) * 1e6


def _cost(traffic: Traffic) -> float:
    """What some work costs: its units, its log lines, and the time that its calls take in Lambda.

    Invocations cost the same whether anything watches or not.
    """
    units = traffic.read_units * prices.READ_UNIT + traffic.write_units * prices.WRITE_UNIT
    logged = traffic.logged_bytes / prices.GB * (prices.LOGGED_GB + prices.LOGS_GB_MONTH)
    waits, cpu = traffic.round_trips * CALL_SECONDS, len(traffic.calls) * _CALL_CPU_SECONDS
    return units + logged + lambda_dollars("WatchUsageFunction", waits, cpu, requests=0)


def _context(at: int = NOW, origin: Origin | None = None, *, livemode: bool) -> Context:
    return Context(BillingStore(livemode), at, at, origin=origin)


def _alert(world: World, meter: str, _customers: list[str]) -> None:
    _alerts(world, meter, 1)


def _own_alerts(world: World, meter: str, customers: list[str]) -> None:
    """An alert on each customer."""
    for customer in customers:
        _create(world, meter, filters=[{"type": "customer", "customer": customer}])


def _recurring_alert(world: World, meter: str, customers: list[str]) -> None:
    """An alert that recurs each year, with which customers are billed."""
    _subscribe(world, meter, customers)
    _create(world, meter, recurrence="billing_period")


def _threshold(world: World, meter: str, customers: list[str]) -> None:
    _subscribe(world, meter, customers, billing_thresholds={"amount_gte": 11_000_000})


def _alert_and_threshold(world: World, meter: str, customers: list[str]) -> None:
    _threshold(world, meter, customers)
    _alert(world, meter, customers)


def _spend_alert(world: World, meter: str, customers: list[str]) -> None:
    _subscribe(world, meter, customers)
    _spend_alerts(world, customers)


def _spend_alerts(world: World, customers: list[str]) -> None:
    amount = {"type": "amount", "amount": {"currency": "usd", "value": 11_000_000}}
    for customer in customers:
        terms = {"aggregation_period": "billing", "filters": {"customer": customer}, "gte": amount}
        params = {"alert_type": "spend_threshold", "title": "Much", "spend_threshold": terms}
        create_alert(world.context(), params)


def _everything(world: World, meter: str, customers: list[str]) -> None:
    """A threshold, and alerts on everybody's usage and on each customer's, once and recurring, and
    on what each spends.
    """
    _threshold(world, meter, customers)
    _alert(world, meter, customers)
    _create(world, meter, recurrence="billing_period")
    _own_alerts(world, meter, customers)
    _spend_alerts(world, customers)


def _twenty_alerts(world: World, meter: str, _customers: list[str]) -> None:
    """Ten that are triggered, and ten that are ahead."""
    for number in range(10):
        _create(world, meter, gte=1_000 + number)
        _create(world, meter, gte=11_000_000 + number)


def _four_thresholds(world: World, meter: str, customers: list[str]) -> None:
    """Each on a subscription of its own, of the same customers and meter."""
    for _ in range(4):
        _threshold(world, meter, customers)


EVERYTHING = "all of these"

WATCHED: dict[str, Watch] = {
    "an alert not triggered": _alert,
    "an alert on each customer": _own_alerts,
    "an alert that recurs": _recurring_alert,
    "an alert on spend": _spend_alert,
    "a billing threshold": _threshold,
    "an alert and a threshold": _alert_and_threshold,
    EVERYTHING: _everything,
    "twenty alerts, ten triggered": _twenty_alerts,
    "four subscriptions with thresholds": _four_thresholds,
}


def _subscribe(world: World, meter: str, customers: list[str], **terms: object) -> None:
    """Usage of 5,000 an hour costs 50 dollars; a hundred thousand dollars are far."""
    price, begin = world.price(unit_amount=1, meter=meter, interval="year"), NOW - 720 * HOUR
    for customer in customers:
        world.subscribe(customer, [price], at=begin, **terms)


def _alerts(world: World, meter: str, number: int) -> None:
    for _ in range(number):
        _create(world, meter)


def _create(world: World, meter: str, **terms: object) -> None:
    threshold = {"meter": meter, "gte": 11_000_000, "recurrence": "one_time", **terms}
    params = {"alert_type": "usage_threshold", "title": "Much", "usage_threshold": threshold}
    create_alert(world.context(), params)


def _world(engine: Engine) -> tuple[World, list[Record]]:
    """A world, and the records of counters that change in it."""
    changes: list[Record] = []
    assert engine.memory is not None
    engine.memory.on_change = _noting(engine, changes)
    return World(engine, FrozenTime(NOW), Wire()), changes


def _noting(
    engine: Engine, changes: list[Record]
) -> Callable[[Table, Item | None, Item | None], None]:
    def changed(table: Table, _before: Item | None, after: Item | None) -> None:
        if after and table.name == engine.tables["usage"] and after["sk"]["S"].startswith("h#"):
            keys = {name: after[name] for name in ("pk", "sk")}
            change = {"Keys": keys, "NewImage": after, "SequenceNumber": str(len(changes))}
            changes.append({"eventName": "MODIFY", "dynamodb": change})

    return changed
