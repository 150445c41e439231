"""Forecasts, live balances and previews see the phases that come before a period ends."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import months, phase, schedule
from tests.integration.stories.stage import Stage, at
from tests.integration.stories.test_billing_credits import grant

CHANGE = "2024-01-17"
"""After 16 of 31 days."""

BEHAVIORS: list[dict[str, Any]] = [
    {},
    {"proration_behavior": "always_invoice"},
    {"proration_behavior": "none"},
    {"billing_cycle_anchor": "phase_start"},
]


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def ask(stage: Stage, path: str, **query: Any) -> dict[str, Any]:
    reply = stage.api.ask("GET", f"{path}?{urlencode(query)}")
    assert reply.status == 200, reply.body
    return dict(reply.body)


def forecast(stage: Stage, made: Any, **query: Any) -> dict[str, Any]:
    path = "/v1/meterline/analytics/forecast"
    return ask(stage, path, subscription=made.subscription, **query)


def live(stage: Stage) -> int:
    [balance] = ask(stage, "/v1/meterline/credit_balance", customer=stage.customer)["balances"]
    return int(balance["live"])


@pytest.mark.parametrize("change", BEHAVIORS)
def test_a_forecast_comes_true_with_the_phases_of_the_period(
    stage: Stage, change: dict[str, Any]
) -> None:
    """Ten calls a day, which cost more from the change on, of a customer with some credit."""
    product = stage.client.v1.products.create({"name": "Calls"}).id
    meter = stage.meter()
    prices = [stage.metered("", meter, amount, product=product) for amount in (2, 5)]
    plans = [stage.price("Plan", amount) for amount in (3100, 6200)]
    grant(stage, 90)
    made = schedule(
        stage,
        phase(plans[0], prices[0], end_date=at(CHANGE)),
        phase(plans[1], prices[1], **months(2), **change),
    )
    before = len(stage.invoices())
    stage.use(60, "2024-01-01")
    stage.until("2024-01-07")
    told = forecast(stage, made)
    stage.until(f"{CHANGE} 00:30")
    stage.use(100, "2024-01-10")
    stage.until("2024-02-01 00:30")
    stage.use(150, "2024-01-20")
    stage.until("2024-02-01 02:00")
    later = stage.invoices()[before:]
    billed = later[:1] if "billing_cycle_anchor" in change else later
    names = ("amount_due", "subtotal", "total")
    assert told["expected"] == {name: sum(one[name] for one in billed) for name in names}
    assert told["period"]["end"] == billed[-1].created


@pytest.mark.parametrize(("formula", "expected"), [("weighted_sum", 30 * 15 * 86_400), ("max", 0)])
def test_what_a_phase_is_to_sell_is_nothing_so_far(
    stage: Stage, formula: str, expected: int
) -> None:
    meter = stage.meter("level", formula)
    plan, later = stage.price("Plan", 3100), stage.metered("Level", meter, 1)
    made = schedule(stage, phase(plan, end_date=at(CHANGE)), phase(plan, later, **months(2)))
    stage.use(30, "2024-01-01", "level")
    stage.until("2024-01-07")
    told = forecast(stage, made)
    [row] = told["items"]
    assert (row["quantity"], row["expected_quantity"]) == ("0", str(expected))


@pytest.mark.parametrize("change", [{}, {"billing_cycle_anchor": "phase_start"}])
def test_a_live_balance_has_what_phases_leave_of_what_was_used(
    stage: Stage, change: dict[str, Any]
) -> None:
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    usage = stage.metered("Calls", stage.meter(), 1)
    grant(stage, 1000)
    discounts = [{"coupon": coupon}]
    schedule(
        stage,
        phase(usage, end_date=at(CHANGE)),
        phase(usage, discounts=discounts, **months(2), **change),
    )
    stage.use(100)
    assert live(stage) == 1000 - 50
    stage.until("2024-02-01 02:00")
    assert live(stage) == 1000 - 50


def test_a_phase_that_cannot_be_entered_any_more_is_in_no_preview(stage: Stage) -> None:
    plan = stage.price("Plan", 3100)
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    made = schedule(
        stage,
        phase(plan, end_date=at(CHANGE)),
        phase(plan, discounts=[{"coupon": coupon}], **months(2)),
    )
    stage.client.v1.coupons.delete(coupon)
    for subject in ({"subscription": made.subscription}, {"schedule": made.id}):
        assert stage.client.v1.invoices.create_preview(subject).total == 3100
    assert forecast(stage, made)["expected"]["total"] == 3100
