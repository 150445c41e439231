"""Prices that a request describes with ``price_data`` in place of naming one.

Such a price is inactive from the start, so that nothing else is sold at it, and lists of prices
leave it out. It is stored with what it was made for: a preview stores neither. What is charged once
by its amount has a price of that kind too, and a product that is as hidden; amounts of one name
share them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.money import format_decimal
from meterline.services.base.ids import derived_object_id
from meterline.services.base.lookups import find
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog import product_bodies as products
from meterline.services.catalog.prices import PriceState, new_price, price_document
from meterline.services.catalog.product_bodies import ProductState
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Price,
    )


def with_inline_prices(
    uow: UnitOfWork, requested: Sequence[Mapping[str, Any]], param: str
) -> list[Body]:
    """The same items, each with the id of its own new price where it had ``price_data``.

    A ``plan`` is what old integrations call the price of an item.
    ``param`` is the list's name, for refusals.
    """
    return [
        _named(uow, dict(item), f"{param}[{index}][price_data]")
        for index, item in enumerate(requested)
    ]


def inline_price(uow: UnitOfWork, price_data: Body, param: str) -> "Price":
    """A new price as ``price_data`` describes it, with its product if that is new too."""
    ctx = uow.ctx.at(uow.ctx.wall_clock)
    product_id = _product(uow, price_data, param)
    described = {name: value for name, value in price_data.items() if name != "product_data"}
    price = new_price(ctx, described | {"active": False}, product_id, param=param)
    price = PriceState(inline=True).on(price)
    uow.put(price_document(ctx, price))
    uow.emit("price.created", price)
    return price


def one_off_price(uow: UnitOfWork, currency: str, unit_amount: Decimal, name: str) -> "Price":
    """The price of something that is charged once without a price: amount and name make it.

    It is stored with its product when it is needed for the first time; no event is emitted.
    """
    ctx = uow.ctx.at(uow.ctx.wall_clock)
    parts = (ctx.livemode, currency, format_decimal(unit_amount), name)
    price_id = derived_object_id("price", *parts)
    known: Document[Price] | None = uow.read([price_id]).get(price_id)
    if known is not None:
        return known.body
    product_id = derived_object_id(products.KIND, *parts)
    product = products.new_product(ctx, {"name": name}) | {"id": product_id, "active": False}
    params = {"currency": currency, "unit_amount_decimal": unit_amount}
    price = new_price(ctx, params, product_id) | {"id": price_id, "active": False}
    price = PriceState(inline=True).on(price)
    sold = ProductState(inline=True, priced=True).on(product)
    uow.put(Document(kind=products.KIND, livemode=ctx.livemode, body=sold))
    uow.put(price_document(ctx, price))
    return price


def _named(uow: UnitOfWork, requested: Body, param: str) -> Body:
    if "plan" in requested:
        requested["price"] = requested.pop("plan")
    if "price_data" not in requested:
        return requested
    price_data = requested.pop("price_data")
    return requested | {"price": inline_price(uow, price_data, param)["id"]}


def _product(uow: UnitOfWork, price_data: Body, param: str) -> str:
    if "product_data" not in price_data:
        found = find(uow.ctx, "product", price_data["product"], param=f"{param}[product]")
        if not found.body["active"]:
            raise BillingError(
                f"The product {found.id} is inactive: activate it, or use another.",
                code="product_inactive",
                param=f"{param}[product]",
            )
        for product in products.marked(found):
            uow.put(product)
        return found.id
    described = price_data["product_data"]
    made = products.with_prices(products.new_product(uow.ctx.at(uow.ctx.wall_clock), described))
    uow.put(Document(kind=products.KIND, livemode=uow.ctx.livemode, body=made))
    uow.emit("product.created", made)
    return str(made["id"])
