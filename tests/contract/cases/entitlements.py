"""Features, the products that have them, and what customers are entitled to."""

from tests.contract.cases.table import Case, Refused, holds, missing

CASES = {
    "Access.ask": Case(
        lambda w: (
            w.entitlement
            and w.raw("get", "/v1/meterline/access", customer=w.customer, feature=w.own)
        ),
        lambda w: {
            "object": "meterline.access",
            "has_access": True,
            "reason": None,
            "limit": None,
        },
        Refused(
            lambda w: w.raw("get", "/v1/meterline/access", customer="cus_no", feature=w.own),
            code="resource_missing",
            param="customer",
        ),
    ),
    "ActiveEntitlement.list": Case(
        lambda w: (
            w.entitlement
            and w.v1.entitlements.active_entitlements.list(
                {"customer": w.customer, "expand": ["data.feature"]}
            )
        ),
        lambda w: {
            "data": holds(w.entitlement),
            "data.0.feature.id": w.feature,
            "data.0.lookup_key": w.own,
            "url": "/v1/entitlements/active_entitlements",
        },
        Refused(
            lambda w: w.v1.entitlements.active_entitlements.list({}),
            code="parameter_missing",
            param="customer",
        ),
    ),
    "ActiveEntitlement.retrieve": Case(
        lambda w: w.v1.entitlements.active_entitlements.retrieve(w.entitlement),
        lambda w: {"id": w.entitlement, "feature": w.feature, "lookup_key": w.own},
        missing(
            lambda w: w.v1.entitlements.active_entitlements.retrieve("ent_no"),
            "active entitlement: 'ent_no'",
        ),
    ),
    "Feature.create": Case(
        lambda w: w.v1.entitlements.features.create(
            {"name": "Export", "lookup_key": w.own, "metadata": {"kind": "file"}}
        ),
        lambda w: {"object": "entitlements.feature", "lookup_key": w.own, "active": True},
        Refused(
            lambda w: (
                w.feature
                and w.v1.entitlements.features.create({"name": "Another", "lookup_key": w.own})
            ),
            code="resource_already_exists",
            param="lookup_key",
            says="already exists",
        ),
    ),
    "Feature.retrieve": Case(
        lambda w: w.v1.entitlements.features.retrieve(w.feature),
        lambda w: {"id": w.feature, "name": "Export"},
        missing(lambda w: w.v1.entitlements.features.retrieve("feat_no"), "feature: 'feat_no'"),
    ),
    "Feature.update": Case(
        lambda w: w.v1.entitlements.features.update(w.feature, {"name": "Exports"}),
        lambda w: {"id": w.feature, "name": "Exports", "lookup_key": w.own},
        Refused(
            lambda w: w.v1.entitlements.features.update(w.feature, {"lookup_key": "other"}),
            code="parameter_unknown",
            param="lookup_key",
        ),
    ),
    "Feature.list": Case(
        lambda w: w.feature and w.v1.entitlements.features.list({"lookup_key": w.own}),
        lambda w: {"data": holds(w.feature), "url": "/v1/entitlements/features"},
        Refused(
            lambda w: w.v1.entitlements.features.list({"archived": "perhaps"}), param="archived"
        ),
    ),
    "Product.createFeature": Case(
        lambda w: w.v1.products.features.create(w.product, {"entitlement_feature": w.feature}),
        lambda w: {"object": "product_feature", "entitlement_feature.lookup_key": w.own},
        Refused(
            lambda w: w.v1.products.features.create(w.product, {"entitlement_feature": "feat_no"}),
            code="resource_missing",
            param="entitlement_feature",
            says="No such feature: 'feat_no'",
        ),
    ),
    "Product.retrieveFeature": Case(
        lambda w: w.v1.products.features.retrieve(w.product, w.product_feature),
        lambda w: {"id": w.product_feature, "entitlement_feature.id": w.feature},
        missing(
            lambda w: w.v1.products.features.retrieve(w.product, "prodft_no"),
            "product feature: 'prodft_no'",
        ),
    ),
    "Product.listFeatures": Case(
        lambda w: w.product_feature and w.v1.products.features.list(w.product),
        lambda w: {
            "data": holds(w.product_feature),
            "data.0.entitlement_feature.id": w.feature,
            "url": f"/v1/products/{w.product}/features",
        },
        missing(lambda w: w.v1.products.features.list("prod_no"), "product: 'prod_no'"),
    ),
    "Product.deleteFeature": Case(
        lambda w: w.v1.products.features.delete(w.product, w.product_feature),
        lambda w: {"id": w.product_feature, "object": "product_feature", "deleted": True},
        missing(
            lambda w: w.v1.products.features.delete(w.product, "prodft_no"),
            "product feature: 'prodft_no'",
        ),
    ),
}
