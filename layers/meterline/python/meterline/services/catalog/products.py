"""Products: what is sold; their prices say for how much."""

from dataclasses import replace

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.events import EventDraft
from meterline.services.base.ids import new_id
from meterline.services.base.lookups import find
from meterline.services.base.updates import save_update
from meterline.services.base.wire_numbers import wire_number
from meterline.services.catalog.prices import new_price, price_document, shown_price
from meterline.store.base.documents import Body, Change, Document

KIND = "product"
_LISTS = ("images", "marketing_features")
_PRICED = "priced"
"""Marks, in private state, a product that has prices: it cannot be deleted."""


def create_product(ctx: Context, params: Body) -> Body:
    """Create a product, and its default price if ``default_price_data`` describes one."""
    product = new_product(ctx, params)
    price = None
    if "default_price_data" in params:
        data = params["default_price_data"]
        price = new_price(ctx, data, product["id"], param="default_price_data")
        product = with_prices(product | {"default_price": price["id"]})
    documents = [_document(ctx, product)]
    events = [EventDraft("product.created", product)]
    if price is not None:
        documents.append(price_document(ctx, price))
        events.append(EventDraft("price.created", shown_price(price)))
    refuse_taken_id(ctx, params)
    ctx.save(Change(puts=documents), events, result_id=product["id"])
    return product


def new_product(ctx: Context, params: Body) -> Body:
    """The body of a product as ``params`` describe it; nothing is stored."""
    return {
        "id": params.get("id") or new_id("prod_"),
        "object": KIND,
        "active": params.get("active", True),
        "attributes": [],
        "created": ctx.now,
        "default_price": None,
        "description": params.get("description"),
        "images": params.get("images", []),
        "livemode": ctx.livemode,
        "marketing_features": params.get("marketing_features", []),
        "metadata": merged_metadata({}, params.get("metadata")),
        "name": params["name"],
        "package_dimensions": _dimensions(params.get("package_dimensions")),
        "shippable": params.get("shippable"),
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": params.get("tax_code"),
        "tax_details": _tax_details(params.get("tax_details")),
        "type": params.get("type", "service"),
        "unit_label": params.get("unit_label"),
        "updated": ctx.now,
        "url": params.get("url"),
    }


def with_prices(product: Body) -> Body:
    """A product with the mark that it has prices."""
    return product | {"_": (product.get("_") or {}) | {_PRICED: True}}


def marked(document: Document) -> list[Document]:
    """What the commit that makes a price stores of its product; nothing if that has others."""
    if document.version and (document.body.get("_") or {}).get(_PRICED):
        return []
    return [replace(document, body=with_prices(document.body))]


def refuse_taken_id(ctx: Context, params: Body) -> None:
    """Refuse an id of the caller's choice that another product has, or had."""
    if "id" in params and ctx.store.get(params["id"]) is not None:
        raise BillingError(
            f"Product already exists: '{params['id']}'", code="resource_already_exists", param="id"
        )


def update_product(ctx: Context, product_id: str, params: Body) -> Body:
    """Change the given fields of a product."""
    document = find(ctx, KIND, product_id)
    changes = {name: or_none(value) for name, value in params.items()}
    changes |= {name: params[name] or [] for name in _LISTS if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(document.body["metadata"], params["metadata"])
    if "package_dimensions" in params:
        changes["package_dimensions"] = _dimensions(params["package_dimensions"])
    if "tax_details" in params:
        changes["tax_details"] = _tax_details(params["tax_details"])
    if "default_price" in params:
        _check_default_price(ctx, product_id, params["default_price"])
    body = document.body | changes
    if body != document.body:
        body["updated"] = ctx.now
    return save_update(ctx, document, body, "product.updated")


def delete_product(ctx: Context, product_id: str, params: Body) -> Body:  # noqa: ARG001 - route
    """Delete a product that has no prices."""
    document = find(ctx, KIND, product_id)
    if (document.body.get("_") or {}).get(_PRICED):
        raise BillingError(
            "This product cannot be deleted because it has one or more user-created prices."
        )
    remains = {"id": product_id, "object": KIND, "deleted": True}
    gone = replace(document, body=remains | {"created": document.created})
    events = [EventDraft("product.deleted", document.body | {"active": False})]
    ctx.save(Change(puts=[gone]), events, result_id=product_id)
    return remains


def _check_default_price(ctx: Context, product_id: str, price_id: str) -> None:
    price = find(ctx, "price", price_id, param="default_price")
    if price.body["product"] != product_id:
        raise no_such("price", price_id, param="default_price")


def _dimensions(given: Body | None) -> Body | None:
    """Inches and ounces are plain JSON numbers, and nothing is ever computed with them."""
    return {name: wire_number(value) for name, value in given.items()} if given else None


def _tax_details(given: Body | None) -> Body | None:
    if not given:
        return None
    names = ("performance_location", "tax_code")
    return {name: or_none(given.get(name)) for name in names}


def _document(ctx: Context, body: Body) -> Document:
    return Document(kind=KIND, livemode=ctx.livemode, body=body)
