"""Discounts of single items: they come before those of the subscription or invoice."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

_RENEWED = "2024-02-01 02:00"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def _coupon(stage: Stage, **params: Any) -> str:
    given = {"duration": "forever", **params}
    if "amount_off" in given:
        given["currency"] = "usd"
    return str(stage.client.v1.coupons.create(given).id)


def _item(stage: Stage, amount: int, *coupons: str, **params: Any) -> dict[str, Any]:
    given = {"price": stage.price("Seat", amount), **params}
    return given | ({"discounts": [{"coupon": coupon} for coupon in coupons]} if coupons else {})


def _taken(invoice: Any) -> dict[int, list[int]]:
    """What the discounts took off, by the amounts of the lines."""
    return {
        line.amount: [part.amount for part in line.discount_amounts] for line in invoice.lines.data
    }


def test_an_items_discount_takes_off_its_line_alone(stage: Stage) -> None:
    half = _coupon(stage, percent_off=50)
    stage.subscribe(items=[_item(stage, 1_000, half), _item(stage, 600)])
    first = stage.invoices()[0]
    assert (_taken(first), first.total) == ({1_000: [500], 600: []}, 1_100)
    stage.until(_RENEWED)
    assert stage.invoices()[-1].total == 1_100


def test_an_items_discount_comes_before_the_subscriptions(stage: Stage) -> None:
    item, whole = _coupon(stage, amount_off=200), _coupon(stage, percent_off=10)
    stage.subscribe(
        items=[_item(stage, 1_000, item), _item(stage, 600)], discounts=[{"coupon": whole}]
    )
    first = stage.invoices()[0]
    assert _taken(first) == {1_000: [200, 80], 600: [60]}
    assert first.total == 1_600 - 200 - 80 - 60


def test_an_items_discount_for_once_ends_with_its_first_invoice(stage: Stage) -> None:
    once = _coupon(stage, amount_off=300, duration="once")
    made = stage.subscribe(items=[_item(stage, 1_000, once)])
    assert stage.invoices()[0].total == 700
    assert stage.client.v1.subscriptions.retrieve(made.id)["items"].data[0].discounts == []
    stage.until(_RENEWED)
    assert stage.invoices()[-1].total == 1_000


def test_a_metered_items_discount_for_once_ends_with_the_first_usage_it_takes_off(
    stage: Stage,
) -> None:
    once = _coupon(stage, percent_off=50, duration="once")
    price = stage.metered("Calls", stage.meter(), 10)
    stage.subscribe(items=[{"price": price, "discounts": [{"coupon": once}]}])
    stage.until("2024-02-10")
    stage.use(10)
    stage.until("2024-03-10")
    stage.use(10)
    stage.until("2024-04-02")
    assert [invoice.total for invoice in stage.invoices()] == [0, 50, 100]


def test_a_discount_reaches_only_the_products_it_applies_to(stage: Stage) -> None:
    seat, extra = _item(stage, 1_000), _item(stage, 500)
    product = stage.client.v1.prices.retrieve(extra["price"]).product
    only = _coupon(stage, percent_off=100, applies_to={"products": [product]})
    asked = [{"coupon": only}]
    stage.subscribe(items=[seat | {"discounts": asked}, extra | {"discounts": asked}])
    assert _taken(stage.invoices()[0]) == {1_000: [], 500: [500]}


def test_metered_lines_get_the_discount_of_their_item_also_when_rated_again(stage: Stage) -> None:
    meter = stage.meter()
    quarter = _coupon(stage, percent_off=25)
    calls = {"price": stage.metered("Calls", meter, 4), "discounts": [{"coupon": quarter}]}
    stage.subscribe(items=[calls])
    stage.use(100)
    stage.until("2024-02-01 00:30")
    stage.use(50, "2024-01-31")
    stage.until(_RENEWED)
    assert _taken(stage.invoices()[-1]) == {600: [150]}


def test_prorations_carry_the_discount_of_the_item_inside(stage: Stage) -> None:
    half = _coupon(stage, percent_off=50)
    made = stage.subscribe(items=[_item(stage, 3_100, half)])
    stage.until("2024-01-11")
    kept = made["items"].data[0]
    changed = stage.change(made, items=[{"id": kept.id, "quantity": 2}])
    assert changed["items"].data[0].discounts == kept.discounts
    stage.until(_RENEWED)
    renewal = stage.invoices()[-1]
    assert [line.amount for line in renewal.lines.data] == [-1_050, 2_100, 6_200]
    assert renewal.total == -1_050 + 2_100 + 3_100


def test_an_items_discounts_are_replaced_kept_and_removed(stage: Stage) -> None:
    first, second = _coupon(stage, percent_off=10), _coupon(stage, percent_off=20)
    made = stage.subscribe(items=[_item(stage, 1_000, first)])
    item = made["items"].data[0]
    both = [{"discount": item.discounts[0]}, {"coupon": second}]
    changed = stage.client.v1.subscription_items.update(item.id, {"discounts": both})
    assert changed.discounts[0] == item.discounts[0]
    assert len(changed.discounts) == 2
    cleared = stage.client.v1.subscription_items.update(item.id, {"discounts": ""})
    assert cleared.discounts == []
    told = [event.type for event in stage.client.v1.events.list({"limit": 100}).data]
    assert told.count("customer.discount.created") == 2
    assert told.count("customer.discount.deleted") == 2


def test_discounts_of_items_and_lines_expand(stage: Stage) -> None:
    half = _coupon(stage, percent_off=50)
    made = stage.subscribe(
        items=[_item(stage, 1_000, half)],
        expand=["items.data.discounts", "latest_invoice.lines.data.discounts"],
    )
    discount = made["items"].data[0].discounts[0]
    assert discount.source.coupon == half
    assert discount.subscription_item == made["items"].data[0].id
    assert made.latest_invoice.lines.data[0].discounts[0].id == discount.id


def test_one_off_items_of_a_subscription_have_discounts_of_their_own(stage: Stage) -> None:
    half = _coupon(stage, percent_off=50)
    product = stage.client.v1.products.create({"name": "Set-up"}).id
    once = {"currency": "usd", "product": product, "unit_amount": 400}
    stage.subscribe(
        stage.price("Seat", 1_000),
        add_invoice_items=[
            {"price_data": once, "discounts": [{"coupon": half}]},
            {"price_data": once | {"unit_amount": 300}, "discountable": False},
        ],
        discounts=[{"coupon": _coupon(stage, percent_off=10)}],
    )
    assert _taken(stage.invoices()[0]) == {400: [200, 20], 300: [], 1_000: [100]}


def test_the_discount_of_another_customer_is_refused(stage: Stage) -> None:
    half = _coupon(stage, percent_off=50)
    made = stage.subscribe(items=[_item(stage, 1_000, half)])
    other = stage.client.v1.customers.create().id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.subscriptions.create(
            {
                "customer": other,
                "items": [_item(stage, 5) | {"discounts": [{"discount": _only(made)}]}],
            }
        )
    assert refused.value.param == "items[0][discounts][0][discount]"
    assert refused.value.code == "resource_missing"


def _only(subscription: Any) -> str:
    return str(subscription["items"].data[0].discounts[0])


def test_a_coupon_in_another_currency_is_refused_at_its_place(stage: Stage) -> None:
    coupon = stage.client.v1.coupons.create({"amount_off": 5, "currency": "eur"}).id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(items=[_item(stage, 1), _item(stage, 2, coupon)])
    assert refused.value.param == "items[1][discounts][0][coupon]"


@pytest.mark.parametrize(
    ("amounts", "off", "discountable", "total"),
    [
        ([1_500, -500], {"percent_off": 50}, None, 250),
        ([1_500, -500], {"percent_off": 50}, False, 250),
        ([1_500, -500], {"percent_off": 50}, True, 500),
        ([-1_000], {"percent_off": 50}, True, -500),
        ([1_000, -500], {"amount_off": 800}, None, -300),
        ([1_000, -500], {"amount_off": 800}, True, 0),
    ],
)
def test_a_credit_is_discounted_if_it_says_so(
    stage: Stage, amounts: list[int], off: dict[str, int], total: int, *, discountable: bool | None
) -> None:
    of_credits = {} if discountable is None else {"discountable": discountable}
    for amount in amounts:
        given = {"customer": stage.customer, "amount": amount, "currency": "usd"}
        stage.client.v1.invoice_items.create(given | (of_credits if amount < 0 else {}))
    invoice = stage.client.v1.invoices.create(
        {
            "customer": stage.customer,
            "discounts": [{"coupon": _coupon(stage, **off)}],
            "pending_invoice_items_behavior": "include",
        }
    )
    assert (invoice.subtotal, invoice.total) == (sum(amounts), total)


def test_a_charge_that_becomes_a_credit_is_discountable_no_more(stage: Stage) -> None:
    given = {"customer": stage.customer, "amount": 500, "currency": "usd"}
    item = stage.client.v1.invoice_items.create(given)
    assert item.discountable
    changed = stage.client.v1.invoice_items.update(item.id, {"amount": -500})
    assert not changed.discountable
    assert stage.client.v1.invoice_items.update(item.id, {"discountable": True}).discountable
    assert stage.client.v1.invoice_items.update(item.id, {"amount": -400}).discountable
