"""Products: what is sold; their prices say for how much."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.base.patch import save_update
from meterline.services.catalog.prices import new_price, price_document
from meterline.services.catalog.product_bodies import (
    KIND,
    features_of,
    has_prices,
    new_product,
    package_dimensions,
    refuse_taken_id,
    tax_details,
    with_prices,
)
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Deleted, Price, Product

_LISTS = ("images", "marketing_features")


def create_product(ctx: Context, params: Body) -> "Product":
    """Create a product, and its default price if ``default_price_data`` describes one."""
    product = new_product(ctx, params)
    price: Price | None = None
    if "default_price_data" in params:
        data = params["default_price_data"]
        price = new_price(ctx, data, product["id"], param="default_price_data")
        product = with_prices(product | {"default_price": price["id"]})
    documents: list[Document] = [_document(ctx, product)]
    events = [EventDraft("product.created", product)]
    if price is not None:
        documents.append(price_document(ctx, price))
        events.append(EventDraft("price.created", price))
    refuse_taken_id(ctx, params)
    ctx.save(Change(puts=documents), events, result_id=product["id"])
    return product


def update_product(ctx: Context, product_id: str, params: Body) -> "Product":
    """Change the given fields of a product."""
    document = find(ctx, KIND, product_id)
    changes: Any = {name: or_none(value) for name, value in params.items()}
    changes |= {name: params[name] or [] for name in _LISTS if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(document.body["metadata"], params["metadata"])
    if "package_dimensions" in params:
        changes["package_dimensions"] = package_dimensions(params["package_dimensions"])
    if "tax_details" in params:
        changes["tax_details"] = tax_details(params["tax_details"])
    if "default_price" in params:
        _check_default_price(ctx, product_id, params["default_price"])
    body: Product = document.body | changes
    if body != document.body:
        body["updated"] = ctx.now
    return save_update(ctx, document, body, "product.updated")


def delete_product(ctx: Context, product_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - route
    """Delete a product that has no prices, and take its features off it."""
    document = find(ctx, KIND, product_id)
    if has_prices(document.body):
        raise BillingError(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    remains: Deleted = {"id": product_id, "object": KIND, "deleted": True}
    stub: Any = {**remains, "created": document.created}
    gone = replace(document, body=stub)
    events = [EventDraft("product.deleted", document.body | {"active": False})]
    attached = ctx.store.get_many(attached["id"] for attached in features_of(document.body))
    ctx.save(Change(puts=[gone], deletes=list(attached.values())), events, result_id=product_id)
    return remains


def _check_default_price(ctx: Context, product_id: str, price_id: str) -> None:
    price = find(ctx, "price", price_id, param="default_price")
    if price.body["product"] != product_id:
        raise no_such("price", price_id, param="default_price")


def _document(ctx: Context, body: "Product") -> "Document[Product]":
    return Document(kind=KIND, livemode=ctx.livemode, body=body)
