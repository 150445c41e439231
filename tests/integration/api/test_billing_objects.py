"""Subscriptions, invoices and alerts as the wire shows them: schema, expansion, lists, refusals."""

from typing import Any

import pytest
import stripe

from tests.factories.params import meter_params
from tests.integration.api.conftest import Client

FROZEN = 1_704_067_200


@pytest.fixture
def subscription(client: Client) -> Any:
    """A customer on a test clock, subscribed to a licensed and a metered price."""
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})
    customer = client.v1.customers.create({"test_clock": clock.id, "name": "Ada"})
    meter = client.v1.billing.meters.create(meter_params("tokens"))
    base = client.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Base"},
        }
    )
    usage = client.v1.prices.create(
        {
            "currency": "usd",
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [{"up_to": 10, "unit_amount": 5}, {"up_to": "inf", "unit_amount": 2}],
            "product_data": {"name": "Tokens"},
        }
    )
    return client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": base.id}, {"price": usage.id}],
            "metadata": {"own": "1"},
        }
    )


def test_a_subscription_embeds_its_prices_as_they_are_now(
    client: Client,
    subscription: Any,
) -> None:
    price = subscription["items"].data[0].price
    client.v1.prices.update(price.id, {"nickname": "Renamed"})
    again = client.v1.subscriptions.retrieve(subscription.id)
    item = next(one for one in again["items"].data if one.price.id == price.id)
    assert item.price.nickname == "Renamed"
    assert item.plan.nickname == "Renamed"
    assert all("tiers" not in one.price for one in again["items"].data)


def test_expansions_reach_through_lists_and_invoices(
    client: Client,
    subscription: Any,
) -> None:
    expanded = client.v1.subscriptions.retrieve(
        subscription.id,
        {
            "expand": [
                "customer.test_clock",
                "latest_invoice.customer",
                "items.data.price.tiers",
                "items.data.price.product",
            ]
        },
    )
    assert expanded.customer.test_clock.frozen_time == FROZEN
    assert expanded.latest_invoice.customer.name == "Ada"
    tiers = [item.price.tiers for item in expanded["items"].data if "tiers" in item.price]
    assert [len(tier) for tier in tiers] == [2]
    assert {item.price.product.name for item in expanded["items"].data} == {"Base", "Tokens"}
    listed = client.v1.subscriptions.list(
        {"customer": subscription.customer, "expand": ["data.latest_invoice.customer"]}
    )
    assert listed.data[0].latest_invoice.customer.name == "Ada"
    customer = client.v1.customers.retrieve(
        subscription.customer, {"expand": ["subscriptions.data.latest_invoice"]}
    )
    assert customer.subscriptions.data[0].latest_invoice.id == expanded.latest_invoice.id


@pytest.mark.parametrize(
    ("expand", "holder", "field", "shown"),
    [
        ("default_payment_method", "", "default_payment_method", None),
        ("pending_setup_intent", "", "pending_setup_intent", None),
        ("schedule", "", "schedule", None),
        ("latest_invoice.confirmation_secret", "latest_invoice", "confirmation_secret", None),
        ("customer.cash_balance", "customer", "cash_balance", None),
    ],
)
def test_what_is_always_null_is_null_when_it_is_expanded(
    client: Client, subscription: Any, expand: str, holder: str, field: str, shown: None
) -> None:
    expanded = client.v1.subscriptions.retrieve(subscription.id, {"expand": [expand]})
    assert (expanded[holder] if holder else expanded)[field] is shown


@pytest.mark.parametrize("field", ["sources"])
def test_a_list_of_what_can_never_exist_is_empty_when_it_is_expanded(
    client: Client, subscription: Any, field: str
) -> None:
    customer = client.v1.customers.retrieve(subscription.customer, {"expand": [field]})
    url = f"/v1/customers/{customer.id}/{field}"
    assert customer[field].to_dict() == {
        "object": "list",
        "data": [],
        "has_more": False,
        "url": url,
    }


def test_a_plan_shows_its_product_and_tiers_when_they_are_expanded(
    client: Client, subscription: Any
) -> None:
    expand = ["items.data.plan.product", "items.data.plan.tiers"]
    expanded = client.v1.subscriptions.retrieve(subscription.id, {"expand": expand})
    items = expanded["items"].data
    assert {item.plan.product.name for item in items} == {"Base", "Tokens"}
    assert {item.price.product for item in items} == {item.plan.product.id for item in items}
    assert [len(item.plan.tiers) for item in items if "tiers" in item.plan] == [2]
    assert all("tiers" not in item.price for item in items)


def test_the_product_of_a_price_is_expanded_in_the_price_alone(
    client: Client, subscription: Any
) -> None:
    expand = ["items.data.price.product"]
    expanded = client.v1.subscriptions.retrieve(subscription.id, {"expand": expand})
    for item in expanded["items"].data:
        assert item.plan.product == item.price.product.id


def test_invoices_are_listed_searched_and_opened(
    client: Client,
    subscription: Any,
) -> None:
    invoice = client.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert client.v1.invoices.retrieve(invoice.id).id == invoice.id
    lines = client.v1.invoices.line_items.list(invoice.id).data
    assert [line.amount for line in lines] == [1000]
    found = client.v1.invoices.search({"query": f'customer:"{subscription.customer}"'})
    assert [one.id for one in found] == [invoice.id]
    named = client.v1.subscriptions.search({"query": 'metadata["own"]:"1"'})
    assert [one.id for one in named] == [subscription.id]


def test_subscriptions_and_invoices_tell_their_events(
    client: Client,
    subscription: Any,
) -> None:
    client.v1.subscriptions.cancel(subscription.id)
    types = {event.type for event in client.v1.events.list({"limit": 100}).auto_paging_iter()}
    assert {"customer.subscription.created", "customer.subscription.deleted"} <= types
    assert {"invoice.created", "invoice.finalized", "billing.meter.created"} <= types
    thin = client.v2.core.events.list({"object_id": subscription.id})
    assert {event.type for event in thin} >= {"v1.customer.subscription.deleted"}


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"items": [{"price": "price_x"}]}, "items[0][price]", "resource_missing"),
        ({"items": []}, "items", None),
        ({"items": [{"quantity": 1}]}, "items[0][price]", "parameter_missing"),
        ({"customer": "cus_x"}, "customer", "resource_missing"),
        ({"default_payment_method": "pm_x"}, "default_payment_method", "parameter_unknown"),
        ({"expand": ["foo"]}, "expand", None),
    ],
)
def test_a_wrong_subscription_is_refused(
    client: Client,
    subscription: Any,
    params: dict[str, Any],
    param: str,
    code: str | None,
) -> None:
    price = subscription["items"].data[0].price.id
    given = {"customer": subscription.customer, "items": [{"price": price}]} | params
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.create(given)
    assert refused.value.param == param
    assert refused.value.http_status == (404 if param == "customer" else 400)
    if code is not None:
        assert refused.value.code == code


def test_invoices_stay_drafts_for_as_long_as_the_account_says(
    client: Client, subscription: Any
) -> None:
    client.raw_request("post", "/v1/meterline/settings", invoice_grace_seconds=7200)
    licensed = next(item for item in subscription["items"].data if item.price.unit_amount == 1000)
    sent = client.v1.subscriptions.create(
        {
            "customer": subscription.customer,
            "items": [{"price": licensed.price.id}],
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "expand": ["latest_invoice"],
        }
    )
    assert sent.latest_invoice.status == "draft"
    assert sent.latest_invoice.automatically_finalizes_at == FROZEN + 7200


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ("2026-10-28.endive", "flexible"),
        ("2025-09-30.clover", "flexible"),
        ("2025-06-30.basil", "classic"),
        ("2024-06-20", "classic"),
    ],
)
def test_the_usual_billing_mode_follows_the_api_version(
    client: Client, subscription: Any, version: str, mode: str
) -> None:
    licensed = next(item for item in subscription["items"].data if item.price.unit_amount == 1000)
    made = client.v1.subscriptions.create(
        {"customer": subscription.customer, "items": [{"price": licensed.price.id}]},
        {"stripe_version": version},
    )
    assert made.billing_mode.type == mode


def test_a_deleted_customer_has_no_running_subscriptions(client: Client, subscription: Any) -> None:
    assert client.v1.customers.delete(subscription.customer).deleted
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    expanded = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["customer"]})
    assert expanded.customer.deleted
