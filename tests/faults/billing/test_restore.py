"""The drill: tables restored to different moments become a deployment that bills everything once.

Point-in-time recovery restores each table by itself, into a new one whose stream is empty. Usage
and Billing are restored to moments no later than MeterEvents, Access to the latest there is. Then
counters are repaired, streams are replayed, and clients send again what may have been lost.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from meterline.services.metering.count import count_records
from meterline.store.base.settings import settings
from meterline_cli import reconcile, replay
from tests.engines import TABLES, create_table
from tests.faults.billing.world import DAY, NOW, World, forget
from tests.handlers import load_handler
from tests.integration.metering.worlds import FakeDirectory, event, send, sender, stored_records
from tests.lambda_context import LambdaContext

STEPS = 24
STEP_SECONDS = 20
BEGINNING = NOW - STEPS * STEP_SECONDS // 2
"""The steps lead through a renewal at ``NOW``, and through the end of another's grace before it."""

AFTERWARDS = (3_700, 7_300, DAY - 3_500, DAY + 100, DAY + 3_800, DAY + 7_400)
LOST_SINCE = NOW - 7_200

type Items = list[dict[str, Any]]
type Moments = dict[str, int]
"""After which step each table is what it is restored to."""


@dataclass
class Business:
    """Two customers who use and pay, and all usage that was ever sent.

    ``forgotten`` are the events that the stream does not bring, since it is younger than they are.
    """

    world: World
    random: Random
    meter: str = ""
    customers: list[str] = field(default_factory=list)
    subscriptions: list[str] = field(default_factory=list)
    sent: list[tuple[str, str, int, int]] = field(default_factory=list)
    forgotten: frozenset[str] = frozenset()

    def open(self) -> None:
        """Two subscriptions by the day: one renews at ``NOW``, one ends its grace before."""
        self.meter = self.world.meter("tokens")
        price = self.world.price(unit_amount=1, meter=self.meter, interval="day")
        for began in (NOW - DAY, NOW - DAY - 3_660):
            customer = self.world.customer(at=began)
            self.customers.append(customer)
            self.subscriptions.append(self.world.subscribe(customer, [price], at=began))
        for now in (NOW - DAY + 60, NOW - 3_660):
            self.world.clock.now = now
            self.use()
            self.count()
            self.work()

    def use(self) -> None:
        """Usage of both customers, accepted now."""
        for customer in self.customers:
            name, value = f"e{len(self.sent)}", self.random.randrange(1, 1_000)
            self.sent.append((name, customer, value, self.world.clock.now))
        self._send(self.sent[-len(self.customers) :])

    def send_again(self) -> None:
        """All usage once more, as clients do that do not know what has arrived."""
        self._send(self.sent)

    def count(self) -> None:
        """All that the stream of events has brought is counted."""
        records = [
            record
            for record in stored_records(self.world.engine)
            if record["dynamodb"]["NewImage"]["identifier"]["S"] not in self.forgotten
        ]
        assert count_records(records) == []

    def work(self) -> None:
        """All that is due is done."""
        self.world.until_done(self.world.deliver("roll_billing_cycles", *self.subscriptions))
        if invoices := [invoice["id"] for invoice in self.world.bodies("invoice")]:
            self.world.until_done(self.world.deliver("produce_invoices", *invoices))

    def used(self) -> Counter[str]:
        """What each customer has used."""
        used: Counter[str] = Counter()
        for _, customer, value, _ in self.sent:
            used[customer] += value
        return used

    def billed(self) -> Counter[str]:
        """What the final invoices of each customer add up to: a unit costs a cent."""
        billed: Counter[str] = Counter()
        for invoice in self.world.bodies("invoice"):
            if invoice["status"] != "draft":
                billed[invoice["customer"]] += invoice["total"]
        return billed

    def _send(self, usage: list[tuple[str, str, int, int]]) -> None:
        now = self.world.clock.now
        bodies = [self.world.stored(self.meter)]
        directory = FakeDirectory(bodies, dict.fromkeys(self.customers))
        for start in range(0, len(usage), 100):
            events = [
                event(name, value, at=at, customer=customer)
                for name, customer, value, at in usage[start : start + 100]
            ]
            send(*events, by=sender(f"{now} {start}", at=now, directory=directory))


def live(business: Business, moments: Moments) -> dict[str, Items]:
    """Let usage, counting and billing take their turns; what each table was at its moment."""
    copies: dict[str, Items] = {}
    for step in range(STEPS + 1):
        business.world.clock.now = BEGINNING + step * STEP_SECONDS
        business.random.choice((business.use, business.use, business.count, business.work))()
        engine = business.world.engine
        copies |= {name: engine.scan(name) for name, moment in moments.items() if moment == step}
    return copies


def restore(
    business: Business, copies: dict[str, Items], monkeypatch: pytest.MonkeyPatch
) -> Business:
    """The same business on new tables that hold these items, in another process."""
    engine = business.world.engine
    tables = {name: create_table(engine.client, name) for name in TABLES}
    for name, items in copies.items():
        for item in items:
            engine.client.put_item(TableName=tables[name], Item=item)
        monkeypatch.setenv(f"METERLINE_{name.upper()}_TABLE", tables[name])
    settings.cache_clear()
    forget()
    restored = replace(engine, tables=tables)
    forgotten = frozenset(item["identifier"]["S"] for item in copies["meter_events"])
    world = replace(business.world, engine=restored)
    return replace(business, world=world, forgotten=forgotten)


def go_on(business: Business) -> None:
    """What the page about restoring says; then days go by."""
    assert reconcile.run(["--repair", "--settling", "0"]) == 0
    assert replay.run(["--since", str(LOST_SINCE)], call, find=lambda _, name: name) == 0
    business.send_again()
    for seconds in AFTERWARDS:
        business.world.clock.now = NOW + seconds
        business.count()
        business.work()


def call(function: str, message: Any) -> Any:
    """A function of the template, in this process."""
    folder = {
        "CountUsageFunction": "count_usage",
        "WatchUsageFunction": "watch_usage",
        "PublishEventsFunction": "publish_events",
    }[function]
    return load_handler(folder)(message, LambdaContext())


def random_moments(random: Random) -> Moments:
    """Usage and Billing at moments of their own, MeterEvents no earlier, Access the latest."""
    usage, billing = random.randrange(STEPS), random.randrange(STEPS)
    last = random.randrange(max(usage, billing), STEPS)
    return {"usage": usage, "billing": billing, "meter_events": last, "access": STEPS}


def disaster(seed: int, world: World, monkeypatch: pytest.MonkeyPatch) -> Business:
    """A business that has been restored and has gone on; what it keeps of Billing is kept."""
    random = Random(seed)
    business = Business(world, random)
    business.open()
    copies = live(business, random_moments(random))
    restored = restore(business, copies, monkeypatch)
    before = {invoice["id"] for invoice in restored.world.bodies("invoice")}
    go_on(restored)
    assert before <= {invoice["id"] for invoice in restored.world.bodies("invoice")}
    return restored


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "restore_seed" in metafunc.fixturenames:
        seeds = range(metafunc.config.getoption("--restore-seeds"))
        metafunc.parametrize("restore_seed", seeds)


def test_a_restored_deployment_bills_all_usage_once_on_one_invoice_for_each_period(
    restore_seed: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    restored = disaster(restore_seed, world, monkeypatch)
    assert restored.billed() == restored.used()
    invoices = restored.world.bodies("invoice")
    periods = Counter((invoice["customer"], invoice["period_start"]) for invoice in invoices)
    assert set(periods.values()) == {1}
    numbers = [invoice["number"] for invoice in invoices if invoice["number"]]
    assert len(numbers) == len(set(numbers)) >= 4
