"""Small verbs of subscriptions through the official SDK: migrate, and deleting the discount."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Client


@pytest.fixture
def subscribe(client: Client) -> Any:
    """Makes a subscription, with more parameters if given."""
    customer = client.v1.customers.create({"name": "Ada"}).id
    price = client.v1.prices.create(
        {
            "product_data": {"name": "Seats"},
            "currency": "usd",
            "unit_amount": 1_000,
            "recurring": {"interval": "month"},
        }
    ).id

    def made(**more: Any) -> Any:
        return client.v1.subscriptions.create(
            {"customer": customer, "items": [{"price": price}], **more}
        )

    return made


def test_a_classic_subscription_migrates_to_flexible_once(client: Client, subscribe: Any) -> None:
    classic = subscribe(billing_mode={"type": "classic"})
    wanted: Any = {"billing_mode": {"type": "flexible"}}
    migrated = client.v1.subscriptions.migrate(classic.id, wanted)
    assert migrated.billing_mode.type == "flexible"
    assert migrated.billing_mode.flexible.proration_discounts == "included"
    assert migrated.billing_mode.updated_at >= classic.created
    told = client.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert told.data.previous_attributes.billing_mode.type == "classic"
    with pytest.raises(stripe.InvalidRequestError, match="flexible already"):
        client.v1.subscriptions.migrate(classic.id, wanted)


def test_after_migrating_a_change_credits_what_was_billed(client: Client, subscribe: Any) -> None:
    classic = subscribe(
        billing_mode={"type": "classic"}, collection_method="send_invoice", days_until_due=30
    )
    client.v1.subscriptions.migrate(classic.id, {"billing_mode": {"type": "flexible"}})
    item = classic["items"].data[0]
    client.v1.subscriptions.update(classic.id, {"items": [{"id": item.id, "quantity": 2}]})
    credit, debit = client.v1.invoice_items.list({"customer": classic.customer}).data
    assert {credit.amount, debit.amount} == {-1_000, 2_000}


def test_an_ended_subscription_does_not_migrate(client: Client, subscribe: Any) -> None:
    ended = client.v1.subscriptions.cancel(subscribe(billing_mode={"type": "classic"}).id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.migrate(ended.id, {"billing_mode": {"type": "flexible"}})
    assert refused.value.code == "invalid_canceled_subscription_fields"


def test_the_discount_is_taken_off_and_shown_as_deleted(client: Client, subscribe: Any) -> None:
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    discounted = subscribe(discounts=[{"coupon": coupon}])
    deleted = client.v1.subscriptions.delete_discount(discounted.id)
    assert (deleted.id, deleted.deleted) == (discounted.discounts[0], True)
    assert deleted.source.coupon == coupon
    assert client.v1.subscriptions.retrieve(discounted.id).discounts == []
    types = {event.type for event in client.v1.events.list().data}
    assert {"customer.discount.deleted", "customer.subscription.updated"} <= types
    with pytest.raises(stripe.InvalidRequestError, match="No active discount") as refused:
        client.v1.subscriptions.delete_discount(discounted.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_of_several_discounts_none_is_taken_off(client: Client, subscribe: Any) -> None:
    coupons = [
        client.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id for _ in range(2)
    ]
    discounted = subscribe(discounts=[{"coupon": coupon} for coupon in coupons])
    with pytest.raises(stripe.InvalidRequestError, match="2 discounts"):
        client.v1.subscriptions.delete_discount(discounted.id)
    assert len(client.v1.subscriptions.retrieve(discounted.id).discounts) == 2
