"""Subscription schedules: phases that change a subscription when they are due."""

import json
from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import again, months, phase, schedule
from tests.integration.stories.stage import Stage, at, day


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def test_each_phase_bills_its_own_price_from_its_first_second(stage: Stage) -> None:
    small, large = stage.price("Plan", 1000), stage.price("Plan", 3000)
    made = schedule(stage, phase(small, **months(2)), phase(large, **months(1)))
    assert made.status == "active"
    assert [(day(p.start_date), day(p.end_date)) for p in made.phases] == [
        ("2024-01-01", "2024-03-01"),
        ("2024-03-01", "2024-04-01"),
    ]
    stage.until("2024-05-02")
    assert stage.totals() == [
        ("2024-01-01", 1000),
        ("2024-02-01", 1000),
        ("2024-03-01", 3000),
        ("2024-04-01", 3000),
        ("2024-05-01", 3000),
    ]
    ended = again(stage, made)
    assert ended.status == "released"
    assert ended.subscription is None
    assert ended.released_subscription == made.subscription
    assert day(ended.released_at) == "2024-04-01"


def test_a_phase_that_changes_within_a_period_is_prorated_as_it_asks(stage: Stage) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    end = at("2024-01-17")
    schedule(stage, phase(small, end_date=end), phase(large, proration_behavior="always_invoice"))
    stage.until("2024-02-02")
    assert stage.totals() == [
        ("2024-01-01", 3100),
        ("2024-01-17", 1500),
        ("2024-02-01", 6200),
    ]


@pytest.mark.parametrize("behavior", ["create_prorations", "none", "always_invoice"])
@pytest.mark.parametrize("mode", ["flexible", "classic"])
def test_usage_of_a_period_is_billed_whole_where_the_phase_changes_with_it(
    stage: Stage, behavior: str, mode: str
) -> None:
    meter = stage.meter()
    cheap, dear = stage.metered("Calls", meter, 1), stage.metered("Calls", meter, 5)
    other = stage.metered("Other", stage.meter("other"), 7)
    schedule(
        stage,
        phase(cheap, **months(1)),
        phase(dear, **months(1), proration_behavior=behavior),
        phase(other, **months(1), proration_behavior=behavior),
        billing_mode={"type": mode},
    )
    stage.use(100, "2024-01-01")
    stage.until("2024-01-20")
    stage.use(10, "2024-01-20")
    stage.until("2024-02-01")
    stage.use(1000, "2024-02-01")
    stage.until("2024-02-20")
    stage.until("2024-03-01")
    stage.use(3, "2024-03-01", meter="other")
    stage.until("2024-04-02")
    totals = [total for total in stage.totals() if total[1]]
    assert totals == [("2024-02-01", 110), ("2024-03-01", 5000), ("2024-04-01", 21)]


def test_a_schedule_that_starts_later_begins_its_subscription_then(stage: Stage) -> None:
    price = stage.price("Plan", 1000)
    made = schedule(stage, phase(price, **months(1)), start_date=at("2024-01-15"))
    assert (made.status, made.subscription, made.current_phase) == ("not_started", None, None)
    stage.until("2024-01-14")
    assert stage.invoices() == []
    stage.until("2024-02-20")
    assert stage.totals() == [("2024-01-15", 1000), ("2024-02-15", 1000)]
    subscription = stage.client.v1.subscriptions.retrieve(again(stage, made).released_subscription)
    assert day(subscription.created) == "2024-01-15"
    assert day(subscription.start_date) == "2024-01-15"


def test_a_schedule_that_started_before_backdates_its_subscription(stage: Stage) -> None:
    price = stage.price("Plan", 1000)
    made = schedule(stage, phase(price, **months(3)), start_date=at("2023-12-01"))
    assert made.status == "active"
    assert day(made.current_phase.end_date) == "2024-03-01"
    stage.until("2024-02-02")
    assert [total for _, total in stage.totals()] == [2000, 1000]


def test_the_first_invoice_is_a_draft_for_an_hour_however_it_is_collected(stage: Stage) -> None:
    made = schedule(stage, phase(stage.price("Plan", 1000), **months(1)))
    [invoice] = stage.invoices()
    assert (invoice.status, invoice.billing_reason) == ("draft", "subscription_create")
    assert invoice.automatically_finalizes_at == stage.now + 3600
    stage.until("2024-01-01 01:01")
    [invoice] = stage.invoices()
    assert invoice.status == "open"
    subscription = stage.client.v1.subscriptions.retrieve(made.subscription)
    assert (subscription.status, subscription.schedule) == ("active", made.id)


def test_a_subscription_ends_with_its_schedule_if_that_cancels(stage: Stage) -> None:
    made = schedule(stage, phase(stage.price("Plan", 1000), **months(2)), end_behavior="cancel")
    subscription = stage.client.v1.subscriptions.retrieve(made.subscription)
    assert day(subscription.cancel_at) == "2024-03-01"
    stage.until("2024-05-01")
    assert stage.totals() == [("2024-01-01", 1000), ("2024-02-01", 1000)]
    ended = again(stage, made)
    assert (ended.status, day(ended.completed_at)) == ("completed", "2024-03-01")
    assert stage.client.v1.subscriptions.retrieve(made.subscription).status == "canceled"


def test_a_trial_phase_bills_nothing_and_the_next_phase_is_anchored_at_its_end(
    stage: Stage,
) -> None:
    price = stage.price("Plan", 1000)
    end = at("2024-01-11")
    made = schedule(stage, phase(price, trial=True, end_date=end), phase(price, **months(1)))
    subscription = stage.client.v1.subscriptions.retrieve(made.subscription)
    assert (subscription.status, subscription.trial_end) == ("trialing", end)
    assert day(made.phases[1].end_date) == "2024-02-11"
    stage.until("2024-03-12")
    charged = [total for total in stage.totals() if total[1]]
    assert charged == [("2024-01-11", 1000), ("2024-02-11", 1000), ("2024-03-11", 1000)]


def test_a_phase_can_set_the_anchor_to_its_start(stage: Stage) -> None:
    price = stage.price("Plan", 3100)
    schedule(
        stage,
        phase(price, end_date=at("2024-01-11")),
        phase(price, **months(1), billing_cycle_anchor="phase_start"),
    )
    stage.until("2024-02-12")
    assert stage.totals() == [
        ("2024-01-01", 3100),
        ("2024-01-11", 1000),
        ("2024-02-11", 3100),
    ]


def test_a_year_of_months_stays_in_step_with_an_anchor_on_the_31st(api: Api) -> None:
    stage = Stage(api, "2024-01-31")
    prices = [stage.price("Plan", 1000 + 100 * n) for n in range(4)]
    made = schedule(stage, *[phase(price, **months(1)) for price in prices])
    assert [day(one.end_date) for one in made.phases] == [
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
        "2024-05-31",
    ]
    stage.until("2024-06-01")
    assert stage.totals() == [
        ("2024-01-31", 1000),
        ("2024-02-29", 1100),
        ("2024-03-31", 1200),
        ("2024-04-30", 1300),
        ("2024-05-31", 1300),
    ]


def test_a_released_subscription_goes_on_as_it_is(stage: Stage) -> None:
    small, large = stage.price("Plan", 1000), stage.price("Plan", 3000)
    made = schedule(
        stage, phase(small, **months(1)), phase(large, **months(1)), end_behavior="cancel"
    )
    released = stage.client.v1.subscription_schedules.release(made.id)
    assert (released.status, released.subscription) == ("released", None)
    assert released.released_subscription == made.subscription
    stage.until("2024-03-02")
    assert [total for _, total in stage.totals()] == [1000, 1000, 1000]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.subscription_schedules.release(made.id)
    assert refused.value.user_message == (
        "You cannot release a subscription schedule that is currently in the `released` status."
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.subscription_schedules.cancel(made.id)
    assert refused.value.user_message == (
        "You cannot cancel a subscription schedule that is currently in the `released` status."
        " It must be in `not_started, active` status to be canceled."
    )


@pytest.mark.parametrize(("keeps", "ends"), [("false", None), ("true", "2024-03-01")])
def test_a_release_takes_the_end_back_unless_it_is_preserved(
    stage: Stage, keeps: str, ends: str | None
) -> None:
    made = schedule(stage, phase(stage.price("Plan", 1000), **months(2)), end_behavior="cancel")
    given = {"preserve_cancel_date": keeps}
    stage.client.v1.subscription_schedules.release(made.id, given)
    subscription = stage.client.v1.subscriptions.retrieve(made.subscription)
    end = subscription.cancel_at
    assert (day(end) if end else None) == ends


def test_a_canceled_schedule_cancels_its_subscription_and_bills_what_is_left(
    stage: Stage,
) -> None:
    made = schedule(stage, phase(stage.price("Plan", 3100), **months(2)))
    stage.until("2024-01-11")
    canceled = stage.client.v1.subscription_schedules.cancel(made.id)
    assert (canceled.status, canceled.current_phase) == ("canceled", None)
    assert canceled.subscription == made.subscription
    assert stage.client.v1.subscriptions.retrieve(made.subscription).status == "canceled"
    assert stage.totals() == [("2024-01-01", 3100), ("2024-01-11", -2100)]


def test_a_canceled_subscription_cancels_its_schedule(stage: Stage) -> None:
    made = schedule(stage, phase(stage.price("Plan", 3100), **months(2)))
    stage.client.v1.subscriptions.cancel(made.subscription)
    assert again(stage, made).status == "canceled"


def test_a_subscription_that_runs_is_scheduled_for_its_current_period(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Plan", 1000), metadata={"own": "1"})
    stage.until("2024-01-10")
    made = stage.client.v1.subscription_schedules.create({"from_subscription": subscription.id})
    [own] = made.phases
    assert (day(own.start_date), day(own.end_date)) == ("2024-01-01", "2024-02-01")
    assert [(item.price, item.quantity) for item in own["items"]] == [
        (subscription["items"].data[0].price.id, 1)
    ]
    assert stage.client.v1.subscriptions.retrieve(subscription.id).schedule == made.id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.subscription_schedules.create({"from_subscription": subscription.id})
    assert refused.value.user_message == (
        f"You cannot migrate a subscription that is already attached to a schedule: `{made.id}`."
    )
    stage.until("2024-02-02")
    assert again(stage, made).status == "released"
    assert [total for _, total in stage.totals()] == [1000, 1000]


@pytest.mark.parametrize(
    "change", [{"cancel_at_period_end": True}, {"cancel_at": at("2024-06-01")}]
)
def test_only_the_schedule_ends_its_subscription(stage: Stage, change: dict[str, Any]) -> None:
    made = schedule(stage, phase(stage.price("Plan", 1000), **months(2)))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.subscriptions.update(made.subscription, change)
    assert refused.value.user_message == (
        f"The subscription is managed by the subscription schedule `{made.id}`, and updating any"
        " cancelation behavior directly is not allowed. Please update the schedule instead."
    )
    stage.client.v1.subscriptions.update(made.subscription, {"cancel_at_period_end": False})


def test_a_direct_change_splits_the_current_phase(stage: Stage) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    made = schedule(stage, phase(small, **months(1)), phase(large, **months(1)))
    [item] = stage.client.v1.subscription_items.list({"subscription": made.subscription}).data
    stage.until("2024-01-17")
    stage.client.v1.subscription_items.update(item.id, {"quantity": 2})
    phases = again(stage, made).phases
    assert [(day(p.start_date), p["items"][0].quantity) for p in phases] == [
        ("2024-01-01", 1),
        ("2024-01-17", 2),
        ("2024-02-01", 1),
    ]
    stage.until("2024-02-02")
    assert stage.totals() == [("2024-01-01", 3100), ("2024-02-01", 6200 + 1500)]


def test_a_schedule_announces_once_that_it_expires(stage: Stage) -> None:
    schedule(stage, phase(stage.price("Plan", 3100), **months(1)))
    stage.until("2024-03-02")
    kinds = [
        (day(event.created), event.type.removeprefix("subscription_schedule."))
        for event in stage.client.v1.events.list({"limit": 100}).data
        if event.type.startswith("subscription_schedule.")
    ]
    assert kinds[::-1] == [
        ("2024-01-01", "created"),
        ("2024-01-25", "expiring"),
        ("2024-02-01", "released"),
    ]


def test_a_phase_whose_coupon_is_gone_aborts_the_schedule_and_not_the_bills(
    stage: Stage,
) -> None:
    price = stage.price("Plan", 1000)
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    made = schedule(
        stage,
        phase(price, **months(1)),
        phase(price, **months(1), discounts=[{"coupon": coupon.id}]),
    )
    stage.client.v1.coupons.delete(coupon.id)
    stage.until("2024-03-02")
    assert again(stage, made).status == "canceled"
    subscription = stage.client.v1.subscriptions.retrieve(made.subscription)
    assert (subscription.status, subscription.schedule) == ("active", None)
    assert [total for _, total in stage.totals()] == [1000, 1000, 1000]


def test_what_was_agreed_on_holds_though_it_is_not_sold_any_more(stage: Stage) -> None:
    small, large = stage.price("Plan", 1000), stage.price("Plan", 3000)
    coupon = stage.client.v1.coupons.create(
        {"percent_off": 50, "duration": "forever", "max_redemptions": 1}
    )
    schedule(
        stage,
        phase(small, **months(1)),
        phase(large, **months(1), discounts=[{"coupon": coupon.id}]),
    )
    stage.client.v1.prices.update(large, {"active": False})
    stage.subscribe(small, discounts=[{"coupon": coupon.id}])
    stage.until("2024-02-02")
    assert [total for _, total in stage.totals() if total > 1000] == [1500]


@pytest.mark.parametrize("name", ["coupon", "promotion_code"])
def test_a_discount_goes_on_in_the_next_phase_that_names_its_coupon_or_code(
    stage: Stage, name: str
) -> None:
    """It takes off two months of three, and may be redeemed once."""
    v1, price = stage.client.v1, stage.price("Plan", 1000)
    terms = {"percent_off": 50, "duration": "repeating", "duration_in_months": 2}
    coupon = v1.coupons.create({**terms, "max_redemptions": 1}).id
    promotion = {"type": "coupon", "coupon": coupon}
    code = v1.promotion_codes.create({"promotion": promotion}).id
    discount = {name: coupon if name == "coupon" else code}
    schedule(stage, *[phase(price, **months(1), discounts=[discount]) for _ in range(3)])
    stage.until("2024-03-02")
    assert [total for _, total in stage.totals()] == [500, 500, 1000]
    assert v1.coupons.retrieve(coupon).times_redeemed == 1


def test_each_phase_is_taxed_by_its_own_rates(stage: Stage) -> None:
    rates = [
        stage.client.v1.tax_rates.create(
            {"display_name": "VAT", "percentage": percentage, "inclusive": False}
        ).id
        for percentage in (10, 20, 7)
    ]
    price = stage.price("Plan", 1000)
    item = {"price": price, "tax_rates": [rates[2]]}
    made = schedule(
        stage,
        phase(price, **months(1), default_tax_rates=rates[:1]),
        phase(price, **months(1), default_tax_rates=rates[1:2]),
        {"items": [item], **months(1)},
    )
    assert [rate.percentage for rate in made.phases[2]["items"][0].tax_rates] == [7.0]
    stage.client.v1.tax_rates.update(rates[1], {"active": False})
    stage.until("2024-03-02")
    assert [total for _, total in stage.totals()] == [1100, 1200, 1070]


def test_a_deleted_customer_has_no_schedule_that_begins(stage: Stage) -> None:
    made = schedule(
        stage, phase(stage.price("Plan", 1000), **months(1)), start_date=at("2024-01-15")
    )
    stage.client.v1.customers.delete(stage.customer)
    assert again(stage, made).status == "canceled"


_FEBRUARY_2026 = at("2026-02-01")

REFUSED = [
    ({"phases": []}, "phases"),
    ({"phases": [{"items": [{"price": "price_no"}]}]}, "phases[0][items][0][price]"),
    (
        {"phases": [{"items": [{"price": "{p}"}], "discounts": [{"coupon": "no"}]}]},
        "phases[0][discounts][0][coupon]",
    ),
    (
        {"phases": [{"items": [{"price": "{p}"}], "end_date": at("2023-01-01")}]},
        "phases[0][end_date]",
    ),
    (
        {"phases": [{"items": [{"price": "{p}"}], "iterations": 100_000}]},
        "phases[0][iterations]",
    ),
    (
        {"phases": [{"items": [{"price": "{p}"}], "trial_end": at("2030-01-01")}]},
        "phases[0][trial_end]",
    ),
    (
        {
            "phases": [
                {"items": [{"price": "{p}"}], "iterations": 1},
                {"items": [{"price": "{p}"}], "iterations": 25, "trial": True},
            ]
        },
        "phases[1][trial_end]",
    ),
    (
        {
            "phases": [
                {"items": [{"price": "{p}"}], "iterations": 1},
                {"items": [{"price": "{p}"}], "iterations": 25, "trial_end": _FEBRUARY_2026},
            ]
        },
        "phases[1][trial_end]",
    ),
    (
        {
            "phases": [
                {
                    "items": [{"price": "{p}"}],
                    "trial": True,
                    "billing_cycle_anchor": "phase_start",
                }
            ]
        },
        "phases[0][billing_cycle_anchor]",
    ),
    (
        {"phases": [{"items": [{"price": "{p}"}], "collection_method": "send_invoice"}]},
        "phases[0][invoice_settings][days_until_due]",
    ),
    ({"phases": [{"items": [{"price": "{p}"}]}, {"items": [{"price": "{e}"}]}]}, "phases[1]"),
    ({"phases": [{"items": [{"price": "{p}"}]}] * 11}, "phases"),
    ({"phases": [{"items": [{"price": "{p}", "discounts": [{"coupon": "x"}]}]}]}, "coupon"),
    ({"end_behavior": "renew"}, "end_behavior"),
    ({}, "phases"),
]


@pytest.mark.parametrize(("params", "param"), REFUSED)
def test_what_no_schedule_can_be_is_refused_and_nothing_is_made(
    stage: Stage, params: dict[str, Any], param: str
) -> None:
    prices = {"{p}": stage.price("Plan", 1000)}
    prices["{e}"] = stage.price("Plan", 1000, currency="eur")
    text = json.dumps(params)
    for name, price in prices.items():
        text = text.replace(name, price)
    given = {"customer": stage.customer, **json.loads(text)}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.subscription_schedules.create(given)
    assert param in str(refused.value.param)
    assert stage.client.v1.subscription_schedules.list({}).data == []
    assert stage.invoices() == []
