"""Currencies never meet: what is owed or given in one changes nothing in another."""

import random
from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Client

CURRENCIES = ("usd", "eur", "jpy", "kwd")


def credit(client: Client, customer: str, amount: int, currency: str) -> None:
    client.v1.customers.balance_transactions.create(
        customer, {"amount": amount, "currency": currency}
    )


def balances(client: Client, customer: str) -> dict[str, int]:
    """The customer's balance by currency; what is owed is positive."""
    shown = client.v1.customers.retrieve(customer, {"expand": ["invoice_credit_balance"]})
    by_currency = {one: -amount for one, amount in shown.invoice_credit_balance.to_dict().items()}
    assert shown.balance == by_currency.get(shown.currency, 0)
    return by_currency


def bill(client: Client, customer: str, amount: int, currency: str) -> Any:
    """A final invoice of one item."""
    draft = client.v1.invoices.create({"customer": customer, "currency": currency})
    client.v1.invoice_items.create(
        {"customer": customer, "amount": amount, "currency": currency, "invoice": draft.id}
    )
    return client.v1.invoices.finalize_invoice(draft.id)


def price(client: Client, currency: str, amount: int = 1_000, **params: Any) -> str:
    given = {
        "currency": currency,
        "unit_amount": amount,
        "product_data": {"name": "Seat"},
        "recurring": {"interval": "month"},
    }
    return str(client.v1.prices.create(given | params).id)


@pytest.mark.parametrize(("currency", "amount"), [("kwd", 5_000), ("eur", 5_000), ("jpy", 5_000)])
def test_credit_in_dollars_pays_nothing_else(client: Client, currency: str, amount: int) -> None:
    customer = client.v1.customers.create({"balance": -5_000}).id
    invoice = bill(client, customer, amount, currency)
    assert (invoice.starting_balance, invoice.ending_balance) == (0, 0)
    assert (invoice.status, invoice.amount_due) == ("open", amount)
    assert balances(client, customer) == {"usd": -5_000}
    assert bill(client, customer, 5_000, "usd").status == "paid"


def test_a_draft_and_a_preview_show_the_balance_of_their_currency(client: Client) -> None:
    customer = client.v1.customers.create({"balance": -5_000}).id
    credit(client, customer, -300, "eur")
    draft = client.v1.invoices.create({"customer": customer, "currency": "eur"})
    item = {"customer": customer, "amount": 1_000, "currency": "eur"}
    client.v1.invoice_items.create(item | {"invoice": draft.id})
    assert client.v1.invoices.retrieve(draft.id).amount_due == 700
    client.v1.invoice_items.create(item)
    preview = client.v1.invoices.create_preview({"customer": customer, "currency": "eur"})
    assert (preview.starting_balance, preview.amount_due) == (-300, 700)


def test_a_subscription_is_billed_against_the_balance_of_its_currency(client: Client) -> None:
    customer = client.v1.customers.create({"balance": -5_000}).id
    credit(client, customer, -300, "eur")
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price(client, "eur")}]}
    )
    invoice = client.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert (invoice.currency, invoice.amount_due) == ("eur", 700)
    assert balances(client, customer) == {"usd": -5_000}


def test_a_customer_keeps_the_currency_of_its_first_invoice(client: Client) -> None:
    customer = client.v1.customers.create().id
    for currency in ("eur", "jpy", "usd"):
        bill(client, customer, 1_000, currency)
    assert client.v1.customers.retrieve(customer).currency == "eur"


def test_what_is_too_small_to_charge_is_owed_in_its_currency(client: Client) -> None:
    customer = client.v1.customers.create().id
    assert bill(client, customer, 49, "usd").status == "paid"
    assert balances(client, customer) == {"usd": 49}
    assert bill(client, customer, 100, "eur").amount_due == 100
    assert bill(client, customer, 100, "usd").amount_due == 149
    assert balances(client, customer) == {}


def test_a_void_invoice_gives_back_in_its_currency(client: Client) -> None:
    customer = client.v1.customers.create({"balance": -5_000}).id
    credit(client, customer, -300, "eur")
    invoice = bill(client, customer, 1_000, "eur")
    assert balances(client, customer) == {"usd": -5_000}
    client.v1.invoices.void_invoice(invoice.id)
    assert balances(client, customer) == {"usd": -5_000, "eur": -300}


@pytest.mark.parametrize("seed", range(3))
def test_no_unit_of_a_currency_ever_changes_another(client: Client, seed: int) -> None:
    """Random bookings, bills, credits and voids: each balance is the sum of its own."""
    chance = random.Random(seed)
    customer = client.v1.customers.create().id
    sums = dict.fromkeys(CURRENCIES, 0)
    open_invoices: list[Any] = []
    for _ in range(12):
        currency, amount = chance.choice(CURRENCIES), 10 * chance.randint(-90, 90)
        if chance.random() < 0.4:
            credit(client, customer, amount or 10, currency)
            sums[currency] += amount or 10
        elif open_invoices and chance.random() < 0.4:
            invoice = open_invoices.pop()
            client.v1.invoices.void_invoice(invoice.id)
            sums[invoice.currency] += invoice.starting_balance - invoice.ending_balance
        else:
            invoice = bill(client, customer, amount, currency)
            assert invoice.starting_balance == sums[currency]
            sums[currency] = invoice.ending_balance
            assert invoice.starting_balance + amount == invoice.amount_due + sums[currency]
            open_invoices += [invoice] if invoice.status == "open" else []
        assert balances(client, customer) == {one: left for one, left in sums.items() if left}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda item, other: [{"id": item, "price": other}], id="swapped"),
        pytest.param(lambda _, other: [{"price": other}], id="added"),
        pytest.param(
            lambda item, other: [{"id": item, "deleted": True}, {"price": other}], id="replaced"
        ),
    ],
)
@pytest.mark.parametrize("currency", ["eur", "jpy"])
def test_a_subscription_keeps_its_currency_for_life(
    client: Client, change: Any, currency: str
) -> None:
    customer = client.v1.customers.create().id
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price(client, "usd")}]}
    )
    items = change(subscription["items"].data[0].id, price(client, currency))
    before = client.v1.subscriptions.retrieve(subscription.id).to_dict()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.update(subscription.id, {"items": items})
    assert (refused.value.http_status, refused.value.param) == (
        400,
        f"items[{len(items) - 1}][price]",
    )
    assert client.v1.subscriptions.retrieve(subscription.id).to_dict() == before
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.create_preview(
            {"subscription": subscription.id, "subscription_details": {"items": items}}
        )


def test_an_item_keeps_the_currency_of_its_subscription(client: Client) -> None:
    customer, other = client.v1.customers.create().id, price(client, "jpy")
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price(client, "usd")}]}
    )
    product = client.v1.products.create({"name": "Desk"}).id
    made = {"currency": "eur", "product": product, "unit_amount": 5}
    made |= {"recurring": {"interval": "month"}}
    items = client.v1.subscription_items
    for wanted in ({"price": other}, {"price_data": made}):
        with pytest.raises(stripe.InvalidRequestError):
            items.update(subscription["items"].data[0].id, wanted)
        with pytest.raises(stripe.InvalidRequestError):
            items.create({"subscription": subscription.id, **wanted})


def test_an_amount_off_stays_in_its_currency(client: Client) -> None:
    """Also as a discount that the customer has already."""
    customer = client.v1.customers.create().id
    client.v1.coupons.create(
        {"id": "FIVE", "amount_off": 500, "currency": "usd", "duration": "forever"}
    )
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": price(client, "usd")}],
            "discounts": [{"coupon": "FIVE"}],
        }
    )
    invoice = client.v1.invoices.retrieve(str(subscription.latest_invoice))
    discount = str(invoice.discounts[0])
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.invoices.create(
            {"customer": customer, "currency": "eur", "discounts": [{"discount": discount}]}
        )
    assert refused.value.param == "discounts[0][discount]"
    kept = client.v1.invoices.create(
        {"customer": customer, "currency": "usd", "discounts": [{"discount": discount}]}
    )
    assert kept.discounts == [discount]


def test_an_invoice_of_a_subscription_is_in_its_currency(client: Client) -> None:
    customer = client.v1.customers.create().id
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price(client, "usd")}]}
    )
    client.v1.invoice_items.create(
        {"subscription": subscription.id, "customer": customer, "amount": 1, "currency": "usd"}
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.invoices.create({"subscription": subscription.id, "currency": "eur"})
    assert refused.value.param == "currency"


def test_an_item_is_not_charged_in_a_currency_that_nobody_asked_for(client: Client) -> None:
    customer = client.v1.customers.create().id
    once = client.v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Set-up"},
            "unit_amount": 500,
            "currency_options": {"eur": {"unit_amount": 450}},
        }
    ).id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.invoice_items.create(
            {"customer": customer, "pricing": {"price": once}, "currency": "jpy"}
        )
    assert refused.value.param == "pricing[price]"
    draft = client.v1.invoices.create({"customer": customer, "currency": "eur"})
    item = client.v1.invoice_items.create(
        {"customer": customer, "pricing": {"price": once}, "invoice": draft.id}
    )
    assert (item.currency, item.amount) == ("eur", 450)
