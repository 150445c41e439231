"""Usage at random under alerts that recur: periods pass, begin anew and are late to be renewed,
while processes that watch die, repeat themselves and cut in on each other.

Whatever happens, a period whose usage is at the threshold of an active alert has one event, no
other has any, and one that fell below it again has one more. A failing seed comes again with
``make test-runs ARGS=--run-seed=SEED``.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import pytest

from meterline.services.base import ids
from meterline.services.billing import metered_periods
from meterline.services.billing.item_terms import usage_period
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.metering import crossings
from meterline.services.metering.usage_stream import UsageChange
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.due_work import do_due_work
from tests.faults.billing.seeds import SHARES, live_alone, live_each
from tests.faults.billing.watched_life import HOUR, VERBS, Life
from tests.faults.billing.world import NOW, World
from tests.faults.mistakes.mistake import Mistake, by_name

DAY = 86_400
DAYS_IN_PERIOD = 2
NEVER = 10**9

type Mark = tuple[str, str, int]
"""What was told: the action, the alert, and the start of the period."""


@dataclass
class RecurringLife(Life):
    """A life whose customer is subscribed to the usage, in periods of two days."""

    subscription: str = ""
    periods: dict[int, int] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    most: dict[int, int] = field(default_factory=dict)
    ticks: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    active_since: dict[str, int] = field(default_factory=dict)
    changed_at: dict[int, int] = field(default_factory=dict)
    cut: set[int] = field(default_factory=set)
    fell_at: dict[int, int] = field(default_factory=dict)

    def hear(self, events: list[Mapping[str, Any]]) -> None:
        """Note what is told."""
        for event in events:
            if event["type"].startswith("billing.alert."):
                told = event["data"]["object"]
                action = event["type"].rpartition(".")[2]
                starts_at = told["aggregation_period"]["starts_at"]
                self.marks.append((action, told["alert"]["id"], starts_at))

    def other(self) -> None:
        """Something that happens less often."""
        acts = [self.cancel, self.cancel, self.alert, self.move, self.wait, self.wait, self.begin]
        self.chance.choice(acts)()

    def wait(self) -> None:
        """Let time pass; what falls due is mostly done."""
        self.world.clock.now += self.chance.choice((60, HOUR, 20 * HOUR))
        if self.chance.random() < 0.8:
            self.renew()

    def renew(self) -> None:
        """Do what is due for the subscription."""
        with self._apart():
            do_due_work(self.world.context(), self.subscription)
        self.note_periods()

    def begin(self) -> None:
        """Begin a period now."""
        behavior = self.chance.choice(("none", "create_prorations"))
        params = {"billing_cycle_anchor": "now", "proration_behavior": behavior}
        if self.chance.random() < 0.4:
            self.renew()
            self._ask(lambda: update_subscription(self.world.context(), self.subscription, params))
            self.note_periods()

    def note_periods(self) -> None:
        """Note the running period, and those that went by since the latest one; one that it begins
        within is over with its start, and has less usage for that alone.
        """
        [item] = items_of(self.look_up(self.subscription))
        running = usage_period(item)
        over = max(self.periods.values(), default=running.start)
        for start in range(over, running.start, DAYS_IN_PERIOD * DAY):
            self.periods[start] = start + DAYS_IN_PERIOD * DAY
        self.periods[running.start] = running.end
        for start, end in self.periods.items():
            if start < running.start < end:
                self.periods[start] = running.start
                self.cut.add(start)
        self.note_usage()

    def look_up(self, object_id: str) -> Any:
        """An object as it is, for the notes of this life: no process that dies asks."""
        with self._apart():
            return self.world.stored(object_id)

    def note_usage(self) -> None:
        """Note how much each period has been seen to have."""
        for start in self.periods:
            self.most[start] = max(self.most.get(start, 0), self.used_in(start))

    def used_in(self, start: int) -> int:
        """The usage of a period, of the events that count."""
        counted = (use for name, use in self.used.items() if name not in self.cancelled)
        return sum(quantity for at, quantity in counted if start <= at < self.periods[start])

    def make_alert(self, gte: int) -> None:
        """Make an alert on what the running period has so far, and more."""
        running = max(self.periods)
        before = set(self.alerts)
        super().make_alert(max(1, gte - self.total + self.used_in(running)))
        for alert in self.alerts.keys() - before:
            self.active_since[alert] = next(self.ticks)

    def threshold(self, gte: int) -> dict[str, Any]:
        """What an alert is made on."""
        return {"meter": self.meter, "gte": gte, "recurrence": "billing_period"}

    def move(self) -> None:
        """Put an alert out of action, or into action again."""
        if self.alerts:
            verb, alert = self.chance.choice(VERBS), self.chance.choice(sorted(self.alerts))
            self._ask(lambda: verb(self.world.context(), alert, {}))
            was_active = self.active_since[alert] < NEVER
            is_active = self.look_up(alert)["status"] == "active"
            if was_active != is_active:
                self.active_since[alert] = next(self.ticks) if is_active else NEVER

    def calm(self) -> None:
        """Do what is due, deliver all that waits and one more event; then look if all is right."""
        self.depth = 2
        self.renew()
        self.count(self.world.clock.now, 1)
        self.deliver_all()
        assert len(self.marks) == len(set(self.marks)), "told once"
        for action, alert, start in self.marks:
            assert self.most[start] >= self.alerts[alert], "told too early"
            if action == "recovered":
                assert ("triggered", alert, start) in self.marks, "there was nothing to recover"
        for start, alert in itertools.product(self.periods, self.alerts):
            self.look(start, alert)

    def look(self, start: int, alert: str) -> None:
        """Whether what had to be told of a period was."""
        used, gte, since = self.used_in(start), self.alerts[alert], self.active_since[alert]
        if used >= gte and since < self.changed_at.get(start, 0):
            missed = f"{alert} at {gte} of {used} since {start - NOW} is missed"
            assert ("triggered", alert, start) in self.marks, missed
        was_told = ("triggered", alert, start) in self.marks and start not in self.cut
        if was_told and used < gte and since < self.fell_at.get(start, 0):
            assert ("recovered", alert, start) in self.marks, f"{alert} is not said to be below"

    def _count(self, name: str) -> None:
        at, _ = self.used[name]
        for start, end in self.periods.items():
            if start <= at < end:
                tick = next(self.ticks)
                self.changed_at[start] = tick
                if name in self.cancelled:
                    self.fell_at[start] = tick
        super()._count(name)
        self.note_usage()


def live(world: World, seed: int) -> RecurringLife:
    """The life that a seed tells, and whether all was right in the end."""
    meter, customer = world.meter("tokens"), world.customer(at=NOW)
    price = world.price(unit_amount=1, meter=meter, interval="day", interval_count=DAYS_IN_PERIOD)
    life = RecurringLife(world, Random(seed), meter, customer)
    life.subscription = world.subscribe(customer, [price], at=NOW)
    life.note_periods()
    assert world.engine.memory is not None
    world.engine.memory.on_change = life.changed
    life.live()
    return life


@pytest.mark.parametrize("share", range(SHARES))
def test_each_crossing_is_told_once_in_a_period_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World, share: int
) -> None:
    live_each(request, memory_world, live, share)


def late_usage_of_periods_that_are_over_is_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metered_periods, "_over", lambda *_: ())


def a_crossing_for_life(patch: pytest.MonkeyPatch) -> None:
    derived = ids.derived_object_id

    def without_period(kind: str, *parts: str | int) -> str:
        named = [part for part in parts if not isinstance(part, int)]
        return derived(kind, *named)

    patch.setattr(crossings, "derived_object_id", without_period)


def a_crossing_that_is_told_by_whoever_sees_it(patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()
    patch.setattr(crossings, "derived_object_id", lambda *_: f"alrttr_{next(numbers)}")


def usage_that_falls_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UsageChange, "may_have_fallen", lambda *_: False)


MISTAKES = [
    Mistake(late_usage_of_periods_that_are_over_is_not_looked_for, "is missed", first=15),
    Mistake(a_crossing_for_life, "told too early|is missed"),
    Mistake(a_crossing_that_is_told_by_whoever_sees_it, "told once"),
    Mistake(usage_that_falls_is_not_looked_at, "is not said to be below", first=40),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_random_usage_notices(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(live_alone, memory_world, live), 200)
