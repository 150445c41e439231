"""Two things that meet on a bill: each pair of terms that money goes through together.

Cases that no other story tells; ``test_currency_isolation``, ``test_what_comes_back``,
``test_billing_thresholds`` and ``test_item_discounts`` hold others.
"""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at


def totals(stage: Stage) -> list[int]:
    return [one.total for one in stage.invoices()]


def coupon(stage: Stage, **params: Any) -> list[dict[str, str]]:
    return [{"coupon": str(stage.client.v1.coupons.create(params).id)}]


def swap_and_date(stage: Stage) -> None:
    """A change that takes effect before the last one counts no usage again."""
    meter = stage.meter()
    made = stage.subscribe(stage.metered("A", meter, 10))
    stage.use(1)
    stage.until("2024-01-20")
    for price, params in [(7, {}), (3, {"proration_date": at("2024-01-10")})]:
        stage.use(10, "2024-01-15")
        item = {"id": made["items"].data[0].id, "price": stage.metered("B", meter, price)}
        stage.change(made, items=[item], **params)
    stage.use(100)
    stage.until("2024-02-01 02:00")


def backdate_and_discount(stage: Stage) -> None:
    """A coupon for once takes its part of all periods of the first invoice."""
    half = coupon(stage, percent_off=50, duration="once")
    price = stage.price("Base", 1_000)
    stage.subscribe(price, backdate_start_date=at("2023-11-01"), discounts=half)


def trial_and_item_for_once(stage: Stage) -> None:
    """What is sold once is charged with the trial's first invoice."""
    product = stage.client.v1.products.create({"name": "Set-up"}).id
    once = {"currency": "usd", "product": product, "unit_amount": 700}
    price = stage.price("Base", 1_000)
    stage.subscribe(price, trial_period_days=10, add_invoice_items=[{"price_data": once}])
    stage.until("2024-01-11 02:00")


def threshold_and_pause(stage: Stage) -> None:
    """A pause bills what a threshold has not."""
    made = stage.subscribe(
        stage.metered("Calls", stage.meter(), 1), billing_thresholds={"amount_gte": 500}
    )
    stage.use(600)
    stage.until("2024-01-05")
    stage.until("2024-01-06")
    stage.use(40)
    pause = {"type": "subscription", "invoicing_behavior": "invoice"}
    stage.client.v1.subscriptions.pause(made.id, pause)


def threshold_and_trial(stage: Stage) -> None:
    """A trial that is given later bills what a threshold has not, and then nothing."""
    made = stage.subscribe(
        stage.metered("Calls", stage.meter(), 1), billing_thresholds={"amount_gte": 500}
    )
    stage.use(600)
    stage.until("2024-01-05")
    stage.until("2024-01-06")
    stage.use(40)
    stage.change(made, trial_end=at("2024-03-01"))
    stage.use(1_000)
    stage.until("2024-02-10")


@pytest.mark.parametrize(
    ("meeting", "expected"),
    [
        (swap_and_date, [21 * 10 + 100 * 3]),
        (backdate_and_discount, [1_500]),
        (trial_and_item_for_once, [700, 1_000]),
        (threshold_and_pause, [600, 40]),
        (threshold_and_trial, [600, 40]),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_pairs_that_meet_on_a_bill(api: Api, meeting: Any, expected: list[int]) -> None:
    stage = Stage(api, "2024-01-01")
    meeting(stage)
    assert totals(stage) == expected
