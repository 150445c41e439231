"""Billing thresholds: an invoice in the middle of a period, once enough is due.

The figures of 200 impressions at 50 cents for each 100 dollars are Stripe's published example.
"""

from typing import Any

import pytest
import stripe

from tests.factories.streams import counter_of, watch_counters
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, day, short

_TIERS = [{"up_to": 10_000, "unit_amount": 50}, {"up_to": "inf", "unit_amount": 40}]
_RENEWED = "2024-02-01 02:00"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


@pytest.fixture
def meter(stage: Stage) -> str:
    return stage.meter()


def _tiered(stage: Stage, meter: str, mode: str = "graduated", **params: Any) -> str:
    tiered = {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": _TIERS, **params}
    return stage.metered("Impressions", meter, **tiered)


def _use(stage: Stage, meter: str, value: int) -> None:
    """Usage that is counted, and looked at."""
    stage.use(value)
    watch_counters([counter_of(meter, stage.customer, "2024-01-01T00")])


def _lines(invoice: Any) -> list[tuple[str, int]]:
    return [(short(line.description), line.amount) for line in invoice.lines.data]


def test_an_amount_that_is_reached_makes_an_invoice(stage: Stage, meter: str) -> None:
    stage.subscribe(_tiered(stage, meter), billing_thresholds={"amount_gte": 10_000})
    stage.until("2024-01-05")
    _use(stage, meter, 199)
    assert stage.invoices() == []
    _use(stage, meter, 1)
    [invoice] = stage.invoices()
    assert (invoice.billing_reason, invoice.total) == ("subscription_threshold", 10_000)
    assert invoice.status == "draft"
    assert invoice.threshold_reason.amount_gte == 10_000
    _use(stage, meter, 1)
    assert len(stage.invoices()) == 1


def test_a_test_clock_looks_at_them_when_it_arrives(stage: Stage, meter: str) -> None:
    stage.subscribe(_tiered(stage, meter), billing_thresholds={"amount_gte": 10_000})
    stage.until("2024-01-05")
    stage.use(200)
    assert stage.invoices() == []
    stage.until("2024-01-06")
    [invoice] = stage.invoices()
    assert (invoice.billing_reason, invoice.total) == ("subscription_threshold", 10_000)
    stage.until("2024-01-07")
    assert len(stage.invoices()) == 1


def test_without_a_grace_period_what_a_clock_bills_as_it_arrives_is_final(
    stage: Stage, meter: str
) -> None:
    stage.client.raw_request("post", "/v1/meterline/settings", invoice_grace_seconds=0)
    stage.subscribe(_tiered(stage, meter), billing_thresholds={"amount_gte": 10_000})
    stage.until("2024-01-05")
    stage.use(200)
    stage.until("2024-01-06")
    [invoice] = stage.invoices()
    assert (invoice.billing_reason, invoice.status) == ("subscription_threshold", "open")
    assert day(invoice.status_transitions.finalized_at) == "2024-01-06"


def test_tiers_continue_across_the_invoices_of_a_period(stage: Stage, meter: str) -> None:
    stage.subscribe(_tiered(stage, meter), billing_thresholds={"amount_gte": 10_000})
    stage.until("2024-01-05")
    _use(stage, meter, 10_000)
    stage.until("2024-01-06")
    _use(stage, meter, 250)
    first, second = stage.invoices()
    assert first.total == 500_000
    assert (second.total, _lines(second)) == (
        10_000,
        [
            ("10000 × Impressions", 500_000),
            ("250 × Impressions", 10_000),
            ("Already billed: 10000 × Impressions", -500_000),
        ],
    )
    stage.use(100)
    stage.until(_RENEWED)
    renewal = stage.invoices()[-1]
    assert renewal.billing_reason == "subscription_cycle"
    assert _lines(renewal) == [
        ("10000 × Impressions", 500_000),
        ("350 × Impressions", 14_000),
        ("Already billed: 10250 × Impressions", -510_000),
    ]
    assert sum(invoice.total for invoice in stage.invoices()) == 514_000


def test_the_next_period_starts_from_nothing(stage: Stage, meter: str) -> None:
    stage.subscribe(_tiered(stage, meter), billing_thresholds={"amount_gte": 10_000})
    stage.until("2024-01-05")
    _use(stage, meter, 200)
    stage.until(_RENEWED)
    _use(stage, meter, 200)
    assert [invoice.total for invoice in stage.invoices()] == [10_000, 0, 10_000]


def test_a_volume_price_that_gets_cheaper_gives_credit_at_the_end(stage: Stage, meter: str) -> None:
    stage.subscribe(_tiered(stage, meter, "volume"), billing_thresholds={"amount_gte": 10_000})
    stage.until("2024-01-05")
    _use(stage, meter, 10_000)
    _use(stage, meter, 1)
    stage.until(_RENEWED)
    threshold, renewal = stage.invoices()
    assert (threshold.total, renewal.total) == (500_000, 400_040 - 500_000)
    assert stage.client.v1.customers.retrieve(stage.customer).balance == 400_040 - 500_000


def test_a_reset_ends_the_period_and_bills_the_next_one(stage: Stage, meter: str) -> None:
    thresholds = {"amount_gte": 10_000, "reset_billing_cycle_anchor": True}
    price = stage.price("Seat", 3_100)
    made = stage.subscribe(price, _tiered(stage, meter), billing_thresholds=thresholds)
    stage.until("2024-01-11")
    _use(stage, meter, 200)
    invoice = stage.invoices()[-1]
    assert (invoice.billing_reason, sorted(amount for _, amount in _lines(invoice))) == (
        "subscription_threshold",
        [-2_100, 3_100, 10_000],
    )
    after = stage.client.v1.subscriptions.retrieve(made.id)
    assert after.billing_cycle_anchor == stage.now + 1
    assert {day(item.current_period_end) for item in after["items"].data} == {"2024-02-11"}
    _use(stage, meter, 1)
    assert len(stage.invoices()) == 2


def test_an_item_has_a_threshold_of_its_own_in_units(stage: Stage, meter: str) -> None:
    price = stage.metered("Calls", meter, 500)
    item = {"price": price, "billing_thresholds": {"usage_gte": 10}}
    made = stage.subscribe(items=[item])
    assert made["items"].data[0].billing_thresholds.usage_gte == 10
    stage.until("2024-01-05")
    _use(stage, meter, 9)
    _use(stage, meter, 2)
    [invoice] = stage.invoices()
    assert (invoice.total, invoice.threshold_reason.amount_gte) == (5_500, None)
    [reason] = invoice.threshold_reason.item_reasons
    assert reason.usage_gte == 10
    assert reason.line_item_ids == [invoice.lines.data[0].id]
    stage.until("2024-01-06")
    _use(stage, meter, 9)
    assert len(stage.invoices()) == 1
    _use(stage, meter, 1)
    assert [one.total for one in stage.invoices()] == [5_500, 5_000]


def test_discounts_take_their_part_of_each_difference_once(stage: Stage, meter: str) -> None:
    coupon = stage.client.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    stage.subscribe(
        stage.metered("Calls", meter, 100),
        billing_thresholds={"amount_gte": 900},
        discounts=[{"coupon": coupon}],
    )
    stage.until("2024-01-05")
    _use(stage, meter, 9)
    assert stage.invoices() == []
    _use(stage, meter, 1)
    _use(stage, meter, 10)
    stage.until(_RENEWED)
    assert [invoice.total for invoice in stage.invoices()] == [900, 900, 0]


def test_what_a_threshold_billed_is_not_billed_again_by_a_cancellation(
    stage: Stage, meter: str
) -> None:
    made = stage.subscribe(
        stage.metered("Calls", meter, 100), billing_thresholds={"amount_gte": 1_000}
    )
    stage.until("2024-01-05")
    _use(stage, meter, 12)
    stage.use(3)
    stage.until("2024-01-06")
    stage.client.v1.subscriptions.cancel(made.id, {"invoice_now": True})
    assert [invoice.total for invoice in stage.invoices()] == [1_200, 300]


def test_pending_items_count_and_are_billed_with_it(stage: Stage, meter: str) -> None:
    stage.subscribe(stage.metered("Calls", meter, 100), billing_thresholds={"amount_gte": 1_000})
    stage.until("2024-01-05")
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 800, "currency": "usd"}
    )
    _use(stage, meter, 2)
    assert [invoice.total for invoice in stage.invoices()] == [1_000]


def test_a_subscription_that_has_ended_is_not_looked_at(stage: Stage, meter: str) -> None:
    price = stage.metered("Calls", meter, 100)
    made = stage.subscribe(price, billing_thresholds={"amount_gte": 1_000})
    other = stage.subscribe(price, billing_thresholds={"amount_gte": 5_000})
    stage.until("2024-01-05")
    stage.client.v1.subscriptions.cancel(made.id)
    _use(stage, meter, 20)
    assert stage.invoices() == []
    _use(stage, meter, 30)
    [invoice] = stage.invoices()
    assert invoice.parent.subscription_details.subscription == other.id


@pytest.mark.parametrize(
    ("terms", "when"),
    [
        pytest.param({}, "2024-01-31 00:01", id="in the last 24 hours of a period"),
        pytest.param({"trial_period_days": 20}, "2024-01-05", id="in a trial"),
    ],
)
def test_nothing_is_billed(stage: Stage, meter: str, terms: dict[str, Any], when: str) -> None:
    price = stage.metered("Calls", meter, 100)
    stage.subscribe(price, billing_thresholds={"amount_gte": 1_000}, **terms)
    stage.until(when)
    _use(stage, meter, 100)
    assert stage.invoices() == []


def test_thresholds_are_set_and_removed_later(stage: Stage, meter: str) -> None:
    made = stage.subscribe(stage.metered("Calls", meter, 100))
    set_ = stage.change(made, billing_thresholds={"amount_gte": 1_000})
    assert set_.billing_thresholds.amount_gte == 1_000
    assert set_.billing_thresholds.reset_billing_cycle_anchor is None
    assert stage.change(made, billing_thresholds="").billing_thresholds is None
    stage.until("2024-01-05")
    _use(stage, meter, 100)
    assert stage.invoices() == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        pytest.param({"amount_gte": 49}, "amount_too_small", id="less than 50 minor units"),
        pytest.param({"usage_gte": 5}, "parameter_unknown", id="a threshold of items"),
    ],
)
def test_a_wrong_threshold_is_refused(
    stage: Stage, meter: str, wrong: dict[str, Any], code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(stage.metered("Calls", meter, 1), billing_thresholds=wrong)
    assert (refused.value.param, refused.value.code) == (
        f"billing_thresholds[{next(iter(wrong))}]",
        code,
    )


def test_a_threshold_must_be_more_than_the_flat_amounts(stage: Stage, meter: str) -> None:
    flat = [{"up_to": "inf", "unit_amount": 1, "flat_amount": 5_000}]
    price = _tiered(stage, meter, tiers=flat)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(price, billing_thresholds={"amount_gte": 5_000})
    assert refused.value.param == "billing_thresholds[amount_gte]"


def test_an_item_that_becomes_licensed_loses_its_usage_threshold(stage: Stage, meter: str) -> None:
    item = {"price": stage.metered("Calls", meter, 1), "billing_thresholds": {"usage_gte": 10}}
    made = stage.subscribe(items=[item])
    licensed = {"id": made["items"].data[0].id, "price": stage.price("Seat", 5)}
    changed = stage.change(made, items=[licensed])
    assert changed["items"].data[0].billing_thresholds is None


def test_a_licensed_item_has_no_usage_threshold(stage: Stage) -> None:
    item = {"price": stage.price("Seat", 5), "billing_thresholds": {"usage_gte": 10}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(items=[item])
    assert refused.value.param == "items[0][billing_thresholds]"


def _bounded(stage: Stage, meter: str, **bounds: int) -> str:
    return stage.metered("Impressions", meter, 10, meterline=bounds)


def test_the_minimum_of_a_period_waits_for_its_end(stage: Stage, meter: str) -> None:
    stage.subscribe(
        _bounded(stage, meter, minimum_amount=1_000), billing_thresholds={"amount_gte": 100}
    )
    stage.until("2024-01-20")
    _use(stage, meter, 1)
    assert stage.invoices() == []
    _use(stage, meter, 14)
    stage.until(_RENEWED)
    assert [invoice.total for invoice in stage.invoices()] == [150, 850]


def test_the_maximum_of_a_period_holds_for_all_its_invoices(stage: Stage, meter: str) -> None:
    stage.subscribe(
        _bounded(stage, meter, maximum_amount=200), billing_thresholds={"amount_gte": 100}
    )
    stage.until("2024-01-02")
    _use(stage, meter, 15)
    _use(stage, meter, 30)
    stage.until(_RENEWED)
    assert [invoice.total for invoice in stage.invoices()] == [150, 50]
