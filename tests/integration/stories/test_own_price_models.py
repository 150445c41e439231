"""Prices beyond Stripe's: percentages with fees, and minimum and maximum amounts of a period."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, lines_of


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def own(stage: Stage, terms: dict[str, Any], **params: Any) -> str:
    """A monthly price for the usage of the stage's meter, in terms of our own."""
    recurring = {"interval": "month", "usage_type": "metered", "meter": params.pop("meter")}
    given = {
        "currency": stage.currency,
        "product_data": {"name": "Payments"},
        "recurring": recurring,
        "meterline": terms,
        **params,
    }
    return str(stage.client.v1.prices.create(given).id)


def explained(stage: Stage, invoice: str) -> list[Any]:
    path = f"/v1/invoices/{invoice}/explanation"
    return list(stage.client.raw_request("get", path).data["lines"])


# currency | payments in minor units | percent, fee for each | what the month comes to
PERCENTAGES = [
    # 2.9 % of $250.01 is $7.25029; three fees of $0.30 make it $8.15029.
    ("usd", [10_000, 15_000, 1], ("2.9", "30"), 815),
    # 1.4 % of ¥12,345 is ¥172.83; two fees of ¥25 make it ¥222.83.
    ("jpy", [12_000, 345], ("1.4", "25"), 223),
    # 0.75 % of 20.001 dinars is 0.1500075; one fee of 0.0125 makes it 0.1625075.
    ("kwd", [20_001], ("0.75", "12.5"), 163),
    # No fee: 1.5 % of $1.00 is a cent and a half.
    ("usd", [100], ("1.5", "0"), 2),
    ("usd", [], ("2.9", "30"), 0),
]


@pytest.mark.parametrize(("currency", "payments", "terms", "due"), PERCENTAGES)
def test_a_percentage_with_a_fee_for_each_event(
    api: Api, currency: str, payments: list[int], terms: tuple[str, str], due: int
) -> None:
    stage = Stage(api, "2024-01-01", currency)
    percentage = {"percent": terms[0], "fixed_fee_decimal": terms[1]}
    price = own(stage, {"percentage": percentage}, meter=stage.meter())
    subscription = stage.subscribe(price)
    for amount in payments:
        stage.use(amount)
    assert stage.preview(subscription).total == due
    stage.until("2024-02-01 02:00")
    [invoice] = stage.invoices()
    assert (invoice.total, invoice.status) == (due, "open" if due >= 50 else "paid")
    assert invoice.lines.data[0].quantity == sum(payments)


def test_free_events_and_volume_come_off_first(stage: Stage) -> None:
    """1.3 % of 800 less 250, and 2 for two of four events: 7.15 + 4 = 11.15 (case lago 030)."""
    terms = {"percent": "1.3", "fixed_fee_decimal": "2", "free_events": 2}
    terms["free_volume_decimal"] = "250"
    subscription = stage.subscribe(own(stage, {"percentage": terms}, meter=stage.meter()))
    for amount in (100, 200, 200, 300):
        stage.use(amount)
    [line] = stage.preview(subscription).lines.data
    assert (line.amount, line.description) == (11, "800 × Payments (at 1.3 % + $0.02)")
    stage.until("2024-02-02")
    [shown] = explained(stage, stage.invoices()[0].id)
    steps = shown["explanation"]["steps"]
    assert [
        (step["counts"], step["quantity"], step["unit_amount"], step["amount"]) for step in steps
    ] == [
        ("quantity", "250", "0", "0"),
        ("quantity", "550", "0.013", "7.15"),
        ("events", "2", "0", "0"),
        ("events", "2", "2", "4"),
    ]


@pytest.mark.parametrize(
    ("currency", "volume", "due"),
    [
        # 10 at 1 % + 200, 10 at 2 % + 300, the rest at 3 % + 400 (cases lago 024 to 029).
        ("usd", 0, 200),
        ("usd", 11, 500),
        ("jpy", 1_020, 930),  # 0.1 + 0.2 + 30 + 900 = 930.3
        ("kwd", 100_020, 3_900),  # 0.1 + 0.2 + 3000 + 900 = 3900.3
    ],
)
def test_a_graduated_percentage(api: Api, currency: str, volume: int, due: int) -> None:
    stage = Stage(api, "2024-01-01", currency)
    tiers = [
        {"up_to": 10, "percent": "1", "flat_amount_decimal": "200"},
        {"up_to": 20, "percent": "2", "flat_amount_decimal": "300"},
        {"up_to": "inf", "percent": "3", "flat_amount_decimal": "400"},
    ]
    price = own(stage, {"graduated_percentage": tiers}, meter=stage.meter())
    stored = stage.client.v1.prices.retrieve(price).meterline
    assert [tier.up_to for tier in stored.graduated_percentage] == [10, 20, None]
    subscription = stage.subscribe(price)
    if volume:
        stage.use(volume)
    assert stage.preview(subscription).total == due
    stage.until("2024-02-02")
    assert stage.totals() == [("2024-02-01", due)]


@pytest.mark.parametrize(
    ("currency", "used", "due", "said"),
    [
        ("usd", 30, 1_000, ", minimum $10.00"),
        ("usd", 300, 3_000, ""),
        ("usd", 900, 5_000, ", maximum $50.00"),
        ("jpy", 0, 1_000, ", minimum ¥1000"),
        ("kwd", 900, 5_000, ", maximum 5.000 KWD"),
    ],
)
def test_the_usage_of_a_period_costs_at_least_and_at_most(
    api: Api, currency: str, used: int, due: int, said: str
) -> None:
    """Ten a unit, at least 1000 and at most 5000."""
    stage = Stage(api, "2024-01-01", currency)
    bounds = {"minimum_amount": 1_000, "maximum_amount": 5_000}
    subscription = stage.subscribe(own(stage, bounds, meter=stage.meter(), unit_amount=10))
    if used:
        stage.use(used)
    assert stage.preview(subscription).total == due
    stage.until("2024-02-02")
    [invoice] = stage.invoices()
    assert invoice.total == due
    assert invoice.lines.data[0].description.endswith(")" + said)
    [line] = explained(stage, invoice.id)
    assert line["explanation"]["bounds"] == {
        "minimum_amount": 1_000,
        "maximum_amount": 5_000,
        "seconds": 31 * 86_400,
        "of_seconds": 31 * 86_400,
        "usage_amount": used * 10,
        "reduction": max(0, used * 10 - 5_000),
        "true_up": max(0, 1_000 - used * 10),
    }


def test_a_first_period_that_is_short_has_its_share_of_the_bounds(stage: Stage) -> None:
    """From 16 January to the end of the month: 16 of the 31 days that follow the 16th."""
    stage.until("2024-01-16")
    price = own(stage, {"minimum_amount": 3_100}, meter=stage.meter(), unit_amount=10)
    stage.subscribe(price, billing_cycle_anchor_config={"day_of_month": 1, "hour": 0, "minute": 0})
    stage.use(1)
    stage.until("2024-03-02")
    assert stage.totals() == [("2024-02-01", 1_600), ("2024-03-01", 3_100)]


def test_a_change_of_price_shares_the_month_between_both_minimums(stage: Stage) -> None:
    """11 of 31 days at least at 3100 a month, then 20 of 31 days at 6200: 1100 and 4000."""
    meter = stage.meter()
    subscription = stage.subscribe(
        own(stage, {"minimum_amount": 3_100}, meter=meter, unit_amount=10)
    )
    stage.use(5)
    stage.until("2024-01-12")
    dearer = own(stage, {"minimum_amount": 6_200}, meter=meter, unit_amount=20)
    stage.change(subscription, items=[{"id": subscription["items"].data[0].id, "price": dearer}])
    stage.use(7)
    expected = [1_100, 4_000]
    assert [line.amount for line in stage.preview(subscription).lines.data] == expected
    stage.until("2024-02-02")
    assert [line.amount for line in stage.invoices()[0].lines.data] == expected
    first, second = explained(stage, stage.invoices()[0].id)
    assert first["explanation"]["bounds"]["true_up"] == 1_050
    assert second["explanation"]["bounds"]["true_up"] == 3_860
    assert second["explanation"]["bounds"]["seconds"] == 20 * 86_400


def test_cancelling_with_an_invoice_bills_the_share_of_the_minimum(stage: Stage) -> None:
    """10 of 31 days of at least 3100."""
    price = own(stage, {"minimum_amount": 3_100}, meter=stage.meter(), unit_amount=10)
    subscription = stage.subscribe(price)
    stage.until("2024-01-11")
    stage.client.v1.subscriptions.cancel(subscription.id, {"invoice_now": True})
    assert stage.totals() == [("2024-01-11", 1_000)]


def test_a_reset_of_the_anchor_bills_the_share_of_the_maximum(stage: Stage) -> None:
    price = own(stage, {"maximum_amount": 3_100}, meter=stage.meter(), unit_amount=10)
    subscription = stage.subscribe(price)
    stage.use(5_000)
    stage.until("2024-01-11")
    stage.change(subscription, billing_cycle_anchor="now")
    assert stage.totals() == [("2024-01-11", 1_000)]


def test_usage_within_the_draft_hour_counts_towards_the_minimum(stage: Stage) -> None:
    price = own(stage, {"minimum_amount": 1_000}, meter=stage.meter(), unit_amount=10)
    stage.subscribe(price)
    stage.until("2024-02-01 00:30")
    assert stage.invoices()[0].total == 1_000
    stage.use(150, "2024-01-31 23:00")
    stage.until("2024-02-01 01:30")
    assert lines_of(stage.invoices()[0])[0][1] == 1_500


def test_a_trial_has_no_minimum(stage: Stage) -> None:
    price = own(stage, {"minimum_amount": 1_000}, meter=stage.meter(), unit_amount=10)
    stage.subscribe(price, trial_period_days=10)
    stage.until("2024-02-12")
    assert stage.totals() == [("2024-02-11", 1_000)]


def test_coupons_come_off_the_bounded_amount(stage: Stage) -> None:
    price = own(stage, {"minimum_amount": 1_000}, meter=stage.meter(), unit_amount=10)
    half = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    stage.subscribe(price, discounts=[{"coupon": half}])
    stage.until("2024-02-02")
    assert stage.totals() == [("2024-02-01", 500)]


def test_a_free_price_with_a_minimum_does_not_reset_a_classic_cycle(stage: Stage) -> None:
    """It costs something already, so a paid price beside it is no start from nothing."""
    price = own(stage, {"minimum_amount": 1_000}, meter=stage.meter(), unit_amount=0)
    subscription = stage.subscribe(price, billing_mode={"type": "classic"})
    stage.until("2024-01-11")
    after = stage.change(subscription, items=[{"price": stage.price("Base", 500)}])
    assert after.billing_cycle_anchor == subscription.billing_cycle_anchor


@pytest.mark.parametrize(
    ("terms", "more", "param"),
    [
        ({"percentage": {"percent": "101"}}, {}, "meterline[percentage][percent]"),
        ({"percentage": {}}, {"nickname": "x"}, None),
        ({"percentage": {"fixed_fee_decimal": "1"}}, {}, "meterline[percentage][percent]"),
        ({"percentage": {"percent": "1"}}, {"unit_amount": 5}, "unit_amount"),
        (
            {"graduated_percentage": [{"up_to": 5, "percent": "1"}]},
            {},
            "meterline[graduated_percentage][0][up_to]",
        ),
        (
            {"minimum_amount": 5, "maximum_amount": 4},
            {"unit_amount": 1},
            "meterline[minimum_amount]",
        ),
        ({"maximum_amount": 10**12}, {"unit_amount": 1}, "meterline[maximum_amount]"),
        ({"minimum": 5}, {"unit_amount": 1}, "meterline[minimum]"),
    ],
)
def test_terms_that_make_no_price_are_refused(
    stage: Stage, terms: dict[str, Any], more: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        own(stage, terms, meter=stage.meter(), **more)
    assert refused.value.param == param


def test_only_usage_has_bounds_and_only_sums_a_percentage(stage: Stage) -> None:
    with pytest.raises(stripe.InvalidRequestError) as licensed:
        stage.price("Base", 500, meterline={"minimum_amount": 5})
    assert licensed.value.param == "meterline"
    with pytest.raises(stripe.InvalidRequestError) as counted:
        own(stage, {"percentage": {"percent": "1"}}, meter=stage.meter("visits", "count"))
    assert counted.value.param == "meterline"
