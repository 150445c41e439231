"""The product object: a new one with all its fields, and the mark that it has prices."""

from dataclasses import dataclass, replace

from meterline.core.base.errors import BillingError
from meterline.core.base.private_state import PrivateState
from meterline.core.base.unset import merged_metadata, or_none
from meterline.core.base.wire_numbers import wire_number
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.store.base.documents import Body, Document

KIND = "product"


@dataclass(frozen=True, slots=True)
class ProductState(PrivateState):
    """What a product remembers: whether it was made for one item, and whether it has prices.

    One that has prices cannot be deleted.
    """

    inline: bool | None = None
    priced: bool | None = None


def new_product(ctx: Context, params: Body) -> Body:
    """The body of a product as ``params`` describe it; nothing is stored."""
    return {
        "id": params.get("id") or new_object_id(KIND),
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
        "package_dimensions": package_dimensions(params.get("package_dimensions")),
        "shippable": params.get("shippable"),
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": params.get("tax_code"),
        "tax_details": tax_details(params.get("tax_details")),
        "type": params.get("type", "service"),
        "unit_label": params.get("unit_label"),
        "updated": ctx.now,
        "url": params.get("url"),
    }


def with_prices(product: Body) -> Body:
    """A product with the mark that it has prices."""
    return replace(ProductState.of(product), priced=True).on(product)


def marked(document: Document) -> list[Document]:
    """What the commit that makes a price stores of its product; nothing if that has others."""
    if document.version and has_prices(document.body):
        return []
    return [replace(document, body=with_prices(document.body))]


def refuse_taken_id(ctx: Context, params: Body) -> None:
    """Refuse an id of the caller's choice that another product has, or had."""
    if "id" in params and ctx.store.get(params["id"]) is not None:
        raise BillingError(
            f"Product already exists: '{params['id']}'", code="resource_already_exists", param="id"
        )


def has_prices(product: Body) -> bool:
    """Whether a product has, or had, prices."""
    return bool(ProductState.of(product).priced)


def package_dimensions(given: Body | None) -> Body | None:
    """Inches and ounces are plain JSON numbers, and nothing is ever computed with them."""
    return {name: wire_number(value) for name, value in given.items()} if given else None


def tax_details(given: Body | None) -> Body | None:
    """What is said about taxes on a product, as its body holds it."""
    if not given:
        return None
    names = ("performance_location", "tax_code")
    return {name: or_none(given.get(name)) for name in names}
