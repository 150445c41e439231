"""Coupons, customer balances and the account's settings through the official SDK."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Client


def test_a_coupon_comes_back_as_it_was_given(client: Client) -> None:
    coupon = client.v1.coupons.create(
        {"id": "SPRING", "percent_off": 25.5, "duration": "repeating", "duration_in_months": 3}
    )
    assert (coupon.id, coupon.percent_off, coupon.valid) == ("SPRING", 25.5, True)
    assert client.v1.coupons.update("SPRING", {"name": "Spring"}).name == "Spring"
    assert [c.id for c in client.v1.coupons.list()] == ["SPRING"]
    assert client.v1.coupons.delete("SPRING").deleted
    assert client.v1.coupons.list().data == []
    assert client.v1.coupons.create({"id": "SPRING", "percent_off": 1}).percent_off == 1


def test_what_refers_to_a_deleted_coupon_shows_it_as_it_was_but_invalid(client: Client) -> None:
    coupon = client.v1.coupons.create({"percent_off": 25, "duration": "forever"}).id
    customer = client.v1.customers.create({"coupon": coupon}).id
    promotion = {"type": "coupon", "coupon": coupon}
    code = client.v1.promotion_codes.create({"promotion": promotion}).id
    assert client.v1.coupons.delete(coupon).to_dict().keys() == {"id", "object", "deleted"}
    shown = [
        client.v1.customers.retrieve(
            customer, {"expand": ["discount.source.coupon"]}
        ).discount.source.coupon,
        client.v1.promotion_codes.retrieve(code, {"expand": ["promotion.coupon"]}).promotion.coupon,
    ]
    for each in shown:
        assert (each.id, each.percent_off, each.valid) == (coupon, 25, False)
        assert "deleted" not in each
    with pytest.raises(stripe.InvalidRequestError, match="No such coupon"):
        client.v1.coupons.retrieve(coupon)


def test_a_coupon_can_apply_to_some_products(client: Client) -> None:
    product = client.v1.products.create({"name": "Seat"})
    coupon = client.v1.coupons.create(
        {
            "amount_off": 500,
            "currency": "eur",
            "applies_to": {"products": [product.id]},
            "expand": ["applies_to"],
        }
    )
    assert coupon.applies_to.products == [product.id]
    assert len(coupon.id) == 8


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({}, None),
        ({"percent_off": 0}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": "0.009"}, "percent_off"),
        ({"percent_off": 10, "amount_off": 5}, None),
        ({"percent_off": 10, "currency_options": {"eur": {"amount_off": 5}}}, "currency_options"),
        ({"amount_off": 5}, "currency"),
        ({"percent_off": 5, "currency": "usd"}, "currency"),
        ({"percent_off": 5, "duration": "repeating"}, "duration"),
        ({"percent_off": 5, "duration_in_months": 5}, "duration_in_months"),
        ({"percent_off": 5, "redeem_by": 1}, "redeem_by"),
        ({"percent_off": 5, "applies_to": {"products": ["prod_x"]}}, "applies_to[products][0]"),
    ],
)
def test_a_wrong_coupon_is_refused(
    client: Client, wrong: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.coupons.create(wrong)
    assert refused.value.param == param


def test_the_balance_is_the_sum_of_its_transactions(client: Client) -> None:
    customer = client.v1.customers.create({"balance": -500})
    assert customer.balance == -500
    transactions = client.v1.customers.balance_transactions
    made = transactions.create(
        customer.id,
        {"amount": 200, "currency": "usd", "description": "Fee", "metadata": {"a": "1"}},
    )
    assert made.ending_balance == -300
    client.v1.customers.update(customer.id, {"balance": 100})
    listed = transactions.list(customer.id).data
    assert sorted(t.amount for t in listed) == [-500, 200, 400]
    assert client.v1.customers.retrieve(customer.id).balance == sum(t.amount for t in listed)
    changed = transactions.update(customer.id, made.id, {"description": "", "metadata": {"b": "2"}})
    assert (changed.description, changed.metadata.to_dict()) == (None, {"a": "1", "b": "2"})
    assert transactions.retrieve(customer.id, made.id, {"expand": ["customer"]}).customer.balance


def test_a_transaction_is_found_with_its_customer_only(client: Client) -> None:
    customer, other = client.v1.customers.create(), client.v1.customers.create()
    transactions = client.v1.customers.balance_transactions
    made = transactions.create(customer.id, {"amount": 1, "currency": "eur"})
    with pytest.raises(stripe.InvalidRequestError) as elsewhere:
        transactions.retrieve(other.id, made.id)
    assert elsewhere.value.http_status == 404


def test_settings_have_defaults_and_change(client: Client) -> None:
    def grace(method: str, **params: Any) -> int:
        settings = client.raw_request(method, "/v1/meterline/settings", **params).data
        return int(settings["invoice_grace_seconds"])

    assert grace("get") == 3600
    assert grace("post", invoice_grace_seconds=7200) == 7200
    assert grace("get") == 7200
    assert grace("post", invoice_grace_seconds="") == 3600
