"""What products let their customers do: features, and the products that have them."""

from meterline.api.lists import (
    PAGING,
    Keep,
    Listing,
    list_operation,
    listing,
    read_page,
    retrieve,
)
from meterline.api.operations import delete, get, post
from meterline.api.params.specs import Params, boolean, decimal_, metadata, object_, string
from meterline.api.router import Routes
from meterline.core.kinds.divisions import flag
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.limited_features import attach_feature
from meterline.services.catalog.features import create_feature, update_feature
from meterline.services.catalog.product_features import (
    detach_feature,
    find_product_feature,
)
from meterline.store.billing.repository import Source
from meterline.store.billing.search_terms import term_of

_FEATURE = "entitlements.feature"
_PRODUCT_FEATURE = "product_feature"
_FEATURES = "/v1/entitlements/features"
_OF_PRODUCT = "/v1/products/{product}/features"

_CREATE = object_(
    lookup_key=string(required=True, max_length=80),
    metadata=metadata(),
    name=string(required=True, max_length=80),
)
_UPDATE = object_(active=boolean(), metadata=metadata(), name=string(max_length=80))

_LIMIT = object_(meter=string(required=True), quantity=decimal_(required=True, minimum=0))
"""Beyond Stripe: how much usage of a meter the feature comes with in each period."""


def _keep(params: Params) -> Keep:
    """Active features, unless the archived ones are asked for; or those of a lookup key."""
    active, key = not params.get("archived", False), params.get("lookup_key")
    return lambda feature: feature["active"] is active and key in (None, feature["lookup_key"])


def _source(_: Context, params: Params) -> Source:
    if "lookup_key" in params:
        return Source(terms=[term_of("lookup_key", params["lookup_key"])])
    return Source(facets={"active": [flag(not params.get("archived", False))]})


def _list_of_product(ctx: Context, product_id: str, params: Params) -> Listing:
    product = find(ctx, "product", product_id, status=404)
    return read_page(ctx, _PRODUCT_FEATURE, params, source=Source(parents=[product.id]))


ROUTES = Routes(
    [
        post(_FEATURES, _FEATURE, create_feature, _CREATE),
        listing(
            _FEATURES,
            _FEATURE,
            filters=object_(archived=boolean(), lookup_key=string(max_length=80)),
            keep=_keep,
            narrow=_source,
            created=False,
        ),
        retrieve(_FEATURES + "/{id}", _FEATURE),
        post(_FEATURES + "/{id}", _FEATURE, update_feature, _UPDATE),
        post(
            _OF_PRODUCT,
            _PRODUCT_FEATURE,
            attach_feature,
            object_(entitlement_feature=string(required=True), meterline=object_(limit=_LIMIT)),
        ),
        list_operation(_OF_PRODUCT, _PRODUCT_FEATURE, _list_of_product, object_(PAGING)),
        get(_OF_PRODUCT + "/{id}", _PRODUCT_FEATURE, find_product_feature),
        delete(_OF_PRODUCT + "/{id}", _PRODUCT_FEATURE, detach_feature),
    ]
)
