"""Coupons and credits that went wrong in public, and what is right in each.

Each names where it was reported. Amounts and instants are facts of our own; what is right follows
from the rules that Stripe publishes ("Coupons", "Prorations", "Customer credit balance").
"""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

CLASSIC = {"billing_mode": {"type": "classic"}}
FLEXIBLE = {"billing_mode": {"type": "flexible"}}
MODES = pytest.mark.parametrize("mode", [CLASSIC, FLEXIBLE], ids=["classic", "flexible"])


def coupon(stage: Stage, **params: Any) -> list[dict[str, str]]:
    if "amount_off" in params:
        params["currency"] = "usd"
    return [{"coupon": str(stage.client.v1.coupons.create(params).id)}]


def totals(stage: Stage) -> list[int]:
    return [invoice.total for invoice in stage.invoices()]


def pending(stage: Stage) -> int:
    """What the items that wait for an invoice come to."""
    waiting = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    return sum(item.amount for item in waiting.data)


# ---------------------------------------------------------------- credits after other coupons


@MODES
def test_a_year_that_was_paid_at_a_discount_comes_back_at_it(
    api: Api, mode: dict[str, Any]
) -> None:
    """Stripe's api-discuss list, stripe/stripe-java#1183."""
    stage = Stage(api, "2023-01-01")
    quarter_off = coupon(stage, percent_off=25, duration="once")
    year = stage.price("Year", 8_000, interval="year")
    made = stage.subscribe(year, discounts=quarter_off, **mode)
    stage.until("2023-07-02 12:00")
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True})
    assert (totals(stage), pending(stage)) == ([6_000], -3_000)


@MODES
def test_what_was_paid_in_full_comes_back_in_full_though_a_coupon_was_added(
    api: Api, mode: dict[str, Any]
) -> None:
    """Stripe's api-discuss list."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(items=[{"price": stage.price("Seat", 6_000), "quantity": 2}], **mode)
    stage.until("2024-04-10")
    stage.change(made, discounts=coupon(stage, percent_off=50, duration="forever"))
    stage.until("2024-04-16")
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True})
    assert pending(stage) == -6_000


# ---------------------------------------------------------------- coupons for once


def test_a_coupon_for_once_waits_behind_a_trial(api: Api) -> None:
    """stripe/stripe-go#944."""
    stage = Stage(api, "2024-01-01")
    quarter_off = coupon(stage, percent_off=25, duration="once")
    stage.subscribe(stage.price("Base", 2_000), trial_period_days=10, discounts=quarter_off)
    stage.until("2024-02-11 02:00")
    assert totals(stage) == [0, 1_500, 2_000]


def test_a_coupon_for_once_is_used_up_by_the_first_invoice(api: Api) -> None:
    """Stripe, changelog of 2013-10-29."""
    stage = Stage(api, "2024-01-01")
    quarter_off = coupon(stage, percent_off=25, duration="once")
    made = stage.subscribe(stage.price("Base", 2_000), discounts=quarter_off)
    assert (totals(stage), made.discounts) == ([1_500], [])


def test_a_coupon_for_once_is_kept_by_a_renewal_of_nothing(api: Api) -> None:
    """Stripe's api-discuss list."""
    stage = Stage(api, "2024-01-01")
    half = coupon(stage, percent_off=50, duration="once")
    stage.subscribe(stage.metered("Calls", stage.meter(), 10), discounts=half)
    for month in ("2024-02-10", "2024-03-10"):
        stage.until(month)
        stage.use(100)
    stage.until("2024-04-01 02:00")
    assert totals(stage) == [0, 500, 1_000]


def test_a_coupon_of_more_than_is_due_leaves_no_credit(api: Api) -> None:
    """Stripe's api-discuss list."""
    stage = Stage(api, "2024-01-01")
    fifty = coupon(stage, amount_off=5_000, duration="once")
    made = stage.subscribe(stage.price("Base", 1_000), discounts=fifty)
    stage.until("2024-02-01 02:00")
    assert (totals(stage), made.discounts) == ([0, 1_000], [])
    assert stage.client.v1.customers.retrieve(stage.customer).balance == 0


# ---------------------------------------------------------------- coupons beside credits

_HALF = {"percent_off": 50}
_THREE = {"amount_off": 300}


@pytest.mark.parametrize(
    ("terms", "items", "total"),
    [
        (_HALF, [(1_000, {}), (-200, {})], 300),
        (_HALF, [(1_000, {}), (-200, {"discountable": True})], 400),
        (_THREE, [(1_000, {}), (-200, {})], 500),
        (_THREE, [(1_000, {}), (-800, {"discountable": True})], 0),
        (_HALF, [(-500, {})], -500),
        (_HALF, [(-500, {"discountable": True})], -250),
        (_HALF, [(1_000, {"discountable": False}), (600, {})], 1_300),
    ],
)
def test_a_coupon_reaches_a_credit_if_that_is_discountable(
    api: Api, terms: dict[str, Any], items: list[tuple[int, dict[str, Any]]], total: int
) -> None:
    """Stripe's text of ``discountable``, getlago/lago-api#4593."""
    stage = Stage(api, "2024-01-01")
    for amount, params in items:
        item = {"customer": stage.customer, "amount": amount, "currency": "usd", **params}
        stage.client.v1.invoice_items.create(item)
    made = stage.client.v1.invoices.create(
        {
            "customer": stage.customer,
            "pending_invoice_items_behavior": "include",
            "discounts": coupon(stage, duration="once", **terms),
        }
    )
    assert made.total == total


# ---------------------------------------------------------------- what is too small to charge


def test_cents_are_carried_until_they_are_enough_to_charge(api: Api) -> None:
    """polarsource/polar#7093."""
    stage = Stage(api, "2024-01-01")
    stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    for month, cents in enumerate((20, 25, 4, 1), start=1):
        stage.until(f"2024-{month:02}-15")
        stage.use(cents)
    stage.until("2024-05-01 02:00")
    assert [
        (invoice.total, invoice.amount_due, invoice.ending_balance) for invoice in stage.invoices()
    ] == [
        (20, 0, 20),
        (25, 0, 45),
        (4, 0, 49),
        (1, 50, 0),
    ]


def test_a_credit_that_leaves_too_little_to_charge_carries_the_rest(api: Api) -> None:
    """polarsource/polar#7093, the documentation of fortrabbit."""
    stage = Stage(api, "2024-01-01")
    stage.client.v1.customers.balance_transactions.create(
        stage.customer, {"amount": -470, "currency": "usd"}
    )
    stage.subscribe(stage.price("Base", 500))
    stage.until("2024-02-01 02:00")
    assert [(invoice.amount_due, invoice.ending_balance) for invoice in stage.invoices()] == [
        (0, 30),
        (530, 0),
    ]


def test_three_decimal_currencies_are_charged_in_tens(api: Api) -> None:
    """Stripe, "Supported currencies": 5.124 KWD must be rounded."""
    stage = Stage(api, "2024-01-01", "kwd")
    item = {"customer": stage.customer, "currency": "kwd"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.invoice_items.create(item | {"amount": 5124})
    assert (refused.value.http_status, refused.value.param) == (400, "amount")
    stage.subscribe(stage.metered("Calls", stage.meter(), 7))
    stage.use(732)
    stage.until("2024-02-01 02:00")
    bill = stage.invoices()[-1]
    assert (bill.total, bill.amount_due, bill.ending_balance) == (5124, 5120, 4)


# ---------------------------------------------------------------- usage that a change ends


@MODES
@pytest.mark.parametrize("changed", [{"deleted": True}, {"discounts": ""}], ids=["item", "coupon"])
def test_usage_that_a_restart_bills_has_the_coupon_of_its_item_which_goes_with_it(
    api: Api, mode: dict[str, Any], changed: dict[str, Any]
) -> None:
    stage = Stage(api, "2024-05-01")
    calls, seat = stage.metered("Calls", stage.meter(), 10), stage.price("Seat", 100)
    half_off = coupon(stage, percent_off=50, duration="forever")
    items = [{"price": calls, "discounts": half_off}, {"price": seat}]
    made = stage.subscribe(items=items, **mode)
    stage.until("2024-05-10")
    stage.use(10)
    stage.until("2024-05-11")
    [item] = [one for one in made["items"].data if one.price.id == calls]
    change: Any = {"items": [{"id": item.id, **changed}], "billing_cycle_anchor": "now"}
    stage.change(made, proration_behavior="none", **change)
    assert totals(stage)[-1] == 100 // 2 + 100


# ---------------------------------------------------------------- one discount, named twice


def test_a_discount_that_is_named_twice_is_refused(api: Api) -> None:
    stage = Stage(api, "2024-05-01")
    half_off = coupon(stage, percent_off=50, duration="forever")
    made = stage.subscribe(stage.price("Seat", 100), discounts=half_off)
    [standing] = made.discounts
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(made, discounts=[{"discount": standing}, {"discount": standing}])
    assert refused.value.param == "discounts[1][discount]"
    assert stage.preview(made).total == 50
