"""A year of a thousand subscriptions on test clocks: the same bills through faults, and all usage.

Anchors, trials, changes and usage are drawn from a seed. Usage is reported up to 50 minutes after
it happened, that of all subscriptions of a clock together. Each clock's year is run twice: once
undisturbed, and once with processes that die at random calls, messages that come twice, and
messages that are late, so that other clocks go on meanwhile. Afterwards every metered line must say
what a ledger of the usage says that was kept beside, and the lines of an item must follow each
other without gap or overlap. A failing share comes again with ``make test-year ARGS="-k '[3]'"``.
"""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.test_clocks import advance_test_clock, create_test_clock
from meterline.store.base.documents import Body
from meterline.store.work import queues
from tests.factories.usage import use
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import DAY, NOW, World

SHARES = 10
SUBSCRIPTIONS = 1_000
CUSTOMERS = 3
"""Of a clock: as many as its limit allows, each with two subscriptions."""

YEAR = 366 * DAY
HOUR = 3_600
MINUTE = 60
MOST_LATE = 50 * MINUTE
"""Usage that is reported within the hour of an invoice's draft is billed by it."""

REPORTS = 24
"""How often in a year a clock's usage is reported."""

FOLLOWED = 0.3
DEATHS = 0.006
LATE = 0.1
UNIT_AMOUNT = 3
INTERVALS = ["month"] * 14 + ["week"] * 2 + ["quarter", "year"]


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens at an instant of a clock's time; it may lead to something later."""

    at: int
    do: Callable[[], "Act | None"]


@dataclass
class Clock:
    """One clock's year: its subscriptions, what happens to them, and what they used."""

    world: World
    chance: Random
    id: str = ""
    now: int = 0
    acts: list[Act] = field(default_factory=list)
    reports: list[int] = field(default_factory=list)
    """When usage is reported."""
    late: int = 0
    """How long after a period's end usage of just before it is reported."""
    used: dict[tuple[str, str], dict[str, tuple[int, int]]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def set_up(self, prices: dict[str, tuple[str, str]], meters: list[str]) -> None:
        """Customers with two subscriptions each, and what will happen in their year."""
        self.now = start = NOW - 500 * DAY + self.chance.randrange(30 * DAY)
        self.reports = [start + self.chance.randrange(HOUR, YEAR) for _ in range(REPORTS)]
        self.late = self.chance.randrange(MOST_LATE)
        self.id = create_test_clock(self.world.context(), {"frozen_time": start})["id"]
        for _ in range(CUSTOMERS):
            customer = self.world.customer(at=start, test_clock=self.id)
            for meter in meters:
                interval = self.chance.choice(INTERVALS)
                self._subscribe(customer, meter, prices[f"{interval} {meter}"], interval)
        self.acts.sort(key=lambda act: act.at)

    def _subscribe(self, customer: str, meter: str, prices: tuple[str, str], interval: str) -> None:
        params: Body = {}
        if self.chance.random() < 0.3:
            params["trial_period_days"] = self.chance.choice([3, 14, 30])
        elif interval == "month" and self.chance.random() < 0.4:
            day = self.chance.choice([1, 15, 29, 30, 31])
            params["billing_cycle_anchor_config"] = {"day_of_month": day}
        made = self.world.subscribe(customer, prices, at=self.now, **params)
        end = self.now + YEAR
        for _ in range(self.chance.randrange(8, 20)):
            self.acts.append(self._usage(customer, meter, self.chance.choice(self.reports), made))
        for _ in range(self.chance.choice([0, 0, 1, 1, 2, 3])):
            self._will_change(made, self.now + self.chance.randrange(HOUR, YEAR))
        if self.chance.random() < 0.1:
            at = self.now + self.chance.randrange(60 * DAY, YEAR)
            self._will(at, made, {"cancel_at_period_end": True})
        self.acts.append(Act(end, lambda: None))

    def _usage(self, customer: str, meter: str, reported: int, subscription: str) -> Act:
        """Usage of before its report; some is followed by more, of just before the period's end."""
        quantity, at = self.chance.randrange(1, 500), reported - self.chance.randrange(MOST_LATE)
        is_followed = self.chance.random() < FOLLOWED

        def use_late(ends_at: int) -> None:
            self._use(customer, meter, ends_at - 1 - self.late, quantity + 7)

        def use() -> Act | None:
            self._use(customer, meter, at, quantity)
            body = self.world.stored(subscription)
            ends_at = int(body["items"]["data"][0]["current_period_end"])
            is_over = body["status"] == "canceled" or ends_at + self.late > self.acts[-1].at
            if is_over or not is_followed:
                return None
            return Act(ends_at + self.late, lambda: use_late(ends_at))

        return Act(reported, use)

    def _use(self, customer: str, meter: str, at: int, quantity: int) -> None:
        name = f"{at} {quantity}"
        self.used[customer, meter][name] = (at, quantity)
        use(meter, customer, at=at, quantity=quantity, name=name)

    def _will_change(self, subscription: str, at: int) -> None:
        quantity = self.chance.randrange(1, 9)
        behavior = self.chance.choice(["create_prorations", "always_invoice", "none"])

        def change() -> None:
            body = self.world.stored(subscription)
            [licensed] = [item for item in body["items"]["data"] if "quantity" in item]
            items = [{"id": licensed["id"], "quantity": quantity}]
            self._update(subscription, {"items": items, "proration_behavior": behavior})

        self.acts.append(Act(at, change))

    def _will(self, at: int, subscription: str, params: Body) -> None:
        self.acts.append(Act(at, lambda: self._update(subscription, params)))

    def _update(self, subscription: str, params: Body) -> None:
        if self.world.stored(subscription)["status"] != "canceled":
            update_subscription(self.world.context(), subscription, params)

    def steps(self) -> Iterator[None]:
        """Let the year pass, an instant at a time; each step leaves the clock ready."""
        left = list(self.acts)
        while left:
            act = left.pop(0)
            while self.now < act.at:
                self.now = min(act.at, self.now + 14 * DAY)
                self._seed(len(left))
                advance_test_clock(self.world.context(), self.id, {"frozen_time": self.now})
                yield
            self._seed(len(left))
            if (later := act.do()) is not None:
                insort(left, later, key=lambda one: one.at)

    def run_messages(self) -> None:
        """Work on the clock's message until it is done."""
        self.world.until_done(self.world.deliver("advance_test_clocks", self.id))

    def _seed(self, number: int) -> None:
        """Ids that do not depend on what happened on other clocks meanwhile."""
        self.world.seed_ids(f"{self.id} {number} {self.now}")


def run(clocks: list[Clock], faults: Random | None) -> None:
    """Let the year pass on all clocks; with faults, messages are late and processes die."""
    running = [(clock, clock.steps()) for clock in clocks]
    while running:
        going = []
        for clock, steps in running:
            if faults is not None and faults.random() < LATE:
                going.append((clock, steps))  # its message is late: it stays as it is
                continue
            clock.run_messages()
            if faults is not None and faults.random() < LATE:
                clock.run_messages()  # its message came twice
            if next(steps, clock) is None:
                going.append((clock, steps))
        running = going


@dataclass
class Deaths:
    """Lets processes die at random calls, and counts them."""

    faults: Random
    number: int = 0

    def at(self, moment: Moment, _operation: str) -> None:
        if self.faults.random() < DEATHS:
            self.number += 1
            raise Died(moment)


def billed(world: World, invoices: list[Body]) -> dict[str, Any]:
    """All that customers were billed, and what their subscriptions are now."""
    names = (
        "amount_due",
        "billing_reason",
        "created",
        "customer",
        "ending_balance",
        "number",
        "period_end",
        "period_start",
        "status",
        "total",
    )
    lines = ("amount", "description", "id", "period", "quantity_decimal")
    return {
        "subscriptions": {
            subscription["id"]: subscription for subscription in world.bodies("subscription")
        },
        "invoices": {
            invoice["id"]: (
                {name: invoice[name] for name in names},
                [{name: line[name] for name in lines} for line in _lines(invoice)],
            )
            for invoice in invoices
        },
    }


def _lines(invoice: Any) -> list[Body]:
    """The lines of an invoice with their private state."""
    return [dict(line) for line in invoice_lines(invoice)]


def metered_lines(invoices: list[Body]) -> dict[tuple[str, str], list[Body]]:
    """The lines of metered prices, by customer and meter."""
    lines = defaultdict(list)
    for invoice in invoices:
        for line in _lines(invoice):
            if line["_"]["meter"]:
                lines[invoice["customer"], line["_"]["meter"]].append(line)
    return lines


def assert_usage_is_billed(lines: dict[tuple[str, str], list[Body]], clock: Clock) -> int:
    """Every metered line has its period's usage, periods tile; returns how much was billed."""
    total = 0
    for key, used in clock.used.items():
        periods = sorted(
            ((one["period"]["start"], one["period"]["end"]), one) for one in lines.get(key, [])
        )
        for ((_, end), _), ((start, _), _) in pairwise(periods):
            assert end == start, f"a gap or an overlap in what {key} is billed for"
        for (start, end), line in periods:
            usage = sum(quantity for at, quantity in used.values() if start <= at < end)
            assert int(line["quantity_decimal"]) == usage, (key, start, end)
            assert line["amount"] == usage * UNIT_AMOUNT
            total += usage
    return total


@pytest.mark.year
@pytest.mark.parametrize("share", range(SHARES))
def test_a_year_with_faults_is_billed_as_one_without(
    memory_world: World,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    share: int,
) -> None:
    world = memory_world
    monkeypatch.setattr(queues, "_send", lambda _url, batch: len(batch))
    meters = [world.meter("tokens"), world.meter("requests")]
    prices = {
        f"{interval} {meter}": (
            world.price(unit_amount=1_500, **recurring(interval)),
            world.price(unit_amount=UNIT_AMOUNT, meter=meter, **recurring(interval)),
        )
        for meter in meters
        for interval in set(INTERVALS)
    }
    chance = Random(share)
    clocks = [Clock(world, Random(chance.random())) for _ in range(clocks_of(share))]
    for number, clock in enumerate(clocks):
        world.seed_ids(f"{share} {number}")
        clock.set_up(prices, meters)
    beginning = world.state()
    began = [clock.now for clock in clocks]
    run(clocks, None)
    invoices = world.bodies("invoice")
    undisturbed = billed(world, invoices)
    lines = metered_lines(invoices)
    total = sum(assert_usage_is_billed(lines, clock) for clock in clocks)

    world.restore(beginning)
    for clock, at in zip(clocks, began, strict=True):
        clock.now = at
    faults = Random(share + 1_000)
    deaths = Deaths(faults)
    world.wire.at = deaths.at
    run(clocks, faults)
    assert billed(world, world.bodies("invoice")) == undisturbed
    assert deaths.number > len(clocks), "processes died"
    figures = {"invoices": len(invoices), "usage": total, "deaths": deaths.number}
    for name, number in figures.items():
        record_property(name, number)
    print(f"\nshare {share}: {6 * len(clocks)} subscriptions, {figures}")


def recurring(interval: str) -> dict[str, Any]:
    """The interval of a price."""
    return (
        {"interval": "month", "interval_count": 3}
        if interval == "quarter"
        else {"interval": interval}
    )


def clocks_of(share: int) -> int:
    """How many clocks a share has; all together have the thousand subscriptions."""
    on_a_clock = 2 * CUSTOMERS
    clocks = -(-SUBSCRIPTIONS // on_a_clock)
    return clocks // SHARES + (share < clocks % SHARES)
