"""A schedule bills what the same changes bill that are made by hand at the same instants."""

from random import Random
from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import months, phase, schedule
from tests.integration.stories.stage import Stage, at, lines_of

SEEDS = range(3)
BEHAVIORS = ("always_invoice", "create_prorations", "none")
FIRST_HOURS, LAST_HOURS = 30, 900
"""Within the first renewal and well past the second."""

type Row = tuple[int, int, list[Any]]


class Plan:
    """Three phases of a few prices, drawn from a seed: the same for both customers."""

    def __init__(self, seed: int) -> None:
        chance = Random(seed)
        self.mode = chance.choice(["classic", "flexible"])
        hours = sorted(chance.sample(range(FIRST_HOURS, LAST_HOURS), 2))
        start = at("2024-01-01")
        self.changes = [start + hour * 3_600 + chance.randrange(3_600) for hour in hours]
        self.behaviors = [chance.choice(BEHAVIORS) for _ in range(3)]
        self.choices = [
            (chance.randrange(2), chance.randint(1, 4), chance.random() < 0.7) for _ in range(3)
        ]
        self.usage = [(chance.randint(1, 50), hour) for hour in (10, hours[0] + 2, hours[1] + 2)]

    def items(self, stage: "Sold", index: int) -> list[dict[str, Any]]:
        which, quantity, meters = self.choices[index]
        items: list[dict[str, Any]] = [{"price": stage.plans[which], "quantity": quantity}]
        return items + ([{"price": stage.metered_price}] if meters else [])


class Sold(Stage):
    """A stage with what the plans sell."""

    plans: list[str]
    metered_price: str

    def sell(self) -> "Sold":
        product = str(self.client.v1.products.create({"name": "Plan"}).id)
        self.plans = [self.price("", amount, product=product) for amount in (3100, 7000)]
        self.metered_price = self.metered("Calls", self.meter(), 3)
        return self

    def to(self, instant: int) -> None:
        """Let time pass up to a second."""
        clocks = self.client.v1.test_helpers.test_clocks
        while self.now < instant:
            self.now = min(instant, self.now + 28 * 86_400)
            clocks.advance(self.clock, {"frozen_time": self.now})
            self.work_on_clock()

    def used(self, plan: Plan, by: int) -> None:
        """The usage of the plan that happens by a second, sent at its own."""
        for value, hour in list(plan.usage):
            instant = at("2024-01-01") + hour * 3_600
            if instant <= by:
                plan.usage.remove((value, hour))
                self.to(instant)
                self.use(value)

    def rows(self) -> list[Row]:
        return [(one.created, one.total, sorted(lines_of(one))) for one in self.invoices()]


def scheduled(stage: Sold, plan: Plan) -> list[Row]:
    ends: list[dict[str, Any]] = [{"end_date": end} for end in plan.changes] + [months(3)]
    phases = [
        {"items": plan.items(stage, index), "proration_behavior": behavior, **ends[index]}
        for index, behavior in enumerate(plan.behaviors)
    ]
    schedule(stage, *phases, billing_mode={"type": plan.mode})
    stage.used(plan, at("2024-03-15"))
    stage.to(at("2024-03-15"))
    return stage.rows()


def by_hand(stage: Sold, plan: Plan) -> list[Row]:
    mode = {"type": plan.mode}
    made = stage.subscribe(items=plan.items(stage, 0), billing_mode=mode)
    for index, instant in enumerate(plan.changes, start=1):
        stage.used(plan, instant)
        stage.to(instant)
        stage.change(
            made, items=_changes(stage, made, plan, index), proration_behavior=plan.behaviors[index]
        )
    stage.used(plan, at("2024-03-15"))
    stage.to(at("2024-03-15"))
    return stage.rows()


def _changes(stage: Sold, made: Any, plan: Plan, index: int) -> list[dict[str, Any]]:
    """What a person sends: the plan's item changed, the metered one added or deleted."""
    listed = stage.client.v1.subscription_items.list({"subscription": made.id}).data
    there = {one.price.id: one.id for one in listed}
    wanted = plan.items(stage, index)
    plan_item = next(there[price] for price in stage.plans if price in there)
    changes = [{**wanted[0], "id": plan_item}]
    metered = there.get(stage.metered_price)
    if len(wanted) > 1 and metered is None:
        changes.append(wanted[1])
    if len(wanted) == 1 and metered is not None:
        changes.append({"id": metered, "deleted": True})
    return changes


def stage_of(api: Api) -> Sold:
    return Sold(api, "2024-01-01").sell()


@pytest.mark.parametrize("seed", SEEDS)
def test_phases_bill_what_the_same_changes_bill_by_hand(api: Api, seed: int) -> None:
    assert scheduled(stage_of(api), Plan(seed)) == by_hand(stage_of(api), Plan(seed))


def year_of_a_ramp(stage: Stage) -> list[Any]:
    """A contract that ramps up each quarter, with seats that grow by hand in between."""
    prices = [stage.price("Plan", amount) for amount in (1000, 2000, 3000, 4000)]
    usage = stage.metered("Calls", stage.meter(), 2)
    made = schedule(
        stage, *[phase(price, usage, **months(3)) for price in prices], end_behavior="cancel"
    )
    for month in range(1, 13):
        stage.until(f"2024-{month:02}-10")
        stage.use(month)
    [item] = [
        one
        for one in stage.client.v1.subscription_items.list({"subscription": made.subscription})
        if "quantity" in one
    ]
    assert item.quantity == 1
    stage.until("2025-02-01")
    assert stage.client.v1.subscription_schedules.retrieve(made.id).status == "completed"
    return stage.totals()


RAMP = [
    ("2024-01-01", 1000),
    ("2024-02-01", 1000 + 2),
    ("2024-03-01", 1000 + 4),
    ("2024-04-01", 2000 + 6),
    ("2024-05-01", 2000 + 8),
    ("2024-06-01", 2000 + 10),
    ("2024-07-01", 3000 + 12),
    ("2024-08-01", 3000 + 14),
    ("2024-09-01", 3000 + 16),
    ("2024-10-01", 4000 + 18),
    ("2024-11-01", 4000 + 20),
    ("2024-12-01", 4000 + 22),
    ("2025-01-01", 24),
]
"""A year of a ramped contract as its ledger: fees ahead, usage behind, nothing after its end."""


def test_a_year_of_a_ramped_contract_is_its_ledger(api: Api) -> None:
    assert year_of_a_ramp(Stage(api, "2024-01-01")) == RAMP
