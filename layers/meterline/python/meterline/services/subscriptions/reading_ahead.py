"""What decisions about a subscription read, known before they are taken: one request for all."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from meterline.services.account import settings
from meterline.services.base.context import Context
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.invoices.metered import meter_of

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription


def needed_for_subscription(subscription: "Subscription") -> list[str]:
    """The ids of what billing a subscription reads: all but its usage, known from its body."""
    prices = [item["price"] for item in items_of(subscription)]
    needed = [price["product"] for price in prices]
    needed += [meter for price in prices if (meter := meter_of(price))]
    return [subscription["customer"], settings.ID, *dict.fromkeys(needed)]


def needed_for_end(subscription: "Subscription", *, invoices: bool) -> list[str]:
    """The ids of what ending a subscription reads, and its answer; ``invoices`` says that it bills
    what is left.
    """
    latest = subscription["latest_invoice"]
    billed = needed_for_subscription(subscription) if invoices else [subscription["customer"]]
    shown = [item["price"]["id"] for item in items_of(subscription)]
    return [*billed, *dict.fromkeys(shown), *([latest] if latest else ())]


def named_by_request(params: Mapping[str, Any]) -> list[str]:
    """The ids of what starting a subscription reads, as far as its request names it."""
    return [params["customer"], settings.ID, *dict.fromkeys([*_prices(params), *_rates(params)])]


def sold_in_request(ctx: Context, params: Mapping[str, Any]) -> list[str]:
    """The ids of the products that a request's prices sell: lines have their names, and the
    customer their features. ``ctx`` has read the prices.
    """
    prices = ctx.store.get_many(_prices(params)).values()
    return list(dict.fromkeys(price.body["product"] for price in prices if price.kind == "price"))


def _rates(params: Mapping[str, Any]) -> Iterator[str]:
    yield from params.get("default_tax_rates") or ()
    for field in ("items", "add_invoice_items"):
        for item in params.get(field) or ():
            yield from item.get("tax_rates") or ()


def _prices(params: Mapping[str, Any]) -> Iterator[str]:
    for field in ("items", "add_invoice_items"):
        for item in params.get(field) or ():
            if "price" in item:
                yield str(item["price"])
