"""Prices in several currencies: what is sold in one of them is billed in it."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Client

MONTHLY = {"interval": "month"}


def _price(client: Client, **params: Any) -> Any:
    given: dict[str, Any] = {
        "currency": "usd",
        "product_data": {"name": "Seat"},
        "recurring": MONTHLY,
        "unit_amount": 1_000,
        "currency_options": {
            "eur": {"unit_amount": 900},
            "jpy": {"unit_amount_decimal": "150000", "tax_behavior": "inclusive"},
        },
    }
    return client.v1.prices.create(given | params)


def _expanded(client: Client, price_id: str) -> Any:
    price = client.v1.prices.retrieve(price_id, {"expand": ["currency_options"]})
    return price.currency_options


def test_options_are_shown_when_expanded_with_the_price_s_own_among_them(client: Client) -> None:
    price = _price(client)
    assert "currency_options" not in price
    options = _expanded(client, price.id)
    amounts = {one: option["unit_amount"] for one, option in options.to_dict().items()}
    assert amounts == {"usd": 1_000, "eur": 900, "jpy": 150_000}
    assert options["jpy"].tax_behavior == "inclusive"
    assert options["eur"].tax_behavior == "unspecified"


@pytest.mark.parametrize(
    ("currency", "amount"), [(None, 1_000), ("usd", 1_000), ("eur", 900), ("jpy", 150_000)]
)
def test_a_subscription_is_billed_in_its_currency(
    client: Client, currency: str | None, amount: int
) -> None:
    customer = client.v1.customers.create()
    given: dict[str, Any] = {"customer": customer.id, "items": [{"price": _price(client).id}]}
    subscription = client.v1.subscriptions.create(
        given | ({"currency": currency} if currency else {})
    )
    invoice = client.v1.invoices.retrieve(subscription.latest_invoice)
    assert (subscription.currency, invoice.currency) == (currency or "usd",) * 2
    assert invoice.total == amount


def test_a_customer_s_currency_decides_if_the_request_does_not(client: Client) -> None:
    customer, price = client.v1.customers.create(), _price(client)
    first = {"customer": customer.id, "items": [{"price": price.id}], "currency": "eur"}
    client.v1.subscriptions.create(first)
    other = _price(client, product_data={"name": "Desk"})
    second = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": other.id}]}
    )
    assert second.currency == "eur"


def test_prices_meet_in_the_currency_of_the_first(client: Client) -> None:
    customer = client.v1.customers.create()
    european = _price(client, currency="eur", currency_options={})
    items = [{"price": european.id}, {"price": _price(client).id}]
    subscription = client.v1.subscriptions.create({"customer": customer.id, "items": items})
    assert subscription.currency == "eur"
    assert client.v1.invoices.retrieve(subscription.latest_invoice).total == 1_900


def test_an_item_that_is_added_is_billed_in_the_subscription_s_currency(client: Client) -> None:
    customer = client.v1.customers.create()
    subscription = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": _price(client).id}], "currency": "eur"}
    )
    added = _price(client, currency_options={"eur": {"unit_amount": 70_000}})
    client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"price": added.id}], "proration_behavior": "always_invoice"},
    )
    latest = client.v1.subscriptions.retrieve(subscription.id).latest_invoice
    invoice = client.v1.invoices.retrieve(latest)
    assert invoice.currency == "eur"
    assert invoice.total == 70_000


def test_a_one_time_price_is_charged_in_the_currency_asked_for(client: Client) -> None:
    customer = client.v1.customers.create()
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Set-up"},
            "unit_amount": 500,
            "currency_options": {"eur": {"unit_amount": 450}},
        }
    )
    item = client.v1.invoice_items.create(
        {"customer": customer.id, "pricing": {"price": price.id}, "currency": "eur"}
    )
    assert (item.currency, item.amount) == ("eur", 450)


def test_tiers_have_amounts_in_each_currency(client: Client) -> None:
    tiers = [{"up_to": 10, "unit_amount": 100}, {"up_to": "inf", "unit_amount": 50}]
    in_euro = [{"up_to": 10, "unit_amount": 90}, {"up_to": "inf", "unit_amount": 45}]
    price = client.v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Seat"},
            "recurring": MONTHLY,
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": tiers,
            "currency_options": {"eur": {"tiers": in_euro}},
        }
    )
    customer = client.v1.customers.create()
    items = [{"price": price.id, "quantity": 12}]
    subscription = client.v1.subscriptions.create(
        {"customer": customer.id, "items": items, "currency": "eur"}
    )
    invoice = client.v1.invoices.retrieve(subscription.latest_invoice)
    assert invoice.total == 10 * 90 + 2 * 45
    assert [tier.up_to for tier in _expanded(client, price.id)["eur"].tiers] == [10, None]


def test_currencies_can_be_added_and_amounts_never_change(client: Client) -> None:
    price = _price(client)
    client.v1.prices.update(price.id, {"currency_options": {"gbp": {"unit_amount": 800}}})
    assert _expanded(client, price.id)["gbp"].unit_amount == 800
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.prices.update(price.id, {"currency_options": {"eur": {"unit_amount": 1}}})
    assert refused.value.param == "currency_options[eur]"


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"currency_options": {"usd": {"unit_amount": 1}}}, "currency_options[usd]"),
        ({"currency_options": {"xxq": {"unit_amount": 1}}}, "currency_options[xxq]"),
        ({"currency_options": {"eur": {"tax_behavior": "exclusive"}}}, "[unit_amount]"),
        ({"currency_options": {"eur": {"unit_amount": -1}}}, "[unit_amount]"),
        (
            {"currency_options": {"eur": {"unit_amount": 1, "unit_amount_decimal": "1"}}},
            "[unit_amount]",
        ),
        ({"currency_options": {"eur": {"tiers": [{"up_to": "inf"}]}}}, "[tiers]"),
        (
            {"currency_options": {"eur": {"custom_unit_amount": {"enabled": True}}}},
            "custom_unit_amount",
        ),
    ],
)
def test_a_wrong_option_is_refused(client: Client, params: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        _price(client, **params)
    assert param in refused.value.param


def test_a_price_that_is_not_sold_in_a_currency_is_refused(client: Client) -> None:
    customer = client.v1.customers.create()
    given = {"customer": customer.id, "items": [{"price": _price(client).id}], "currency": "gbp"}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.create(given)
    assert refused.value.param == "items[0][price]"


def test_a_coupon_takes_off_its_amount_in_the_currency_of_the_bill(client: Client) -> None:
    options = {"eur": {"amount_off": 90}}
    coupon = client.v1.coupons.create(
        {"amount_off": 100, "currency": "usd", "currency_options": options, "duration": "once"}
    )
    client.v1.coupons.update(coupon.id, {"currency_options": {"gbp": {"amount_off": 80}}})
    customer = client.v1.customers.create()
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": _price(client).id}],
            "currency": "eur",
            "discounts": [{"coupon": coupon.id}],
        }
    )
    assert client.v1.invoices.retrieve(subscription.latest_invoice).total == 900 - 90
    shown = client.v1.coupons.retrieve(coupon.id, {"expand": ["currency_options"]})
    amounts = {one: off["amount_off"] for one, off in shown.currency_options.to_dict().items()}
    assert amounts == {"usd": 100, "eur": 90, "gbp": 80}
    assert (shown.amount_off, shown.currency) == (100, "usd")


@pytest.mark.parametrize(
    "params",
    [
        {"percent_off": 10, "currency_options": {"eur": {"amount_off": 1}}},
        {"amount_off": 1, "currency": "usd", "currency_options": {"usd": {"amount_off": 1}}},
        {"amount_off": 1, "currency": "usd", "currency_options": {"xxq": {"amount_off": 1}}},
    ],
)
def test_a_wrong_option_of_a_coupon_is_refused(client: Client, params: dict[str, Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.coupons.create(params)
    assert refused.value.param.startswith("currency_options")


def test_percentages_are_numbers_wherever_a_coupon_is_shown(client: Client) -> None:
    coupon = client.v1.coupons.create({"percent_off": "12.5"})
    event = client.v1.events.list({"type": "coupon.created"}).data[0]
    assert (coupon.percent_off, event.data.object["percent_off"]) == (12.5, 12.5)
    client.v1.coupons.update(coupon.id, {"name": "Spring"})
    event = client.v1.events.list({"type": "coupon.updated"}).data[0]
    assert event.data.previous_attributes.to_dict() == {"name": None}
