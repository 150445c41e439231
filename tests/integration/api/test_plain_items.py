"""What is charged once by its amount has a price and a product, as at Stripe, and is in no list."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Client

type Charge = Callable[..., Any]
"""Makes an invoice item of a customer; the parameters of it are given by name."""


@pytest.fixture
def charge(client: Client) -> Charge:
    customer = client.v1.customers.create({"name": "Alpha"}).id

    def create(**params: Any) -> Any:
        usual = {"customer": customer, "currency": "usd", "amount": 2000, "description": "Setup"}
        return client.v1.invoice_items.create(usual | params)

    return create


def _price(item: Any) -> str:
    return str(item.pricing.price_details.price)


def test_its_price_and_product_say_what_was_charged(client: Client, charge: Charge) -> None:
    item = charge(expand=["pricing.price_details.price"])
    price = item.pricing.price_details.price
    product = client.v1.products.retrieve(item.pricing.price_details.product)
    assert (price.unit_amount, price.currency, price.type) == (2000, "usd", "one_time")
    assert (price.product, product.name) == (product.id, "Setup")
    assert (price.active, product.active) == (False, False)
    assert client.v1.prices.retrieve(price.id).unit_amount_decimal == 2000


@pytest.mark.parametrize(
    ("other", "shared"),
    [
        ({}, True),
        ({"metadata": {"order": "7"}}, True),
        ({"amount": 2001}, False),
        ({"currency": "eur"}, False),
        ({"description": "Setup of a second one"}, False),
    ],
)
def test_items_of_one_amount_and_name_share_a_price(
    charge: Charge, other: dict[str, Any], *, shared: bool
) -> None:
    assert (_price(charge()) == _price(charge(**other))) is shared


def test_lists_leave_out_what_was_made_for_an_amount(client: Client, charge: Charge) -> None:
    charge()
    assert client.v1.products.list().data == []
    assert client.v1.prices.list().data == []
    assert client.v1.products.list({"active": False}).data == []


def test_nothing_tells_of_what_was_made_for_an_amount(client: Client, charge: Charge) -> None:
    charge()
    types = [event.type for event in client.v1.events.list()]
    assert types[0] == "invoiceitem.created"
    assert not [type_ for type_ in types if type_.startswith(("price.", "product."))]


def test_a_product_that_was_made_for_an_amount_stays(client: Client, charge: Charge) -> None:
    product = charge().pricing.price_details.product
    with pytest.raises(stripe.InvalidRequestError, match="one or more user-created prices"):
        client.v1.products.delete(product)


@pytest.mark.parametrize(
    ("given", "change", "amount"),
    [
        ({"amount": -500}, {"quantity": 3}, -1500),
        ({"amount": 2000}, {"quantity": 2}, 4000),
        ({"amount": 2000}, {"amount": 700}, 700),
        ({"amount": 2000}, {"unit_amount_decimal": "0.5", "quantity": 3}, 2),
    ],
)
def test_an_item_is_priced_anew_from_its_price(
    client: Client, charge: Charge, given: dict[str, Any], change: dict[str, Any], amount: int
) -> None:
    item = charge(**given)
    changed = client.v1.invoice_items.update(item.id, change)
    unit = client.v1.prices.retrieve(_price(changed)).unit_amount_decimal
    assert (changed.amount, changed.pricing.unit_amount_decimal) == (amount, unit)
    assert (_price(changed) == _price(item)) is (change.keys() == {"quantity"})


def test_a_text_alone_changes_no_price(client: Client, charge: Charge) -> None:
    item = charge()
    changed = client.v1.invoice_items.update(item.id, {"description": "Setup (revised)"})
    assert changed.pricing == item.pricing


def test_an_added_line_has_a_price_too(client: Client, charge: Charge) -> None:
    draft = client.v1.invoices.create({"customer": charge().customer})
    line = {"amount": 300, "description": "Extra"}
    invoice = client.v1.invoices.add_lines(draft.id, {"lines": [line]})
    details = invoice.lines.data[0].pricing.price_details
    assert client.v1.prices.retrieve(details.price).unit_amount == 300
    assert client.v1.products.retrieve(details.product).name == "Extra"


def test_a_preview_stores_no_price(client: Client, charge: Charge) -> None:
    item = {"amount": 777, "currency": "usd", "description": "Supposed"}
    preview = client.v1.invoices.create_preview(
        {"customer": charge().customer, "invoice_items": [item]}
    )
    line = next(line for line in preview.lines.data if line.amount == 777)
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        client.v1.prices.retrieve(line.pricing.price_details.price)


def test_an_item_of_one_customer_is_not_put_onto_the_draft_of_another(
    client: Client, charge: Charge
) -> None:
    other = client.v1.customers.create({"name": "Beta"}).id
    draft = client.v1.invoices.create({"customer": other}).id
    with pytest.raises(stripe.InvalidRequestError) as refused:
        charge(invoice=draft)
    assert refused.value.param == "invoice"
    assert client.v1.invoices.retrieve(draft).total == 0
