"""What comes back is never more than what was charged for it, whatever the discounts of now.

Usage that got cheaper after a threshold billed it, and time that was paid in advance.
"""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

_CHEAPER = [{"up_to": 1_000, "unit_amount": 10}, {"up_to": "inf", "unit_amount": 1}]
"""1,000 units cost 100.00 and two more make all of them cost 10.02."""
_RENEWED = "2024-02-01 02:00"
_HALFWAY = "2024-01-16 12:00"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def _coupon(stage: Stage, **params: Any) -> dict[str, str]:
    given = {"duration": "forever", **params}
    if "amount_off" in given:
        given["currency"] = "usd"
    return {"coupon": str(stage.client.v1.coupons.create(given).id)}


def _cheaper(stage: Stage, item: dict[str, Any], **terms: Any) -> Any:
    """A subscription to usage that has been billed 1,000 units at 10 cents, less a discount."""
    tiers: dict[str, Any] = {
        "billing_scheme": "tiered",
        "tiers_mode": "volume",
        "tiers": _CHEAPER,
    }
    price = stage.metered("Calls", stage.meter(), **tiers)
    watched = {"price": price, "billing_thresholds": {"usage_gte": 1_000}}
    made = stage.subscribe(items=[watched | item], **terms)
    stage.until("2024-01-05")
    stage.use(1_000)
    stage.until("2024-01-06")
    return made


def _end(stage: Stage, subscription: Any, how: str) -> None:
    if how == "renewal":
        stage.until(_RENEWED)
    elif how == "cancellation":
        stage.client.v1.subscriptions.cancel(subscription.id, {"invoice_now": True})
    else:
        items = [
            {"id": subscription["items"].data[0].id, "deleted": True},
            {"price": stage.price("Seat", 0)},
        ]
        stage.change(subscription, items=items, proration_behavior="always_invoice")


@pytest.mark.parametrize("how", ["renewal", "cancellation", "removal"])
@pytest.mark.parametrize("holder", ["subscription", "item"])
def test_usage_of_half_price_that_gets_cheaper_comes_back_at_half_price(
    stage: Stage, holder: str, how: str
) -> None:
    given = {"discounts": [_coupon(stage, percent_off=50)]}
    item, terms = (given, {}) if holder == "item" else ({}, given)
    made = _cheaper(stage, item, **terms)
    stage.use(2)
    stage.until("2024-01-07")
    _end(stage, made, how)
    assert [invoice.total for invoice in stage.invoices()] == [5_000, 501 - 5_000]


@pytest.mark.parametrize(
    ("coupons", "charged", "in_the_end"),
    [
        pytest.param([{"percent_off": 50, "duration": "once"}], 5_000, 501, id="used up"),
        pytest.param([{"percent_off": 100}], 0, 0, id="free"),
        pytest.param([{"amount_off": 2_000}], 8_000, 802, id="an amount off"),
        pytest.param([{"percent_off": 50}, {"amount_off": 500}], 4_500, 451, id="two"),
    ],
)
def test_usage_comes_back_at_what_was_charged_for_it(
    stage: Stage, coupons: list[dict[str, Any]], charged: int, in_the_end: int
) -> None:
    _cheaper(stage, {}, discounts=[_coupon(stage, **coupon) for coupon in coupons])
    stage.use(2)
    stage.until(_RENEWED)
    first, last = stage.invoices()
    assert (first.total, last.total) == (charged, in_the_end - charged)


def test_lines_of_tiers_give_back_once_what_several_bills_took_off(stage: Stage) -> None:
    tiers = [{"up_to": 600, "unit_amount": 10}, {"up_to": "inf", "unit_amount": 5}]
    terms: dict[str, Any] = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers}
    price = stage.metered("Calls", stage.meter(), **terms)
    stage.subscribe(
        items=[{"price": price, "billing_thresholds": {"usage_gte": 500}}],
        discounts=[_coupon(stage, percent_off=50)],
    )
    for day, units in ((5, 500), (7, 500), (9, -900)):
        stage.until(f"2024-01-{day:02d}")
        stage.use(units)
        stage.until(f"2024-01-{day + 1:02d}")
    stage.until(_RENEWED)
    assert [invoice.total for invoice in stage.invoices()] == [2_500, 1_500, 500 - 4_000]


def test_a_discount_that_came_later_takes_nothing_off_what_comes_back(stage: Stage) -> None:
    made = _cheaper(stage, {})
    stage.change(made, discounts=[_coupon(stage, percent_off=50)])
    stage.use(2)
    stage.until(_RENEWED)
    assert [invoice.total for invoice in stage.invoices()] == [10_000, 1_002 - 10_000]


def test_a_discount_that_a_draft_got_counts_for_what_comes_back_of_it(stage: Stage) -> None:
    _cheaper(stage, {})
    [draft] = stage.invoices()
    discounts = [_coupon(stage, percent_off=100)]
    stage.client.v1.invoices.update(draft.id, {"discounts": discounts})
    stage.use(2)
    stage.until(_RENEWED)
    assert [invoice.total for invoice in stage.invoices()] == [0, 0]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize(
    ("first", "later", "credit"),
    [
        pytest.param({"percent_off": 100, "duration": "once"}, None, 0, id="a free first month"),
        pytest.param({"percent_off": 50, "duration": "once"}, None, -5_000, id="half for once"),
        pytest.param({"percent_off": 25}, {"percent_off": 50}, -7_500, id="exchanged"),
        pytest.param(None, {"percent_off": 50}, -10_000, id="added later"),
        pytest.param({"amount_off": 4_000}, {"percent_off": 50}, -8_000, id="an amount off"),
    ],
)
def test_unused_time_comes_back_with_the_discounts_that_it_was_billed_with(
    stage: Stage,
    mode: str,
    first: dict[str, Any] | None,
    later: dict[str, Any] | None,
    credit: int,
) -> None:
    """Two licences for 100.00 each, given back in the middle of the month."""
    discounts = [] if first is None else [_coupon(stage, **first)]
    item = {"price": stage.price("Seat", 10_000), "quantity": 2}
    made = stage.subscribe(items=[item], discounts=discounts, billing_mode={"type": mode})
    stage.until(_HALFWAY)
    if later is not None:
        stage.change(made, discounts=[_coupon(stage, **later)])
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    assert stage.invoices()[-1].total == credit


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize("place", ["invoice", "line"])
def test_a_discount_that_a_renewals_draft_got_counts_for_what_comes_back_of_it(
    stage: Stage, mode: str, place: str
) -> None:
    made = stage.subscribe(stage.price("Seat", 10_000), billing_mode={"type": mode})
    stage.until("2024-02-01 00:30")
    draft = stage.invoices()[-1]
    given = {"discounts": [_coupon(stage, percent_off=100)]}
    if place == "invoice":
        stage.client.v1.invoices.update(draft.id, given)
    else:
        line = {"id": draft.lines.data[0].id, **given}
        stage.client.v1.invoices.update_lines(draft.id, {"lines": [line]})
    stage.until("2024-02-10")
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    assert [invoice.total for invoice in stage.invoices()] == [10_000, 0, 0]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize("how", ["counted", "put on by hand"])
def test_an_amount_that_a_draft_spreads_anew_comes_back_as_it_was_spread(
    stage: Stage, mode: str, how: str
) -> None:
    """Of 50.00 off, a licence for 100.00 has half once there is something else for 100.00."""
    prices = [stage.price("Seat", 10_000), stage.metered("Calls", stage.meter(), 1)]
    half_off = [_coupon(stage, amount_off=5_000)]
    made = stage.subscribe(*prices, discounts=half_off, billing_mode={"type": mode})
    stage.until("2024-02-01 00:30")
    if how == "counted":
        stage.use(10_000, "2024-01-31")
    else:
        extra = {"customer": stage.customer, "amount": 10_000, "currency": "usd"}
        stage.client.v1.invoice_items.create(extra | {"invoice": stage.invoices()[-1].id})
    stage.until("2024-02-15 12:00")
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True})
    [credit] = stage.client.v1.invoice_items.list({"pending": True}).data[-1:]
    assert credit.amount == (-3_750 if mode == "flexible" else -2_500)


def test_classic_mode_credits_the_price_of_now_with_the_discount_that_was_used(
    stage: Stage,
) -> None:
    discounts = [_coupon(stage, percent_off=50, duration="once")]
    made = stage.subscribe(
        stage.price("Seat", 10_000), discounts=discounts, billing_mode={"type": "classic"}
    )
    stage.until(_HALFWAY)
    item = {"id": made["items"].data[0].id, "price": stage.price("Less", 4_000)}
    stage.change(made, items=[item], proration_behavior="none")
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    assert stage.invoices()[-1].total == -1_000


def test_classic_mode_credits_a_change_with_the_discount_that_the_change_used(
    stage: Stage,
) -> None:
    """Half of the month at 100.00 a licence, half price, is charged and comes back."""
    made = stage.subscribe(stage.price("Seat", 10_000), billing_mode={"type": "classic"})
    item = {"id": made["items"].data[0].id, "quantity": 2}
    stage.until(_HALFWAY)
    half = [_coupon(stage, percent_off=50)]
    stage.change(made, items=[item], discounts=half, proration_behavior="always_invoice")
    stage.change(made, discounts="")
    fewer = [item | {"quantity": 1}]
    stage.change(made, items=fewer, proration_behavior="always_invoice")
    assert [invoice.total for invoice in stage.invoices()] == [
        10_000,
        -5_000 + 10_000 // 2,
        -5_000 + 5_000,
    ]


def _as_an_added_item(stage: Stage, seat: str) -> Any:
    made = stage.subscribe(stage.price("Base", 100), billing_mode={"type": "classic"})
    stage.until("2024-01-10")
    return stage.change(made, items=[{"price": seat}], proration_behavior="none")


def _instead_of_usage(stage: Stage, seat: str) -> Any:
    made = stage.subscribe(
        stage.metered("Calls", stage.meter(), 1), billing_mode={"type": "classic"}
    )
    stage.until("2024-01-10")
    item = {"id": made["items"].data[0].id, "price": seat}
    return stage.change(made, items=[item], proration_behavior="none")


def _in_a_free_first_period(stage: Stage, seat: str) -> Any:
    return stage.subscribe(
        seat,
        billing_mode={"type": "classic"},
        billing_cycle_anchor=at("2024-01-28"),
        proration_behavior="none",
    )


@pytest.mark.parametrize("begun", [_as_an_added_item, _instead_of_usage, _in_a_free_first_period])
def test_classic_mode_credits_nothing_of_time_that_was_never_charged(
    stage: Stage, begun: Any
) -> None:
    made = begun(stage, stage.price("Seat", 3_100))
    stage.until("2024-01-15")
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True})
    listed = stage.client.v1.invoice_items.list({"customer": stage.customer})
    assert [one.amount for one in listed.data if "Seat" in one.description] == []


def test_what_was_never_charged_is_credited_once_a_renewal_has_charged_it(stage: Stage) -> None:
    made = _as_an_added_item(stage, stage.price("Seat", 2_900))
    stage.until("2024-02-15")
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True})
    listed = stage.client.v1.invoice_items.list({"customer": stage.customer})
    assert [one.amount for one in listed.data if "Seat" in one.description] == [-1_500]
