"""Product features: which features a product gives to those who subscribe to it.

Each attachment is an object of its own. Its product remembers what matters of it, so that whoever
has the product at hand knows its features without another read.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.base.private_state import PrivateState
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find
from meterline.services.catalog import features, product_bodies
from meterline.services.catalog.product_bodies import (
    AttachedFeature,
    features_of,
    with_features,
)
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Deleted, ProductFeature

KIND: Final = "product_feature"
FIELD: Final = "meterline"
"""What an attachment may say beyond Stripe: how much of its feature comes in a period."""
MOST_FEATURES = 50
"""Features of a product."""


@frozen
class ProductFeatureState(PrivateState):
    """What an attachment remembers: its product, and when it was made; neither is shown."""

    created: int | None = None
    product: str | None = None


def new_attachment(ctx: Context, product_id: str, params: Body) -> "tuple[ProductFeature, Change]":
    """An active feature attached to a product that does not have it, and the change that does so.

    The meter of a limit is not looked at.
    """
    product = find(ctx, product_bodies.KIND, product_id)
    feature = find(ctx, features.KIND, params["entitlement_feature"], param="entitlement_feature")
    if not feature.body["active"]:
        raise BillingError(
            f"The feature {feature.id} is archived and cannot be attached to products.",
            param="entitlement_feature",
        )
    attached = features_of(product.body)
    _check_new(attached, feature.id, product_id)
    body: ProductFeature = {
        "id": new_object_id(KIND),
        "object": KIND,
        "entitlement_feature": feature.id,
        "livemode": ctx.livemode,
    }
    limit = params.get(FIELD, {}).get("limit")
    if limit is not None:
        quantity = format_decimal(limit["quantity"])
        body[FIELD] = {"limit": {"meter": limit["meter"], "quantity": quantity}}
    body = ProductFeatureState(created=ctx.now, product=product_id).on(body)
    entry = AttachedFeature(
        id=body["id"], feature=feature.id, lookup_key=feature.body["lookup_key"]
    )
    if FIELD in body:
        entry["limit"] = body[FIELD]["limit"]
    document = Document(kind=KIND, livemode=ctx.livemode, body=body, parent=product_id)
    having = replace(product, body=with_features(product.body, [*attached, entry]))
    return body, Change(puts=[document, having], checks=[feature])


def find_product_feature(
    ctx: Context,
    product_id: str,
    attachment_id: str,
    params: Body,  # noqa: ARG001 - route
) -> "ProductFeature":
    """The attachment with this id, of this product."""
    return _find(ctx, product_id, attachment_id).body


def detach_feature(
    ctx: Context,
    product_id: str,
    attachment_id: str,
    params: Body,  # noqa: ARG001 - route
) -> "Deleted":
    """Take a feature off a product: subscriptions have it until their next period."""
    document = _find(ctx, product_id, attachment_id)
    product = find(ctx, product_bodies.KIND, product_id)
    left = [entry for entry in features_of(product.body) if entry["id"] != attachment_id]
    without = replace(product, body=with_features(product.body, left))
    ctx.save(Change(puts=[without], deletes=[document]), result_id=attachment_id)
    return {"id": attachment_id, "object": KIND, "deleted": True}


def _find(ctx: Context, product_id: str, attachment_id: str) -> "Document[ProductFeature]":
    product = find(ctx, product_bodies.KIND, product_id, status=404)
    document = find(ctx, KIND, attachment_id, status=404)
    if ProductFeatureState.of(document.body).product != product.id:
        raise no_such("product feature", attachment_id, status=404)
    return document


def _check_new(attached: list[AttachedFeature], feature_id: str, product_id: str) -> None:
    if any(entry["feature"] == feature_id for entry in attached):
        raise BillingError(
            f"The product {product_id} has the feature {feature_id} already.",
            code="resource_already_exists",
            param="entitlement_feature",
        )
    if len(attached) >= MOST_FEATURES:
        raise BillingError(
            f"A product can have at most {MOST_FEATURES} features: detach one first.",
            param="entitlement_feature",
        )
