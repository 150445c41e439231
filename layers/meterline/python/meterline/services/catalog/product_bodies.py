"""The product object: a new one with all its fields, and the mark that it has prices."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.core.base.unset import merged_metadata, or_none
from meterline.core.base.wire_numbers import wire_number
from meterline.core.billing.entitlements import FeatureLimit
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Product, ProductPackageDimensions, ProductTaxDetails

KIND: Final = "product"


class AttachedFeature(TypedDict):
    """A feature of a product, as those read it who have the product alone; newest last.

    ``id`` is that of the attachment, ``feature`` that of what is attached.
    """

    id: str
    feature: str
    lookup_key: str
    limit: NotRequired[FeatureLimit]


@frozen
class ProductState(PrivateState):
    """What a product remembers: its features, whether it was made for one item, and whether it has
    prices. One that has prices cannot be deleted.
    """

    features: list[AttachedFeature] | None = None
    inline: bool | None = None
    priced: bool | None = None


def new_product(ctx: Context, params: Body) -> "Product":
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


def with_prices(product: "Product") -> "Product":
    """A product with the mark that it has prices."""
    return replace(ProductState.of(product), priced=True).on(product)


def marked(document: "Document[Product]") -> "list[Document[Product]]":
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


def features_of(product: "Product") -> list[AttachedFeature]:
    """The features that a product has, the one that was attached last at the end."""
    return ProductState.of(product).features or []


def with_features(product: "Product", features: list[AttachedFeature]) -> "Product":
    """A product with these features."""
    return replace(ProductState.of(product), features=features or None).on(product)


def has_prices(product: "Product") -> bool:
    """Whether a product has, or had, prices."""
    return bool(ProductState.of(product).priced)


def package_dimensions(requested: Body | None) -> "ProductPackageDimensions | None":
    """Inches and ounces are plain JSON numbers, and nothing is ever computed with them."""
    if not requested:
        return None
    return {
        "height": wire_number(requested["height"]),
        "length": wire_number(requested["length"]),
        "weight": wire_number(requested["weight"]),
        "width": wire_number(requested["width"]),
    }


def tax_details(requested: Body | None) -> "ProductTaxDetails | None":
    """What is said about taxes on a product, as its body holds it."""
    if not requested:
        return None
    return {
        "performance_location": or_none(requested.get("performance_location")),
        "tax_code": or_none(requested.get("tax_code")),
    }
