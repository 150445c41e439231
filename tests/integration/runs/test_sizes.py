"""Objects as large as they are accepted: everything that Meterline makes of them is stored.

The engine in memory takes no more than DynamoDB: 400 KB an item, 4 MB and 100 operations a
transaction. Texts are of random characters of four bytes, the worst that compression meets.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from random import Random
from string import ascii_letters
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.outbox import Origin
from meterline.services.catalog.coupons import create_coupon, update_coupon
from meterline.services.catalog.prices import create_price, update_price
from meterline.services.catalog.products import create_product, update_product
from meterline.services.customers.customers import create_customer, update_customer
from meterline.services.events.publishing import publish_batch
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.item_verbs import create_invoice_item
from meterline.services.invoices.manual import create_invoice, update_invoice
from meterline.services.invoices.pay_or_close import void_invoice
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.create import create_subscription
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Body, Change
from meterline.store.base.packing import pack
from meterline.store.base.sizes import WRITTEN_BYTES
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine, running
from tests.factories.objects import NOW, context, listed, product, stored
from tests.factories.params import price_params
from tests.integration.runs.worlds import DAY, HOUR

MONTH = 31 * DAY
MESSAGE_BYTES = 262_144
"""What SNS takes."""

PACKED_BYTES_A_CHARACTER = 4
RANDOM = Random(0)


@pytest.fixture(autouse=True)
def engine() -> Iterator[Engine]:
    with running() as started:
        yield started


def asked(now: int = NOW) -> Context:
    """The surroundings of a request, which can be refused."""
    return context(now, Origin("req_1"))


def text(packed_bytes: int) -> str:
    """Text that takes about so many bytes however it is packed."""
    characters = packed_bytes // PACKED_BYTES_A_CHARACTER
    return "".join(chr(RANDOM.randrange(0x10000, 0x110000)) for _ in range(characters))


def metadata(packed_bytes: int) -> dict[str, str]:
    """As many pairs as it takes, each as long as a value may be."""
    whole = text(packed_bytes)
    parts = [whole[start : start + 490] for start in range(0, len(whole), 490)]
    assert len(parts) <= 50
    return {f"key{number}": part for number, part in enumerate(parts)}


def address(packed_bytes: int) -> dict[str, str]:
    lines = ("line1", "line2", "city", "state")
    return {line: text(packed_bytes // len(lines)) for line in lines}


def price(**params: Any) -> str:
    """A price that a request makes."""
    params = {"unit_amount": 1_000, "product": product(), **params}
    return str(create_price(asked(), price_params(**params))["id"])


def coupon_of_many_products(products: list[str]) -> str:
    given = {"percent_off": 1, "duration": "forever", "applies_to": {"products": products}}
    return str(create_coupon(asked(), given)["id"])


def product_of_long_id() -> str:
    given = {"id": "".join(RANDOM.choices(ascii_letters, k=50)), "name": "Seats"}
    return str(create_product(asked(), given)["id"])


FULL = WRITTEN_BYTES - 4_000
"""The text of an object that is nearly as large as accepted, with its other fields."""


def full_customer() -> str:
    return str(create_customer(asked(), {"name": "Ada", "address": address(FULL)})["id"])


def full_subscription(customer_id: str, **params: Any) -> Mapping[str, Any]:
    full = {"name": text(20_000), "metadata": metadata(25_000)}
    of_full_product = price(product=create_product(asked(), full)["id"])
    items = [{"price": of_full_product, "metadata": metadata(20_000)}]
    given = {"customer": customer_id, "items": items, "metadata": metadata(22_000)}
    return create_subscription(asked(), given | params)


def publish_everything(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[Body]:
    """Publish all events; gives the messages."""
    sent: list[Body] = []

    class Sns:
        def publish_batch(self, **call: Any) -> Body:
            entries = call["PublishBatchRequestEntries"]
            assert sum(len(json.dumps(entry).encode()) for entry in entries) <= MESSAGE_BYTES * 1.1
            assert sum(len(entry["Message"].encode()) for entry in entries) <= MESSAGE_BYTES
            sent.extend(json.loads(entry["Message"]) for entry in entries)
            return {}

    monkeypatch.setattr("meterline.services.events.publishing.sns", Sns)
    for item in engine.scan("billing"):
        change: Body = {"NewImage": item, "SequenceNumber": "1"}
        record: Body = {"eventName": "INSERT", "dynamodb": change}
        assert publish_batch([record]) == {"batchItemFailures": []}
    return sent


def test_a_subscription_whose_objects_are_full_renews_until_its_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    products = [create_product(asked(), {"name": "Seats"})["id"] for _ in range(100)]
    coupons = [{"coupon": coupon_of_many_products(products)} for _ in range(20)]
    customer_id = full_customer()
    sub = full_subscription(
        customer_id, discounts=coupons, collection_method="send_invoice", days_until_due=1
    )
    for _ in range(3):
        item = {"customer": customer_id, "subscription": sub["id"], "currency": "usd"}
        create_invoice_item(asked(), item | {"amount": 5, "metadata": metadata(FULL)})
    at = NOW
    for _ in range(2):
        at = stored(sub["id"])["items"]["data"][0]["current_period_end"]
        do_due_work(context(at), sub["id"])
        draft = stored(sub["id"])["latest_invoice"]
        update_invoice(asked(at), draft, {"metadata": metadata(FULL)})
        update_customer(asked(at), customer_id, {"address": address(FULL)})
        do_due_work(context(at + HOUR), draft)
        assert stored(draft)["status"] == "open"
        do_due_work(context(at + 3 * DAY), draft)
        void_invoice(asked(at + 3 * DAY), draft, {})
    update_subscription(asked(at), sub["id"], {"cancel_at_period_end": True})
    do_due_work(context(at + MONTH), sub["id"])
    assert stored(sub["id"])["status"] == "canceled"
    told = publish_everything(engine, monkeypatch)
    types = [event["type"] for event in told]
    assert types.count("invoice.finalized") == types.count("invoice.overdue") == 2
    assert types.count("customer.subscription.deleted") == 1
    assert all(event["data"]["object"]["id"] for event in told)


def test_an_address_that_a_payer_typed_in_full_is_on_an_invoice_that_becomes_final() -> None:
    customer_id = full_customer()
    shipping = {"name": "Ada", "address": {"line1": "1 Main Street"}}
    update_customer(asked(), customer_id, {"shipping": shipping})
    item = {"customer": customer_id, "currency": "usd", "amount": 500}
    create_invoice_item(asked(), item | {"metadata": metadata(FULL)})
    given = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    draft = create_invoice(asked(), given | {"metadata": metadata(FULL)})
    final = finalize_invoice(asked(), draft["id"], {})
    assert final["customer_address"] == stored(customer_id)["address"]


def invoice_item(**params: Any) -> Mapping[str, Any]:
    given = {"customer": create_customer(asked(), {"name": "Ada"})["id"], "currency": "usd"}
    return create_invoice_item(asked(), given | {"amount": 5} | params)


def draft(**params: Any) -> Mapping[str, Any]:
    return create_invoice(asked(), {"customer": invoice_item()["customer"], **params})


def subscription(**params: Any) -> Mapping[str, Any]:
    given = {"customer": create_customer(asked(), {"name": "Ada"})["id"]}
    return create_subscription(asked(), given | {"items": [{"price": price()}]} | params)


TOO_MUCH = WRITTEN_BYTES + 4_000
TOO_LONG: dict[str, tuple[Callable[[], object], str, str]] = {
    "a customer's address": (
        lambda: create_customer(asked(), {"name": "Ada", "address": address(TOO_MUCH)}),
        "customer",
        "address",
    ),
    "a customer's metadata": (
        lambda: create_customer(asked(), {"name": "Ada", "metadata": metadata(TOO_MUCH)}),
        "customer",
        "metadata",
    ),
    "a product": (
        lambda: create_product(asked(), {"name": "Seats", "metadata": metadata(TOO_MUCH)}),
        "product",
        "metadata",
    ),
    "a price": (lambda: price(metadata=metadata(TOO_MUCH)), "price", "metadata"),
    "a coupon": (
        lambda: create_coupon(
            asked(), {"percent_off": 1, "duration": "once", "metadata": metadata(TOO_MUCH)}
        ),
        "coupon",
        "metadata",
    ),
    "products of a coupon": (
        lambda: coupon_of_many_products([product_of_long_id() for _ in range(100)]),
        "coupon",
        "applies_to",
    ),
    "an invoice item": (
        lambda: invoice_item(metadata=metadata(TOO_MUCH)),
        "invoiceitem",
        "metadata",
    ),
    "an invoice": (lambda: draft(metadata=metadata(TOO_MUCH)), "invoice", "metadata"),
    "a subscription": (
        lambda: subscription(metadata=metadata(TOO_MUCH)),
        "subscription",
        "metadata",
    ),
    "prices of a subscription": (
        lambda: subscription(items=[{"price": price(metadata=metadata(FULL))} for _ in range(2)]),
        "subscription",
        "items",
    ),
    "metadata of a subscription and its items": (
        lambda: subscription(
            metadata=metadata(20_000),
            items=[{"price": price(), "metadata": metadata(20_000)} for _ in range(2)],
        ),
        "subscription",
        "items",
    ),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_what_takes_too_much_room_is_refused_and_nothing_is_stored(name: str) -> None:
    create, kind, field = TOO_LONG[name]
    with pytest.raises(BillingError, match="are accepted") as refused:
        create()
    assert (refused.value.status, refused.value.param) == (400, field)
    assert listed(kind) == []


LONGER: dict[str, tuple[Callable[[], Mapping[str, Any]], Callable[..., object]]] = {
    "customer": (lambda: create_customer(asked(), {"name": "Ada"}), update_customer),
    "product": (lambda: create_product(asked(), {"name": "Seats"}), update_product),
    "price": (lambda: stored(price()), update_price),
    "coupon": (
        lambda: create_coupon(asked(), {"percent_off": 1, "duration": "once"}),
        update_coupon,
    ),
    "invoice": (draft, update_invoice),
    "subscription": (subscription, update_subscription),
}


@pytest.mark.parametrize("kind", LONGER)
def test_an_object_grows_up_to_its_room_and_no_further(kind: str) -> None:
    create, update = LONGER[kind]
    object_id = create()["id"]
    update(asked(), object_id, {"metadata": {"a": "b"}})
    update(asked(), object_id, {"metadata": metadata(FULL - 1_000)})
    before = stored(object_id)
    with pytest.raises(BillingError, match="shorten") as refused:
        update(
            asked(),
            object_id,
            {"metadata": {"more": text(2_000), "still": text(2_000), "most": text(2_000)}},
        )
    assert (refused.value.status, refused.value.param) == (400, "metadata")
    assert stored(object_id) == before


def test_a_subscription_that_became_too_long_can_still_be_cancelled_but_not_get_longer() -> None:
    """Meterline itself may add to what was accepted."""
    sub = subscription(metadata=metadata(20_000))
    store = BillingStore(livemode=False)
    document = store.get(sub["id"])
    assert document is not None
    longer = document.body | {"metadata": metadata(TOO_MUCH)}
    store.commit(Change(puts=[replace(document, body=longer)]))
    with pytest.raises(BillingError, match="metadata"):
        update_subscription(asked(), sub["id"], {"metadata": {"note": "longer"}})
    update_subscription(asked(), sub["id"], {"cancel_at_period_end": True})
    update_subscription(asked(), sub["id"], {"metadata": {"key0": "shorter"}})
    cancel_subscription(asked(), sub["id"], {})
    assert stored(sub["id"])["status"] == "canceled"


def test_texts_are_of_the_size_that_they_say() -> None:
    """Of what these tests are made: no compression makes them smaller than they claim."""
    assert FULL * 0.9 < len(pack({"metadata": metadata(FULL)})) < WRITTEN_BYTES
    assert len(pack({"metadata": metadata(TOO_MUCH)})) > WRITTEN_BYTES
