"""Where a running period leads: the preview, with the usage that is expected at its end."""

from typing import Any
from urllib.parse import urlencode

import pytest

from meterline.services.account.api_keys import create_key
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

PATH = "/v1/meterline/analytics/forecast"
TIERS = [
    {"up_to": 100, "unit_amount": 10, "flat_amount": 500},
    {"up_to": "inf", "unit_amount": 1},
]


@pytest.fixture
def stage(api: Api) -> Stage:
    """January has 31 days; five of them are over when usage is looked at."""
    return Stage(api, "2024-01-01")


def ask(stage: Stage, subscription: Any, **query: Any) -> dict[str, Any]:
    target = f"{PATH}?{urlencode({'subscription': subscription.id, **query})}"
    reply = stage.api.ask("GET", target)
    assert reply.status == 200, reply.body
    return dict(reply.body)


def test_usage_goes_on_as_in_the_period_so_far(stage: Stage) -> None:
    price = stage.metered(
        "Calls", stage.meter(), billing_scheme="tiered", tiers_mode="graduated", tiers=TIERS
    )
    fee = stage.price("Seats", 2_000)
    subscription = stage.subscribe(price, fee)
    stage.use(50, "2024-01-01")
    stage.until("2024-01-06")
    [item] = [one for one in subscription["items"].data if one.price.id == price]
    assert ask(stage, subscription) == {
        "object": "meterline.analytics.forecast",
        "currency": "usd",
        "customer": stage.customer,
        "expected": {"amount_due": 3_710, "subtotal": 3_710, "total": 3_710},
        "forecast_at": at("2024-01-06"),
        "items": [
            {
                "amount": 1_000,
                "expected_amount": 500 + 100 * 10 + 210,
                "expected_quantity": "310",
                "is_carried_on": True,
                "period": {"start": at("2024-01-01"), "end": at("2024-02-01")},
                "price": price,
                "quantity": "50",
                "subscription_item": item.id,
            }
        ],
        "livemode": False,
        "method": {
            "type": "elapsed_time",
            "days": None,
            "description": "For the seconds left, usage goes on as it did in the seconds of the"
            " period so far.",
        },
        "period": {"start": at("2024-01-01"), "end": at("2024-02-01")},
        "so_far": {"amount_due": 3_000, "subtotal": 3_000, "total": 3_000},
        "subscription": subscription.id,
    }


def test_the_forecast_comes_true_if_usage_goes_on(stage: Stage) -> None:
    """With a discount, a minimum and a second price of a part of the meter."""
    coupon = stage.client.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    meter = stage.meter(dimension_payload_keys=["model"])
    own = {"meter_segment_conditions": [{"dimension": "model", "value": "large"}]}
    prices = [
        stage.metered("Calls", meter, "0.3", meterline={"minimum_amount": 2_000}),
        stage.metered("Large", meter, 7, meterline=own),
    ]
    subscription = stage.subscribe(*prices, discounts=[{"coupon": coupon}])
    for day in range(1, 32):
        stage.until(f"2024-01-{day:02d}")
        stage.use(40, model="large")
        stage.use(3, model="small")
        if day == 6:
            stage.until("2024-01-07")
            expected = ask(stage, subscription)["expected"]
    stage.until("2024-02-01 02:00")
    billed = stage.invoices()[-1]
    assert expected["total"] == billed.total
    assert expected["subtotal"] == billed.subtotal


def test_usage_goes_on_as_in_the_last_days(stage: Stage) -> None:
    subscription = stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    stage.use(1_000, "2024-01-01")
    stage.until("2024-01-11")
    stage.use(20, "2024-01-10")
    answer = ask(stage, subscription, trailing_days=2)
    assert answer["items"][0]["expected_quantity"] == str(1_020 + 10 * 21)
    assert (answer["method"]["type"], answer["method"]["days"]) == ("trailing_days", 2)
    before = ask(stage, subscription, trailing_days=20)
    assert before["items"][0]["expected_quantity"] == str(1_020 + 51 * 21)


def test_what_does_not_grow_with_time_stands(stage: Stage) -> None:
    subscription = stage.subscribe(stage.metered("Peaks", stage.meter("peaks", "max"), 3))
    stage.use(70, "2024-01-01", "peaks")
    stage.until("2024-01-20")
    answer = ask(stage, subscription)
    assert answer["items"][0]["is_carried_on"] is False
    assert (
        answer["expected"]
        == answer["so_far"]
        == {
            "amount_due": 210,
            "subtotal": 210,
            "total": 210,
        }
    )


def test_a_level_was_used_up_to_now_and_is_expected_to_last(stage: Stage) -> None:
    day = 86_400
    meter = stage.meter("seats", "weighted_sum")
    price = stage.metered("Seats", meter, 3, transform_quantity={"divide_by": day, "round": "up"})
    subscription = stage.subscribe(price, stage.price("Fee", 100))
    stage.use(2, "2024-01-01", "seats")
    stage.until("2024-01-11")
    stage.use(4, "2024-01-09", "seats")
    answer = ask(stage, subscription)
    [item] = answer["items"]
    so_far, expected = 2 * 8 + 4 * 2, 2 * 8 + 4 * 23
    assert (item["quantity"], item["expected_quantity"]) == (
        str(so_far * day),
        str(expected * day),
    )
    assert (item["amount"], item["expected_amount"]) == (3 * so_far, 3 * expected)
    assert item["is_carried_on"] is True
    assert (answer["so_far"]["total"], answer["expected"]["total"]) == (
        100 + 3 * so_far,
        100 + 3 * expected,
    )
    assert answer["expected"]["total"] == stage.preview(subscription).total


def test_of_a_percentile_the_samples_to_come_are_like_those_so_far(stage: Stage) -> None:
    aggregation = {"formula": "percentile", "percentile": "50"}
    meter = stage.meter("traffic", default_aggregation=aggregation)
    recurring = {"interval": "day", "usage_type": "metered", "meter": meter}
    subscription = stage.subscribe(stage.price("Traffic", 2, recurring=recurring))
    stage.until("2024-01-01 01:00")
    for number, value in enumerate((9, 9, 9, 7, 7, 7, 7, 5)):
        stage.use(value, f"2024-01-01 00:{number * 5:02}", "traffic")
    [item] = ask(stage, subscription)["items"]
    assert (item["quantity"], item["amount"], item["is_carried_on"]) == ("0", 0, True)
    assert (item["expected_quantity"], item["expected_amount"]) == ("7", 14)
    [item] = ask(stage, subscription, trailing_days=1)["items"]
    assert item["expected_quantity"] == "0", "most of the last day nothing was used"


def test_usage_of_a_trial_is_free(stage: Stage) -> None:
    fee, price = stage.price("Seats", 900), stage.metered("Calls", stage.meter(), 1)
    subscription = stage.subscribe(fee, price, trial_period_days=10)
    stage.use(70, "2024-01-01")
    answer = ask(stage, subscription)
    assert (answer["items"], answer["expected"]["total"]) == ([], 900)


def test_what_a_threshold_billed_is_not_billed_again(stage: Stage) -> None:
    price = stage.metered("Calls", stage.meter(), 10)
    subscription = stage.subscribe(price, billing_thresholds={"amount_gte": 1_000})
    stage.use(150, "2024-01-01")
    stage.until("2024-01-06")
    answer = ask(stage, subscription)
    assert answer["items"][0]["expected_amount"] == 1_500 * 31 // 5
    assert answer["expected"]["total"] == 1_500 * 31 // 5 - 1_500


def test_credits_are_taken_off_what_is_expected_as_they_will_be_off_the_bill(stage: Stage) -> None:
    stage.client.v1.billing.credit_grants.create(
        {
            "customer": stage.customer,
            "amount": {"type": "monetary", "monetary": {"currency": "usd", "value": 700}},
            "applicability_config": {"scope": {"price_type": "metered"}},
            "category": "paid",
        }
    )
    subscription = stage.subscribe(stage.metered("Calls", stage.meter(), 10))
    stage.use(50, "2024-01-01")
    stage.until("2024-01-06")
    answer = ask(stage, subscription)
    assert answer["so_far"] == {"amount_due": 0, "subtotal": 500, "total": 0}
    assert answer["expected"] == {"amount_due": 2_400, "subtotal": 3_100, "total": 2_400}


def test_an_ended_subscription_has_nowhere_to_lead(stage: Stage) -> None:
    subscription = stage.subscribe(stage.metered("Calls", stage.meter(), 10))
    stage.client.v1.subscriptions.cancel(subscription.id)
    reply = stage.api.ask("GET", f"{PATH}?subscription={subscription.id}")
    assert (reply.status, reply.body["error"]["code"]) == (404, "invoice_upcoming_none")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"subscription": "sub_no"}, "subscription"),
        ({"trailing_days": 0}, "trailing_days"),
        ({"trailing_days": 401}, "trailing_days"),
        ({"days": 7}, "days"),
    ],
)
def test_what_cannot_be_forecast_is_refused(
    stage: Stage, query: dict[str, Any], param: str
) -> None:
    subscription = stage.subscribe(stage.metered("Calls", stage.meter(), 10))
    reply = stage.api.ask("GET", f"{PATH}?{urlencode({'subscription': subscription.id, **query})}")
    assert (reply.status, reply.body["error"]["param"]) == (400, param)


def test_a_forecast_needs_the_right_to_analytics(stage: Stage) -> None:
    subscription = stage.subscribe(stage.metered("Calls", stage.meter(), 10))
    for rights, status in (({"invoices": "read"}, 403), ({"meterline_analytics": "read"}, 200)):
        secret = create_key(livemode=False, name="some", rights=rights).secret
        target = f"{PATH}?subscription={subscription.id}"
        assert stage.api.ask("GET", target, key=secret).status == status


def test_a_forecast_stores_nothing(stage: Stage) -> None:
    coupon = stage.client.v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    price = stage.metered("Calls", stage.meter(), 10)
    subscription = stage.subscribe(price, discounts=[{"coupon": coupon}])
    stage.use(70, "2024-01-01")
    stage.until("2024-01-02")
    tables = [name for name in stage.api.engine.tables if name != "access"]
    before = [stage.api.engine.scan(table) for table in tables]
    assert ask(stage, subscription)["items"] != []
    assert [stage.api.engine.scan(table) for table in tables] == before
