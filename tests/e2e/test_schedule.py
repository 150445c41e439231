"""The wall clock: what falls due without a test clock is found by EventBridge's schedule."""

import time
from typing import Any

import pytest

from local.demo.stage import wait_until
from tests.e2e.conftest import Client


def _price(client: Client, **recurring: Any) -> str:
    product = client.v1.products.create({"name": "Seats"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "eur",
            "unit_amount": 1500,
            "recurring": {"interval": "day", **recurring},
        }
    )
    return str(price.id)


@pytest.fixture(scope="module")
def invoice_due_soon(client: Client) -> str:
    """An invoice by hand that becomes final in seconds; its id."""
    customer = client.v1.customers.create({"name": "Linus"}).id
    item = {"customer": customer, "currency": "eur", "amount": 700}
    client.v1.invoice_items.create(item)
    soon = {"auto_advance": True, "automatically_finalizes_at": int(time.time()) + 8}
    takes = {"currency": "eur", "pending_invoice_items_behavior": "include"}
    return str(client.v1.invoices.create({"customer": customer, **takes, **soon}).id)


@pytest.mark.usefixtures("invoice_due_soon")
def test_a_period_that_ends_is_rolled_by_the_schedule(client: Client) -> None:
    customer = client.v1.customers.create({"name": "Grace"})
    price = _price(client)
    ends_at = int(time.time()) + 8
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price, "quantity": 2}],
            "billing_cycle_anchor": ends_at,
        }
    )

    def renewed() -> Any:
        found = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
        return found if found.latest_invoice.billing_reason == "subscription_cycle" else None

    rolled = wait_until("The schedule rolls the cycle", renewed, seconds=120)
    item = rolled["items"].data[0]
    assert item.current_period_start == ends_at
    assert item.current_period_end == ends_at + 86_400
    draft = rolled.latest_invoice
    assert draft.status == "draft"
    assert draft.total == 3000
    assert draft.automatically_finalizes_at == draft.created + 3600


def test_an_invoice_that_is_due_is_made_final_by_the_schedule(
    client: Client, invoice_due_soon: str
) -> None:
    def opened() -> Any:
        found = client.v1.invoices.retrieve(invoice_due_soon)
        return found if found.status == "open" else None

    invoice = wait_until("The schedule finalizes the invoice", opened, seconds=120)
    assert invoice.total == invoice.amount_due == 700
    assert invoice.number is not None
