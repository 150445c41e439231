"""Prices that a request describes with ``price_data`` in place of naming one.

Such a price is inactive from the start, so that nothing else is sold at it, and lists of prices
leave it out. It is stored with what it was made for: a preview stores neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from meterline.core.base.errors import BillingError
from meterline.services.base.lookups import find
from meterline.services.billing.ledger import Ledger
from meterline.services.catalog.prices import INLINE, new_price, price_document, shown_price
from meterline.services.catalog.product_bodies import KIND, marked, new_product, with_prices
from meterline.store.base.documents import Body, Document


def with_inline_prices(
    ledger: Ledger, wanted: Sequence[Mapping[str, Any]], param: str
) -> list[Body]:
    """The same items, each with the id of its own new price where it had ``price_data``.

    A ``plan`` is what old integrations call the price of an item.
    ``param`` is the list's name, for refusals.
    """
    return [
        _named(ledger, dict(one), f"{param}[{index}][price_data]")
        for index, one in enumerate(wanted)
    ]


def inline_price(ledger: Ledger, given: Body, param: str) -> Body:
    """A new price as ``price_data`` describes it, with its product if that is new too."""
    ctx = ledger.ctx.at(ledger.ctx.wall_clock)
    product_id = _product(ledger, given, param)
    described = {name: value for name, value in given.items() if name != "product_data"}
    price = new_price(ctx, described | {"active": False}, product_id, param=param)
    price["_"] = (price.get("_") or {}) | {INLINE: True}
    ledger.put(price_document(ctx, price))
    ledger.tell("price.created", shown_price(price))
    return price


def _named(ledger: Ledger, wanted: Body, param: str) -> Body:
    if "plan" in wanted:
        wanted["price"] = wanted.pop("plan")
    if "price_data" not in wanted:
        return wanted
    given = wanted.pop("price_data")
    return wanted | {"price": inline_price(ledger, given, param)["id"]}


def _product(ledger: Ledger, given: Body, param: str) -> str:
    if "product_data" not in given:
        found = find(ledger.ctx, "product", given["product"], param=f"{param}[product]")
        if not found.body["active"]:
            raise BillingError(
                f"The product {found.id} is inactive: activate it, or use another.",
                code="product_inactive",
                param=f"{param}[product]",
            )
        for product in marked(found):
            ledger.put(product)
        return found.id
    described = given["product_data"]
    made = with_prices(new_product(ledger.ctx.at(ledger.ctx.wall_clock), described))
    ledger.put(Document(kind=KIND, livemode=ledger.ctx.livemode, body=made))
    ledger.tell("product.created", made)
    return str(made["id"])
