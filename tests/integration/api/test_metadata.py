"""Metadata has at most 50 keys, whatever the steps in which they are set; "" takes a key away."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.api.conftest import Api, Client

type Ids = dict[str, str]

MONTHLY = {"currency": "usd", "unit_amount": 100, "recurring": {"interval": "month"}}


@dataclass(frozen=True, slots=True)
class Holder:
    """An object with metadata: how it is created and updated (``{x}`` is an id), and where it is
    read. ``given`` and ``changed`` name the parameter on creation and on update.
    """

    create: str
    params: dict[str, str]
    update: str
    given: str = "metadata"
    changed: str = "metadata"
    read: Callable[[Any], Any] = lambda answer: answer["metadata"]


def _item(subscription: Any) -> Any:
    return subscription["items"]["data"][0]["metadata"]


SUBSCRIBE = {"customer": "{customer}", "items[0][price]": "{price}"}
HOLDERS = {
    "customer": Holder("/v1/customers", {}, "/v1/customers/{id}"),
    "product": Holder("/v1/products", {"name": "P"}, "/v1/products/{id}"),
    "price": Holder(
        "/v1/prices",
        {"currency": "usd", "unit_amount": "1", "product": "{product}"},
        "/v1/prices/{id}",
    ),
    "coupon": Holder("/v1/coupons", {"percent_off": "5"}, "/v1/coupons/{id}"),
    "webhook endpoint": Holder(
        "/v1/webhook_endpoints",
        {"url": "https://a.example", "enabled_events[0]": "*"},
        "/v1/webhook_endpoints/{id}",
    ),
    "balance transaction": Holder(
        "/v1/customers/{customer}/balance_transactions",
        {"amount": "5", "currency": "usd"},
        "/v1/customers/{customer}/balance_transactions/{id}",
    ),
    "invoice item": Holder(
        "/v1/invoiceitems",
        {"customer": "{customer}", "amount": "5", "currency": "usd"},
        "/v1/invoiceitems/{id}",
    ),
    "invoice": Holder("/v1/invoices", {"customer": "{customer}"}, "/v1/invoices/{id}"),
    "subscription": Holder("/v1/subscriptions", SUBSCRIBE, "/v1/subscriptions/{id}"),
    "item of a subscription": Holder(
        "/v1/subscriptions",
        SUBSCRIBE,
        "/v1/subscriptions/{id}?items[0][id]={item}",
        given="items[0][metadata]",
        changed="items[0][metadata]",
        read=_item,
    ),
    "subscription item": Holder(
        "/v1/subscription_items",
        {"subscription": "{subscription}", "price": "{weekly}"},
        "/v1/subscription_items/{id}",
    ),
    "invoice, by its lines": Holder(
        "/v1/invoices/{draft}/add_lines",
        {"lines[0][amount]": "5"},
        "/v1/invoices/{draft}/add_lines?lines[0][amount]=5",
        given="invoice_metadata",
        changed="invoice_metadata",
    ),
    "line of an item": Holder(
        "/v1/invoices/{draft}/add_lines",
        {"lines[0][amount]": "5"},
        "/v1/invoices/{draft}/lines/{line}",
        given="lines[0][metadata]",
        read=lambda answer: answer.get("lines", {"data": [answer]})["data"][0]["metadata"],
    ),
}


def _world(client: Client) -> Ids:
    customer = client.v1.customers.create({}).id
    price = client.v1.prices.create({**MONTHLY, "product_data": {"name": "P"}})
    other = client.v1.prices.create({**MONTHLY, "product": price.product}).id
    subscription = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price.id}]}
    )
    draft = client.v1.invoices.create({"customer": customer}).id
    return {
        "customer": customer,
        "price": price.id,
        "weekly": other,
        "product": price.product,
        "subscription": subscription.id,
        "draft": draft,
    }


def _metadata(name: str, keys: dict[str, str]) -> dict[str, str]:
    return {f"{name}[{key}]": value for key, value in keys.items()}


def _keys(first: int, last: int) -> dict[str, str]:
    return {f"k{n}": "v" for n in range(first, last)}


@pytest.mark.parametrize("name", HOLDERS)
def test_metadata_never_has_more_than_fifty_keys(api: Api, name: str) -> None:
    holder = HOLDERS[name]
    ids = _world(api.client())

    def post(path: str, params: dict[str, str]) -> tuple[int, Any]:
        target = path.format_map(ids)
        form = {key: value.format_map(ids) for key, value in params.items()}
        return api.post(target, urlencode(form))

    status, made = post(
        holder.create, holder.params | _metadata(holder.given, _keys(0, 30) | {"gone": ""})
    )
    assert (status, holder.read(made)) == (200, _keys(0, 30))
    ids["id"] = made["id"]
    if made["object"] == "subscription":
        ids["item"] = made["items"]["data"][0]["id"]
    if made["object"] == "invoice" and made["lines"]["data"]:
        ids["line"] = made["lines"]["data"][0]["id"]

    status, refused = post(holder.update, _metadata(holder.changed, _keys(30, 51)))
    assert status == 400
    assert refused["error"]["message"] == "Metadata can have up to 50 keys, but you've set 51."
    assert refused["error"]["param"] == holder.changed

    status, full = post(holder.update, _metadata(holder.changed, _keys(30, 50)))
    assert (status, holder.read(full)) == (200, _keys(0, 50))
    swap = _metadata(holder.changed, {"k0": "", "k50": "v"})
    assert holder.read(post(holder.update, swap)[1]) == _keys(1, 51)
    assert holder.read(post(holder.update, {holder.changed: ""})[1]) == {}


@pytest.mark.parametrize("holder", ["add_invoice_items", "default_price_data", "product_data"])
def test_an_empty_value_sets_no_key_of_what_is_made_on_the_way(client: Client, holder: str) -> None:
    metadata = {"a": "1", "b": ""}
    if holder == "default_price_data":
        data = {"currency": "usd", "unit_amount": 1, "metadata": metadata}
        price = client.v1.products.create({"name": "P", holder: data}).default_price
        assert client.v1.prices.retrieve(price).metadata.to_dict() == {"a": "1"}
        return
    once = client.v1.prices.create(
        {"currency": "usd", "unit_amount": 1, "product_data": {"name": "P", "metadata": metadata}}
    )
    if holder == "product_data":
        assert client.v1.products.retrieve(once.product).metadata.to_dict() == {"a": "1"}
        return
    monthly = client.v1.prices.create({**MONTHLY, "product": once.product})
    subscription = client.v1.subscriptions.create(
        {
            "customer": client.v1.customers.create({}).id,
            "items": [{"price": monthly.id}],
            holder: [{"price": once.id, "metadata": metadata}],
        }
    )
    lines = client.v1.invoices.line_items.list(subscription.latest_invoice).data
    assert [line.metadata.to_dict() for line in lines] == [{"a": "1"}, {}]
