"""Metered prices that change or end, as billed wrong in public, and what is right in each.

Each names where it was reported. Amounts and instants are facts; what is right follows from the
rules that Stripe publishes ("Change price", "Billing thresholds", "Compare billing modes").
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, day

CLASSIC = {"billing_mode": {"type": "classic"}}
FLEXIBLE = {"billing_mode": {"type": "flexible"}}


# ---------------------------------------------------------------- metered prices that change


@pytest.mark.parametrize(
    ("mode", "behavior", "totals"),
    [
        (CLASSIC, "create_prorations", [0, 6000, 700]),
        (FLEXIBLE, "create_prorations", [6000, 1100]),
        (FLEXIBLE, "none", [6000, 700]),
    ],
)
def test_a_metered_price_changes_after_a_threshold_was_billed(
    api: Api, mode: dict[str, Any], behavior: str, totals: list[int]
) -> None:
    """laravel/cashier-stripe#1680."""
    stage = Stage(api, "2024-01-01")
    meter = stage.meter()
    old, new = stage.metered("Old", meter, 10), stage.metered("New", meter, 7)
    made = stage.subscribe(old, billing_thresholds={"amount_gte": 5000}, **mode)
    stage.use(600, "2024-01-01")
    stage.until("2024-01-10")
    stage.use(40, "2024-01-09")
    changed = {"id": made["items"].data[0].id, "price": new}
    stage.change(made, items=[changed], proration_behavior=behavior, billing_thresholds="")
    stage.use(100, "2024-01-10")
    stage.until("2024-02-01 02:00")
    assert [invoice.total for invoice in stage.invoices()] == totals


def test_a_metered_price_that_goes_and_comes_back_bills_each_event_once(api: Api) -> None:
    """polarsource/polar#9090, novuhq/novu#10503."""
    stage = Stage(api, "2024-01-01")
    meter = stage.meter()
    prices = [stage.metered("A", meter, 10), stage.metered("B", meter, 7)]
    made = stage.subscribe(prices[0])
    stage.use(1)
    for place, (when, price) in enumerate([("2024-01-10", prices[1]), ("2024-01-20", prices[0])]):
        stage.until(when)
        stage.use(10 ** (3 * place + 1), day(stage.now - 60))
        stage.change(made, items=[{"id": made["items"].data[0].id, "price": price}])
        stage.use(100 * 1000**place)
    stage.until("2024-01-31")
    stage.use(1_000_000)
    stage.until("2024-02-01 02:00")
    amounts = [line.amount for line in stage.invoices()[-1].lines.data]
    assert sorted(amounts) == sorted([11 * 10, 10_100 * 7, 1_100_000 * 10])


@pytest.mark.parametrize(
    ("mode", "behavior", "total"),
    [
        (FLEXIBLE, "create_prorations", 1300),
        (FLEXIBLE, "none", 1000),
        (CLASSIC, "create_prorations", 1000),
    ],
)
def test_a_metered_item_that_is_removed_bills_its_usage_as_the_mode_has_it(
    api: Api, mode: dict[str, Any], behavior: str, total: int
) -> None:
    """laravel/cashier-stripe#1680."""
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 10)
    made = stage.subscribe(stage.price("Base", 1000), calls, **mode)
    stage.use(30)
    stage.until("2024-01-10")
    metered = next(item.id for item in made["items"].data if item.price.id == calls)
    stage.change(made, items=[{"id": metered, "deleted": True}], proration_behavior=behavior)
    stage.until("2024-02-01 02:00")
    assert stage.invoices()[-1].total == total


# ---------------------------------------------------------------- the second of an end


def usage_billed(stage: Stage) -> int:
    """The units of all lines of usage, and of usage items that wait for an invoice."""
    waiting = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    lines = [line for invoice in stage.invoices() for line in invoice.lines.data]
    return sum(int(one.quantity) for one in [*lines, *waiting.data])


def then_another(stage: Stage, price: str, ended: Any, **params: Any) -> None:
    stage.client.v1.subscriptions.cancel(ended.id, {"invoice_now": True})
    stage.subscribe(price, **params)


def with_another(stage: Stage, price: str, ended: Any, **params: Any) -> None:
    stage.subscribe(price, **params)
    stage.client.v1.subscriptions.cancel(ended.id, {"invoice_now": True})


@pytest.mark.parametrize("mode", [CLASSIC, FLEXIBLE])
@pytest.mark.parametrize("follow", [then_another, with_another])
def test_each_event_is_billed_once_by_subscriptions_that_follow_each_other_in_one_second(
    api: Api, follow: Callable[..., None], mode: dict[str, Any]
) -> None:
    """getlago/lago-api#158, #682, novuhq/novu#10503."""
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 100)
    first = stage.subscribe(calls, **mode)
    stage.use(1)
    stage.until("2024-01-10")
    stage.use(10, "2024-01-09 23:59")
    stage.use(100)
    follow(stage, calls, first, **mode)
    stage.until("2024-01-20")
    stage.use(1000)
    stage.until("2024-02-10 02:00")
    assert usage_billed(stage) == 1111


@pytest.mark.parametrize("params", [{"invoice_now": True}, {"prorate": True}])
def test_a_cancellation_bills_its_own_second(api: Api, params: dict[str, Any]) -> None:
    """getlago/lago-api#158."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.metered("Calls", stage.meter(), 100))
    stage.use(5)
    expected = stage.preview(made, cancel_now=True)
    stage.client.v1.subscriptions.cancel(made.id, params)
    assert (expected.total, usage_billed(stage)) == (500, 5)


# ---------------------------------------------------------------- late usage, and less than none


def test_usage_of_the_hour_of_a_draft_counts_by_its_own_time(api: Api) -> None:
    """stripe/stripe-node#725."""
    stage = Stage(api, "2024-01-01")
    stage.subscribe(stage.price("Base", 1000), stage.metered("Calls", stage.meter(), 10))
    stage.until("2024-02-01 00:30")
    stage.use(5, "2024-01-31 23:59")
    stage.use(7, "2024-02-01")
    stage.until("2024-03-01 02:00")
    assert [total for _, total in stage.totals()] == [1000, 1050, 1070]


def test_usage_below_zero_is_not_carried_into_the_next_period(api: Api) -> None:
    """getlago/lago-api#5569."""
    stage = Stage(api, "2024-01-01")
    tiers = [{"up_to": 2, "unit_amount": 0}, {"up_to": "inf", "unit_amount": 15000}]
    stage.subscribe(
        stage.metered(
            "Seats", stage.meter(), tiers=tiers, tiers_mode="graduated", billing_scheme="tiered"
        )
    )
    stage.use(-3)
    stage.until("2024-02-10")
    stage.use(4)
    stage.until("2024-03-01 02:00")
    assert [total for _, total in stage.totals()] == [0, 30000]
