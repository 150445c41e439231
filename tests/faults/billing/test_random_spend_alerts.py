"""Usage at random under alerts on spend, watched by processes that die and cut in on each other.

It is the life of a customer with billing thresholds (``test_random_thresholds``), who has alerts on
what the running period comes to: for it alone, for its subscription, or for everybody. Whatever
happens, an alert that is active while the amount is at its threshold has one event, and no other
has any. A failing seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from meterline.services.metering import crossings
from meterline.services.metering.alert_types import SpendThreshold
from meterline.services.metering.alerts import create_alert
from meterline.services.metering.usage_stream import UsageChange
from meterline.services.subscriptions import spend_alerts
from meterline.services.subscriptions.threshold_rooms import holds
from meterline.services.subscriptions.threshold_terms import amount_due
from meterline.services.subscriptions.usage_so_far import usage_of_periods
from meterline.services.work import amount_watch
from tests.faults.billing.billed_life import VOLUME, Billed, begun, subscribed
from tests.faults.billing.seeds import SHARES, live_alone, live_each
from tests.faults.billing.test_random_thresholds import decisions_that_leave_what_is_remembered
from tests.faults.billing.watched_life import VERBS
from tests.faults.billing.world import NOW, World
from tests.faults.mistakes.mistake import Mistake, by_name


@dataclass
class Spending(Billed):
    """One customer's spend, and the alerts on it."""

    recovered: list[str] = field(default_factory=list)
    most: int = 0
    has_peaks: bool = False
    steps: int = 40

    def hear(self, events: list[Mapping[str, Any]]) -> None:
        """Note what is told of the customer."""
        for event in events:
            told = event["data"]["object"]
            if event["type"].startswith("billing.alert.") and told["customer"] == self.customer:
                is_recovery = event["type"].endswith("recovered")
                (self.recovered if is_recovery else self.told).append(told["alert"]["id"])

    def price(self, meter: str) -> str:
        """A price of usage."""
        price = super().price(meter)
        with self._apart():
            stored = self.world.stored(price)
        self.has_peaks = self.has_peaks or stored["tiers_mode"] == VOLUME["tiers_mode"]
        return price

    def other(self) -> None:
        """Something that happens less often, and may make it less."""
        acts = [self.alert, self.alert, self.move, self.cancel]
        self.chance.choice([*acts, super().other])()

    def cancel(self) -> None:
        """Take an event out again."""
        self.note()
        super().cancel()

    def alert(self) -> None:
        """Make an alert on an amount that is reached soon, late or already."""
        ahead = self.chance.choice((-50, 20, 100, 300, 2_000))
        self.make_alert(max(1, self.amount() + ahead // self.scale))

    def make_alert(self, gte: int) -> None:
        """Make an alert for this customer, for its subscription, or for everybody."""
        scope = {"customer": self.customer, "pricing_plan_subscription": self.subscription}
        only = self.chance.choice(("customer", "pricing_plan_subscription", None))
        terms: dict[str, Any] = {
            "aggregation_period": "billing",
            "gte": {"type": "amount", "amount": {"currency": "usd", "value": gte}},
        }
        if only:
            terms["filters"] = {only: scope[only]}
        params = {"alert_type": "spend_threshold", "title": "Much", "spend_threshold": terms}

        def create() -> None:
            self.alerts[create_alert(self.world.context(), params)["id"]] = gte

        self._ask(create)

    def move(self) -> None:
        """Put an alert out of action, or into action again."""
        if self.alerts:
            verb, alert = self.chance.choice(VERBS), self.chance.choice(sorted(self.alerts))
            self._ask(lambda: verb(self.world.context(), alert, {}))

    def amount(self) -> int:
        """What the running period has come to."""
        with self._apart():
            context = self.world.context()
            customer = context.store.get(self.customer)
            assert customer is not None
            spend = spend_alerts._spend_of(context, customer, self.subscription)  # noqa: SLF001 - what is compared
            assert spend is not None
            usage = [
                spend_alerts._unbilled(used)  # noqa: SLF001 - see above
                for used in usage_of_periods(context, spend.subscription)
            ]
            return amount_due(spend_alerts._draft(spend.uow, spend.subscription, usage))  # noqa: SLF001 - see above

    def note(self) -> None:
        """Note how much it has been at most: usage alone makes it more, but at peaks."""
        self.most = max(self.most, self.amount())

    def _ask(self, request: Callable[[], object]) -> None:
        """Ask for what may make it less, noted right before: usage may have been told on the way
        to the request, while a price was made for it.
        """
        self.note()
        super()._ask(request)
        self.note()

    def _count(self, name: str) -> None:
        super()._count(name)
        if self.has_peaks:
            self.note()

    def calm(self) -> None:
        """Deliver all that waits, and one more event of each meter; then all is told."""
        super().calm()
        self.look()

    def look(self) -> None:
        """Whether what had to be told was told, and nothing else."""
        amount = self.amount()
        self.most = max(self.most, amount)
        told = [alert for alert in self.told if alert in self.alerts]
        assert len(told) == len(set(told)), "told once"
        assert set(self.recovered) & self.alerts.keys() <= set(told), "nothing to recover"
        for alert, gte in self.alerts.items():
            with self._apart():
                is_active = self.world.stored(alert)["status"] == "active"
            if is_active and amount >= gte:
                assert alert in told, f"{alert} at {gte} of {amount} is missed"
            if alert in told:
                assert self.most >= gte, "told too early"
            if is_active and alert in told and amount < gte and not self.has_peaks:
                assert alert in self.recovered, f"{alert} is not said to be below"


def live(world: World, seed: int) -> None:
    """The life that a seed tells, and whether all was right in the end."""
    begun(world, seed, Spending).live()


DRIPS = 40


def drip(world: World, seed: int) -> None:
    """Little usage, each time watched at once, and now and then another change of what is spent."""
    life = begun(world, seed, Spending, 10)
    for _ in range(DRIPS):
        if life.chance.random() < 0.2:
            life.other()
        world.clock.now += life.chance.choice((60, 1_200))
        life.count(world.clock.now, life.chance.choice((1, 1, 1, 2, 3, 12)))
        assert life._watch(life.waiting, lambda *_: None)  # noqa: SLF001 - at once
        life.waiting = []
        life.look()
    life.calm()


@pytest.mark.parametrize("share", range(SHARES))
def test_each_amount_is_told_once_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World, share: int
) -> None:
    live_each(request, memory_world, live, share)


@pytest.mark.parametrize("seed", range(2))
def test_an_amount_is_told_with_the_usage_that_reaches_it(memory_world: World, seed: int) -> None:
    drip(memory_world, seed)


def alerts_that_leave_the_customer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SpendThreshold, "written_beside", lambda *_: [])


def alerts_for_everybody_that_change_unnoticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(amount_watch, "holds", lambda known, _, *rest: holds(known, known.basis, *rest))


def an_amount_that_is_told_by_whoever_sees_it(patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()
    patch.setattr(crossings, "derived_object_id", lambda *_: f"alrttr_{next(numbers)}")


MISTAKES = [
    Mistake(decisions_that_leave_what_is_remembered, "is missed"),
    Mistake(alerts_that_leave_the_customer, "is missed"),
    Mistake(alerts_for_everybody_that_change_unnoticed, "is missed"),
    Mistake(an_amount_that_is_told_by_whoever_sees_it, "told once"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_random_usage_notices(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(live_alone, memory_world, drip), 20)


def falls(world: World) -> None:
    """An amount that is told, and falls again, while another alert is far ahead."""
    life = subscribed(world, Spending, 1_000_000, unit_amount=10)
    for gte in (300, 100_000):
        life.make_alert(gte)
    life.count(NOW, 40, life.meter)
    life.watch_all(lambda *_: None)
    life.count(NOW, 1, life.meter)
    life.watch_all(lambda *_: None)
    life.note()
    life.cancelled.add(sorted(life.used)[-2])
    life._count(sorted(life.used)[-2])  # noqa: SLF001 - as cancelling does
    life.watch_all(lambda *_: None)
    life.look()


def usage_that_falls_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UsageChange, "may_have_fallen", lambda *_: False)


def test_an_amount_that_falls_is_told_though_the_next_alert_is_far_ahead(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    falls(memory_world)
    mistake = Mistake(usage_that_falls_is_not_looked_at, "is not said to be below")
    mistake.must_be_noticed(monkeypatch, lambda _: falls(memory_world), 1)


def test_an_amount_that_is_reached_while_a_new_price_is_made_is_not_told_too_early(
    memory_world: World,
) -> None:
    life = subscribed(memory_world, Spending, 1_000_000, unit_amount=10)
    life.make_alert(300)
    [alert] = life.alerts

    def use(*_: object) -> None:
        if not life.told:
            life.count(NOW, 40, life.meter)
            life.watch_all(lambda *_: None)

    memory_world.wire.at, memory_world.wire.watching = use, True
    life.reprice()
    memory_world.wire.watching = False
    assert life.told == [alert]
    assert life.amount() < 300
    life.calm()
