"""A list costs what its page holds, however many objects its filter passes over.

``METERLINE_LIST_ROWS`` says how many are passed over (60 if absent; reading them would show).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from meterline.store.base.documents import Body, Change, Document
from meterline.store.base.listing_notes import note_partitions
from meterline.store.base.models import billing_item
from meterline.store.billing import search_terms
from meterline.store.billing.commit import item_of
from meterline.store.billing.repository import BillingStore
from meterline.store.events import partition_index
from tests.factories.params import meter_params
from tests.integration.api.conftest import Api, Client
from tests.integration.reads import items_read

MANY = int(os.environ.get("METERLINE_LIST_ROWS", "60"))
FEW = 10
STORE = BillingStore(livemode=False)

METERED = {"interval": "month", "usage_type": "metered"}


@dataclass
class Shop:
    """Something of everything that lists are filtered by."""

    client: Client

    def __post_init__(self) -> None:
        v1 = self.client.v1
        self.meter, self.other_meter = (
            v1.billing.meters.create(meter_params(name)).id for name in ("calls", "tokens")
        )
        self.product, self.other_product = (
            v1.products.create({"name": name}).id for name in ("Seat", "Desk")
        )
        self.customer, self.other_customer = (
            v1.customers.create({"email": f"{name}@example.com"}).id for name in ("ada", "bob")
        )
        self.price, self.other_price = (self.priced(unit_amount=amount) for amount in (100, 200))
        self.clock = v1.test_helpers.test_clocks.create({"frozen_time": 1_704_067_200}).id

    def priced(self, **params: Any) -> str:
        """A price, monthly in dollars unless said otherwise."""
        given = {"currency": "usd", "product": self.product, "recurring": {"interval": "month"}}
        return str(self.client.v1.prices.create({"unit_amount": 1, **given, **params}).id)

    def subscribed(self, price: str = "", **params: Any) -> str:
        """A subscription."""
        customer = params.pop("customer", self.other_customer)
        given = {"customer": customer, "items": [{"price": price or self.other_price}], **params}
        return str(self.client.v1.subscriptions.create(given).id)

    def canceled(self) -> str:
        """A subscription that has ended."""
        subscription = self.subscribed()
        self.client.v1.subscriptions.cancel(subscription)
        return subscription

    def invoiced(self, **params: Any) -> str:
        """An invoice without items: a draft."""
        given = {"customer": self.other_customer, **params}
        return str(self.client.v1.invoices.create(given).id)

    def voided(self) -> str:
        """An invoice that is void."""
        self.item()
        invoice = self.invoiced(pending_invoice_items_behavior="include")
        self.client.v1.invoices.finalize_invoice(invoice)
        return str(self.client.v1.invoices.void_invoice(invoice).id)

    def item(self, **params: Any) -> str:
        """A pending invoice item."""
        given = {"customer": self.other_customer, "amount": 100, "currency": "usd", **params}
        return str(self.client.v1.invoice_items.create(given).id)

    def meter_of(self, name: str) -> str:
        """Another active meter."""
        given = meter_params(name)
        return str(self.client.v1.billing.meters.create(given).id)

    def inactive_meter(self) -> str:
        """A meter that is deactivated."""
        return str(self.client.v1.billing.meters.deactivate(self.meter_of("idle")).id)

    def deleted_coupon(self) -> str:
        """What is left of a coupon."""
        return str(self.client.v1.coupons.delete(self.coupon()).id)

    def coupon(self) -> str:
        """A coupon."""
        return str(self.client.v1.coupons.create({"percent_off": 10}).id)

    def on_clock(self) -> str:
        """A customer on a test clock."""
        return str(self.client.v1.customers.create({"test_clock": self.clock}).id)

    def event(self, type_: str) -> str:
        """The latest event of a type."""
        return str(self.client.v1.events.list({"type": type_, "limit": 1}).data[0].id)

    def alert(self, meter: str) -> str:
        """An alert on a meter."""
        threshold = {"gte": 5, "meter": meter, "recurrence": "one_time"}
        given = {"title": "T", "alert_type": "usage_threshold", "usage_threshold": threshold}
        return str(self.client.v1.billing.alerts.create(given).id)


type Make = Callable[[Shop], str]
type Filter = Callable[[Shop], dict[str, Any]]
type Case = tuple[str, Filter, Make, Make]

_PRODUCT = {"name": "P"}


def _product(**params: Any) -> Make:
    return lambda shop: str(shop.client.v1.products.create(_PRODUCT | params).id)


def _given(**params: Any) -> Filter:
    return lambda _: params


CASES: dict[str, Case] = {
    "customers, none on clocks": ("customers", _given(), lambda s: s.customer, Shop.on_clock),
    "customers by e-mail": (
        "customers",
        _given(email="ada@example.com"),
        lambda s: s.customer,
        lambda s: s.other_customer,
    ),
    "customers of a clock": (
        "customers",
        lambda s: {"test_clock": s.clock},
        Shop.on_clock,
        lambda s: s.other_customer,
    ),
    "coupons, not what is left of deleted ones": (
        "coupons",
        _given(),
        Shop.coupon,
        Shop.deleted_coupon,
    ),
    "products by activity": (
        "products",
        _given(active=False),
        _product(active=False),
        _product(),
    ),
    "products by type": ("products", _given(type="good"), _product(type="good"), _product()),
    "products by shipping": (
        "products",
        _given(shippable=True),
        _product(shippable=True),
        _product(shippable=False),
    ),
    "products by address": (
        "products",
        _given(url="https://example.com/a"),
        _product(url="https://example.com/a"),
        _product(url="https://example.com/b"),
    ),
    "products by id": (
        "products",
        lambda s: {"ids": [s.product]},
        lambda s: s.product,
        _product(),
    ),
    "prices by activity": (
        "prices",
        _given(active=False),
        lambda s: s.priced(active=False),
        Shop.priced,
    ),
    "prices by currency": (
        "prices",
        _given(currency="eur"),
        lambda s: s.priced(currency="eur"),
        Shop.priced,
    ),
    "prices by type": (
        "prices",
        _given(type="one_time"),
        lambda s: s.priced(recurring={}),
        Shop.priced,
    ),
    "prices by interval": (
        "prices",
        _given(recurring={"interval": "year"}),
        lambda s: s.priced(recurring={"interval": "year"}),
        Shop.priced,
    ),
    "prices by usage type": (
        "prices",
        _given(recurring={"usage_type": "metered"}),
        lambda s: s.priced(recurring={**METERED, "meter": s.meter}),
        Shop.priced,
    ),
    "prices by meter": (
        "prices",
        lambda s: {"recurring": {"meter": s.meter}},
        lambda s: s.priced(recurring={**METERED, "meter": s.meter}),
        lambda s: s.priced(recurring={**METERED, "meter": s.other_meter}),
    ),
    "prices by lookup key": (
        "prices",
        _given(lookup_keys=["gold", "missing"]),
        lambda s: s.priced(lookup_key="gold"),
        Shop.priced,
    ),
    "prices of a product": (
        "prices",
        lambda s: {"product": s.other_product},
        lambda s: s.priced(product=s.other_product),
        Shop.priced,
    ),
    "meters by status": (
        "billing.meters",
        _given(status="inactive"),
        Shop.inactive_meter,
        lambda s: s.meter_of("busy"),
    ),
    "alerts of a meter": (
        "billing.alerts",
        lambda s: {"meter": s.meter},
        lambda s: s.alert(s.meter),
        lambda s: s.alert(s.other_meter),
    ),
    "subscriptions that run": ("subscriptions", _given(), Shop.subscribed, Shop.canceled),
    "subscriptions by status": (
        "subscriptions",
        _given(status="canceled"),
        Shop.canceled,
        Shop.subscribed,
    ),
    "subscriptions by price": (
        "subscriptions",
        lambda s: {"price": s.price},
        lambda s: s.subscribed(s.price),
        Shop.subscribed,
    ),
    "subscriptions by price and status": (
        "subscriptions",
        lambda s: {"price": s.other_price, "status": "canceled"},
        Shop.canceled,
        Shop.subscribed,
    ),
    "subscriptions by collection": (
        "subscriptions",
        _given(collection_method="send_invoice"),
        lambda s: s.subscribed(collection_method="send_invoice", days_until_due=3),
        Shop.subscribed,
    ),
    "subscriptions of a clock": (
        "subscriptions",
        lambda s: {"test_clock": s.clock},
        lambda s: s.subscribed(customer=s.on_clock()),
        Shop.subscribed,
    ),
    "invoices by status": (
        "invoices",
        _given(status="void"),
        Shop.voided,
        Shop.invoiced,
    ),
    "invoices by collection": (
        "invoices",
        _given(collection_method="send_invoice"),
        lambda s: s.invoiced(collection_method="send_invoice", days_until_due=3),
        Shop.invoiced,
    ),
    "invoices of a subscription": (
        "invoices",
        lambda s: {"subscription": s.subscribed(customer=s.customer)},
        lambda s: str(s.client.v1.invoices.list({"customer": s.customer}).data[0].id),
        Shop.invoiced,
    ),
    "invoice items of a customer that wait": (
        "invoice_items",
        lambda s: {"customer": s.other_customer, "pending": True},
        Shop.item,
        lambda s: s.item(invoice=s.invoiced()),
    ),
    "invoice items of an invoice": (
        "invoice_items",
        lambda s: {"invoice": s.invoiced(description="wanted")},
        lambda s: s.item(
            invoice=next(
                invoice.id
                for invoice in s.client.v1.invoices.list()
                if invoice.description == "wanted"
            )
        ),
        Shop.item,
    ),
    "events by type": (
        "events",
        _given(type="customer.created"),
        lambda s: s.event("customer.created"),
        lambda s: s.event("product.created"),
    ),
    "events by types": (
        "events",
        _given(types=["customer.created", "invoice.voided"]),
        lambda s: s.event("customer.created"),
        lambda s: s.event("product.created"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_a_filter_passes_over_is_not_read(api: Api, case: Case) -> None:
    path, filter_, make, make_other = case
    shop = Shop(api.client())
    params = filter_(shop)
    wanted = make(shop)
    other = _stored(make_other(shop))
    resource: Any = shop.client.v1
    for word in path.split("."):
        resource = getattr(resource, word)
    costs = []
    for first, last in ((0, FEW), (FEW, MANY)):
        _add([_copy(other, number) for number in range(first, last)])
        resource.list(params)  # somebody looks which partitions hold anything
        with items_read() as items:
            page = resource.list(params)
        assert wanted in [one.id for one in page.data]
        costs.append(items[0])
    assert costs[0] == costs[1]


def _stored(object_id: str) -> Document:
    document = STORE.get(object_id) or STORE.get(object_id[:-3])
    assert document is not None
    return document


def _copy(document: Document, number: int) -> Document:
    """The same object once more under another id, newer than the first."""
    copy_id = f"{document.id}x{number:05}"
    body: Body = document.body | {"id": copy_id}
    if "created" in body:
        body["created"] += 1 + number // 20
    if "events" in body:
        events = enumerate(body["events"])
        body["events"] = [event | {"id": f"{copy_id}{index:03}"} for index, event in events]
    return replace(document, body=body, version=0)


def _add(documents: list[Document]) -> None:
    """Store documents as a commit does, many at a time."""
    fresh = [replace(one, terms=frozenset(), shard=None) for one in documents]
    search_terms.write_rows(Change(puts=fresh))
    partition_index.index_partitions(fresh, livemode=False)
    note_partitions(fresh)
    with billing_item().batch_write() as batch:
        for document in fresh:
            batch.save(item_of(document))
