"""Customers' own discounts: given by older parameters, inherited by what has none of its own."""

from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from meterline.store.billing.repository import BillingStore
from tests.integration.api.conftest import Api, Client
from tests.integration.stories.stage import Stage

HALF = {"percent_off": 50, "duration": "forever"}


@dataclass(frozen=True, slots=True)
class Shop:
    """A coupon for half of everything, and a price of ten dollars a month."""

    client: Client

    def coupon(self, **terms: Any) -> str:
        return str(self.client.v1.coupons.create({**HALF, **terms}).id)

    def customer(self, **params: Any) -> Any:
        return self.client.v1.customers.create(params)

    def price(self) -> str:
        price = {"product_data": {"name": "Seat"}, "currency": "usd", "unit_amount": 1_000}
        return str(self.client.v1.prices.create({**price, "recurring": {"interval": "month"}}).id)

    def told(self) -> list[str]:
        events = self.client.v1.events.list({"limit": 100}).data
        return [one.type for one in events if one.type.startswith("customer.discount.")][::-1]


@pytest.fixture
def shop(client: Client) -> Shop:
    return Shop(client)


def billed(stage: Stage) -> list[int]:
    return [total for _, total in stage.totals()]


# ------------------------------------------------------------------ giving and taking away
@pytest.mark.parametrize("as_code", [False, True])
def test_a_customer_shows_the_discount_that_it_was_given(shop: Shop, *, as_code: bool) -> None:
    coupon = shop.coupon()
    given, code = {"coupon": coupon}, None
    if as_code:
        promotion = {"type": "coupon", "coupon": coupon}
        code = shop.client.v1.promotion_codes.create({"promotion": promotion}).id
        given = {"promotion_code": code}
    made = shop.customer(**given)
    assert made.discount.source.coupon == coupon
    assert (made.discount.customer, made.discount.promotion_code) == (made.id, code)
    assert (made.discount.subscription, made.discount.end) == (None, None)
    again = shop.client.v1.customers.retrieve(made.id)
    assert again.discount.id == made.discount.id
    assert shop.client.v1.coupons.retrieve(coupon).times_redeemed == 1
    types = [event.type for event in shop.client.v1.events.list({"limit": 100}).data[::-1]]
    assert types[-2:] == ["customer.created", "customer.discount.created"]


def test_another_discount_takes_the_place_of_the_first(shop: Shop) -> None:
    made = shop.customer(coupon=shop.coupon())
    other = shop.coupon(percent_off=10)
    changed = shop.client.v1.customers.update(made.id, {"coupon": other, "name": "Ada"})
    assert (changed.discount.source.coupon, changed.name) == (other, "Ada")
    assert shop.told() == ["customer.discount.created", "customer.discount.updated"]


@pytest.mark.parametrize("way", ["delete", "coupon", "promotion_code"])
def test_a_discount_is_taken_away(shop: Shop, way: str) -> None:
    made = shop.customer(coupon=shop.coupon())
    if way == "delete":
        gone = shop.client.v1.customers.delete_discount(made.id)
        assert (gone.id, gone.deleted) == (made.discount.id, True)
    else:
        assert shop.client.v1.customers.update(made.id, {way: ""}).discount is None
    assert shop.client.v1.customers.retrieve(made.id).discount is None
    assert shop.told() == ["customer.discount.created", "customer.discount.deleted"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.client.v1.customers.delete_discount(made.id)
    assert refused.value.code == "resource_missing"


def test_an_update_of_something_else_leaves_the_discount(shop: Shop) -> None:
    made = shop.customer(coupon=shop.coupon())
    changed = shop.client.v1.customers.update(made.id, {"name": "Ada"})
    assert changed.discount.id == made.discount.id


def test_limits_hold_and_a_refused_customer_is_not_made(shop: Shop) -> None:
    coupon = shop.coupon(max_redemptions=1)
    shop.customer(coupon=coupon)
    before = len(shop.client.v1.customers.list({}).data)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.customer(coupon=coupon)
    assert refused.value.param == "coupon"
    assert len(shop.client.v1.customers.list({}).data) == before
    assert shop.client.v1.coupons.retrieve(coupon).times_redeemed == 1


REFUSED = [
    ({"coupon": "nobody"}, "coupon"),
    ({"promotion_code": "promo_nobody"}, "promotion_code"),
    ({"coupon": "{c}", "promotion_code": "promo_x"}, "coupon"),
]


@pytest.mark.parametrize(("given", "param"), REFUSED)
def test_what_cannot_be_redeemed_is_refused(shop: Shop, given: dict[str, str], param: str) -> None:
    coupon = shop.coupon()
    asked = {name: value.replace("{c}", coupon) for name, value in given.items()}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.customer(**asked)
    assert refused.value.param == param


def test_a_code_with_a_least_amount_is_no_customers(shop: Shop) -> None:
    promotion = {"type": "coupon", "coupon": shop.coupon()}
    least = {"minimum_amount": 100, "minimum_amount_currency": "usd"}
    code = shop.client.v1.promotion_codes.create({"promotion": promotion, "restrictions": least})
    with pytest.raises(stripe.InvalidRequestError, match="minimum amount"):
        shop.customer(promotion_code=code.id)


def test_a_repeated_request_redeems_once(shop: Shop) -> None:
    coupon = shop.coupon()
    key = {"idempotency_key": "again"}
    one, other = (
        shop.client.v1.customers.create({"coupon": coupon}, options=key) for _ in range(2)
    )
    assert one.id == other.id
    assert shop.client.v1.coupons.retrieve(coupon).times_redeemed == 1


def test_a_customer_can_be_deleted_with_its_discount(shop: Shop) -> None:
    made = shop.customer(coupon=shop.coupon())
    shop.client.v1.customers.delete(made.id)
    assert shop.client.v1.customers.retrieve(made.id).deleted


def test_of_two_who_redeem_the_last_one_at_once_one_gets_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    coupon = shop.coupon(max_redemptions=1)
    first, second = shop.customer().id, shop.customer().id
    commit = BillingStore.commit

    def cut_in(store: BillingStore, *change: Any, **how: Any) -> Any:
        monkeypatch.setattr(BillingStore, "commit", commit)
        shop.client.v1.customers.update(second, {"coupon": coupon})
        return commit(store, *change, **how)

    monkeypatch.setattr(BillingStore, "commit", cut_in)
    with pytest.raises(stripe.InvalidRequestError, match="expired"):
        shop.client.v1.customers.update(first, {"coupon": coupon})
    shown = [shop.client.v1.customers.retrieve(one).discount for one in (first, second)]
    assert [one is None for one in shown] == [True, False]
    assert shop.client.v1.coupons.retrieve(coupon).times_redeemed == 1


def test_of_two_discounts_for_one_customer_at_once_the_later_one_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    coupons = [shop.coupon(), shop.coupon()]
    customer = shop.customer().id
    commit = BillingStore.commit

    def cut_in(store: BillingStore, *change: Any, **how: Any) -> Any:
        monkeypatch.setattr(BillingStore, "commit", commit)
        shop.client.v1.customers.update(customer, {"coupon": coupons[1]})
        return commit(store, *change, **how)

    monkeypatch.setattr(BillingStore, "commit", cut_in)
    shown = shop.client.v1.customers.update(customer, {"coupon": coupons[0]})
    assert shown.discount.source.coupon == coupons[0]
    assert shop.told() == ["customer.discount.created", "customer.discount.updated"]
    redeemed = [shop.client.v1.coupons.retrieve(one).times_redeemed for one in coupons]
    assert redeemed == [1, 1]


# ------------------------------------------------------------------ inheriting
def discounted(api: Api, **terms: Any) -> Stage:
    """A customer on a clock that has a coupon of these terms."""
    stage = Stage(api, "2024-01-01")
    coupon = stage.client.v1.coupons.create({**HALF, **terms}).id
    stage.client.v1.customers.update(stage.customer, {"coupon": coupon})
    return stage


@pytest.mark.parametrize(
    ("terms", "totals"),
    [
        ({}, [500, 500, 500, 500]),
        ({"duration": "once"}, [500, 1000, 1000, 1000]),
        ({"duration": "repeating", "duration_in_months": 2}, [500, 500, 1000, 1000]),
        ({"percent_off": "", "amount_off": 300, "currency": "usd"}, [700, 700, 700, 700]),
        ({"percent_off": "", "amount_off": 300, "currency": "eur"}, [1000, 1000, 1000, 1000]),
    ],
)
def test_subscriptions_inherit_it_for_as_long_as_it_lasts(
    api: Api, terms: dict[str, Any], totals: list[int]
) -> None:
    given = {name: value for name, value in {**HALF, **terms}.items() if value != ""}
    stage = Stage(api, "2024-01-01")
    coupon = stage.client.v1.coupons.create(given).id
    stage.client.v1.customers.update(stage.customer, {"coupon": coupon})
    subscription = stage.subscribe(stage.price("Plan", 1000))
    assert subscription.discounts == []
    shown = []
    for month in ("02", "03", "04"):
        shown.append(stage.preview(subscription).total)
        stage.until(f"2024-{month}-02")
    assert billed(stage) == totals
    assert shown == totals[1:]


def test_what_has_ended_is_gone_from_the_customer(api: Api) -> None:
    stage = discounted(api, duration="once")
    stage.subscribe(stage.price("Plan", 1000))
    assert stage.client.v1.customers.retrieve(stage.customer).discount is None
    deleted = stage.client.v1.events.list({"type": "customer.discount.deleted"}).data
    assert len(deleted) == 1


def test_a_preview_uses_nothing_up(api: Api) -> None:
    stage = discounted(api, duration="once")
    details = {"items": [{"price": stage.price("Plan", 1000)}]}
    for _ in range(2):
        asked = {"customer": stage.customer, "subscription_details": details}
        assert stage.client.v1.invoices.create_preview(asked).total == 500
    asked["discounts"] = ""
    assert stage.client.v1.invoices.create_preview(asked).total == 1000
    assert stage.client.v1.customers.retrieve(stage.customer).discount


def test_a_subscriptions_own_discount_comes_instead(api: Api) -> None:
    stage = discounted(api)
    own = stage.client.v1.coupons.create({"percent_off": 10, "duration": "once"}).id
    stage.subscribe(stage.price("Plan", 1000), discounts=[{"coupon": own}])
    stage.until("2024-02-02")
    assert billed(stage) == [900, 500]


@pytest.mark.parametrize(
    ("terms", "totals"),
    [
        ({}, [1550, 750]),
        ({"duration": "once"}, [1550, 2250]),
        ({"duration": "repeating", "duration_in_months": 1}, [1550, 750]),
    ],
    ids=["that goes on", "that was used up", "that has not ended"],
)
def test_an_upgrade_gives_back_what_was_paid_and_has_a_discount(
    api: Api, terms: dict[str, Any], totals: list[int]
) -> None:
    stage = discounted(api, **terms)
    subscription = stage.subscribe(stage.price("Small", 3100))
    [item] = subscription["items"].data
    stage.until("2024-01-17")
    large = stage.price("Large", 6200)
    stage.change(
        subscription,
        items=[{"id": item.id, "price": large}],
        proration_behavior="always_invoice",
    )
    assert billed(stage) == totals


@pytest.mark.parametrize(
    ("given", "total"), [({}, 300), ({"discounts": ""}, 600), ({"discounts": "own"}, 450)]
)
def test_an_invoice_by_hand_inherits_it_unless_it_is_told_otherwise(
    api: Api, given: dict[str, Any], total: int
) -> None:
    stage = discounted(api, duration="once")
    own = stage.client.v1.coupons.create({"percent_off": 25, "duration": "once"}).id
    asked = {"discounts": [{"coupon": own}]} if given.get("discounts") == "own" else given
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 600, "currency": "usd"}
    )
    made = stage.client.v1.invoices.create(
        {
            "customer": stage.customer,
            "pending_invoice_items_behavior": "include",
            **asked,
        }
    )
    assert made.total == total
    left = stage.client.v1.customers.retrieve(stage.customer).discount
    assert (left is None) is (total == 300)


def test_lines_that_come_later_use_it_up_when_the_invoice_is_final(api: Api) -> None:
    stage = discounted(api, duration="once")
    made = stage.client.v1.invoices.create({"customer": stage.customer})
    stage.client.v1.invoices.add_lines(made.id, {"lines": [{"amount": 800, "description": "x"}]})
    assert stage.client.v1.customers.retrieve(stage.customer).discount
    assert stage.client.v1.invoices.finalize_invoice(made.id).total == 400
    assert stage.client.v1.customers.retrieve(stage.customer).discount is None
