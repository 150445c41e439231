"""The items that a request asks for, with their prices."""

from collections.abc import Mapping, Sequence
from typing import Any

from meterline.core.errors import BillingError, no_such
from meterline.core.periods import Interval
from meterline.services.context import Context
from meterline.services.subscriptions.bodies import ItemTerms
from meterline.services.terms import interval_of
from meterline.store.documents import Body

MAX_ITEMS = 20


def item_terms(ctx: Context, items: Sequence[Mapping[str, Any]]) -> list[ItemTerms]:
    """The requested items with their prices; refused if they cannot stand on one subscription."""
    if len(items) > MAX_ITEMS:
        raise BillingError(f"A subscription can have at most {MAX_ITEMS} items.", param="items")
    prices = ctx.store.get_many(str(item["price"]) for item in items)
    terms = []
    for index, item in enumerate(items):
        param = f"items[{index}]"
        found = prices.get(item["price"])
        if found is None or found.kind != "price":
            raise no_such("price", item["price"], param=f"{param}[price]")
        terms.append(_terms(found.body, item, param))
    _check_together(terms)
    return terms


def shared_interval(items: Sequence[ItemTerms]) -> Interval:
    """The interval of all items."""
    return interval_of(items[0].price)


def _terms(price: Body, item: Mapping[str, Any], param: str) -> ItemTerms:
    if price["type"] != "recurring":
        raise BillingError(
            f"The price specified is set to `type=one_time` but this field only accepts prices with"
            f" `type=recurring`. Use a recurring price instead of {price['id']}.",
            param=f"{param}[price]",
        )
    if not price["active"]:
        raise BillingError(
            f"The price specified is inactive. This field only accepts active prices: activate"
            f" {price['id']} or use another.",
            param=f"{param}[price]",
        )
    return ItemTerms(price, _quantity(price, item, param), item.get("metadata") or {})


def _quantity(price: Body, item: Mapping[str, Any], param: str) -> int | None:
    if price["recurring"]["usage_type"] != "metered":
        return int(item.get("quantity", 1))
    if "quantity" in item:
        raise BillingError(
            f"Price {price['id']} is metered: its quantity is the usage of its meter. Leave out"
            " `quantity`.",
            param=f"{param}[quantity]",
        )
    return None


def _check_together(terms: Sequence[ItemTerms]) -> None:
    first = terms[0].price
    for index, item in enumerate(terms):
        price = item.price
        if price["currency"] != first["currency"]:
            raise BillingError(
                f"All prices of a subscription must have one currency; {price['id']} is in"
                f" {price['currency']} and {first['id']} in {first['currency']}.",
                param=f"items[{index}][price]",
            )
        if interval_of(price) != interval_of(first):
            raise BillingError(
                f"All prices of a subscription must have one interval; {price['id']} recurs every"
                f" {interval_of(price)} and {first['id']} every {interval_of(first)}.",
                param=f"items[{index}][price]",
            )
        if any(price["id"] == other.price["id"] for other in terms[:index]):
            raise BillingError(
                f"Cannot add multiple subscription items with the same price: {price['id']}.",
                param=f"items[{index}][price]",
            )
