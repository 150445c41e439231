"""Everything that is stored about one customer, found by reading the tables whole.

For an operator's commands: what names the customer, wherever it stands, also beside the lists.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from meterline.core.base.private_state import private_value
from meterline.services.base.context import Context
from meterline.store.base.batches import batch_get
from meterline.store.base.keys import mode, object_key
from meterline.store.base.packing import unpack
from meterline.store.base.settings import settings
from meterline.store.metering.usage import key_of_counter
from meterline.store.work.scans import scan_table

if TYPE_CHECKING:
    from meterline.core.base.wire import Product

type Item = dict[str, Any]

_PRODUCT = re.compile(r'"product": "([^"#]+)"')


def billing_items(ctx: Context, customer_id: str) -> Iterator[Item]:
    """The items of Billing whose body names the customer, the parts beside them, and the hidden
    products that stand for what was invoiced by its amount and a text.
    """
    stored = scan_table(
        settings().billing_table,
        "begins_with(pk, :mode) AND attribute_exists(body)",
        {":mode": {"S": f"{mode(ctx.livemode)}#"}},
    )
    products: set[str] = set()
    for item in stored:
        body = unpack(item["body"]["B"])
        if names(body, customer_id):
            yield item
            parts = item.get("parts", {}).get("SS", ())
            yield from _read((item["pk"]["S"], part) for part in parts)
            products |= _products(body)
    addresses = ((object_key(ctx.livemode, product), "#") for product in sorted(products))
    yield from (item for item in _read(addresses) if is_hidden(unpack(item["body"]["B"])))


def is_hidden(product: "Product") -> bool:
    """Whether a product stands for an amount and a text of an invoice item, outside the catalog."""
    return bool(private_value(product, "inline")) and not product["active"]


def meter_event_items(ctx: Context, customer_id: str) -> Iterator[Item]:
    """The customer's items of MeterEvents."""
    return scan_table(
        settings().meter_events_table,
        "begins_with(identifier, :mode) AND (c = :customer OR customer = :customer)",
        {":mode": {"S": f"{mode(ctx.livemode)}#"}, ":customer": {"S": customer_id}},
    )


def counter_items(ctx: Context, customer_id: str) -> Iterator[Item]:
    """The counters of the customer's usage."""
    counters = scan_table(
        settings().usage_table,
        "begins_with(pk, :mode) AND begins_with(sk, :counter) AND contains(pk, :customer)",
        {
            ":mode": {"S": f"{mode(ctx.livemode)}#"},
            ":counter": {"S": "h#"},
            ":customer": {"S": f"#{customer_id}"},
        },
    )
    return (item for item in counters if _customer_of(item) == customer_id)


def _customer_of(counter: Item) -> str:
    return key_of_counter(counter["pk"]["S"], counter["sk"]["S"]).customer


def names(body: Mapping[str, Any], customer_id: str) -> bool:
    """Whether a body names the customer, at any depth."""
    return f'"{customer_id}"' in json.dumps(body)


def _products(body: Mapping[str, Any]) -> set[str]:
    """The products of invoice items, also of those in a batch."""
    text = json.dumps(body)
    return set(_PRODUCT.findall(text)) if '"object": "invoiceitem"' in text else set()


def _read(addresses: Iterable[tuple[str, str]]) -> Iterator[Item]:
    keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in addresses]
    return iter(batch_get(settings().billing_table, keys) if keys else ())
