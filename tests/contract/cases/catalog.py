"""Products, prices, coupons and tax rates."""

from decimal import Decimal

from tests.contract.cases.table import Case, Refused, holds, missing

CASES = {
    "Product.create": Case(
        lambda w: w.v1.products.create({"name": "Calls", "unit_label": "call", "active": True}),
        lambda w: {"object": "product", "name": "Calls", "unit_label": "call", "type": "service"},
        Refused(lambda w: w.v1.products.create({}), code="parameter_missing", param="name"),
    ),
    "Product.retrieve": Case(
        lambda w: w.v1.products.retrieve(w.product),
        lambda w: {"id": w.product, "name": "Seats"},
        missing(lambda w: w.v1.products.retrieve("prod_missing"), "product: 'prod_missing'"),
    ),
    "Product.update": Case(
        lambda w: w.v1.products.update(
            w.product, {"default_price": w.price, "expand": ["default_price"]}
        ),
        lambda w: {"id": w.product, "default_price.id": w.price},
        Refused(
            lambda w: w.v1.products.update(w.product, {"default_price": "price_missing"}),
            code="resource_missing",
            param="default_price",
            says="No such price: 'price_missing'",
        ),
    ),
    "Product.list": Case(
        lambda w: w.v1.products.list({"ids": [w.product], "active": True}),
        lambda w: {"data.0.id": w.product, "has_more": False, "url": "/v1/products"},
        Refused(
            lambda w: w.v1.products.list({"active": "maybe"}),
            param="active",
        ),
    ),
    "Product.search": Case(
        lambda w: w.product and w.v1.products.search({"query": f"metadata['own']:'{w.own}'"}),
        lambda w: {"object": "search_result", "data.0.id": w.product},
        Refused(
            lambda w: w.v1.products.search({}),
            code="parameter_missing",
            param="query",
        ),
    ),
    "Product.del": Case(
        lambda w: w.v1.products.delete(w.product),
        lambda w: {"id": w.product, "object": "product", "deleted": True},
        Refused(
            lambda w: w.price and w.v1.products.delete(w.product),
            says="price",
        ),
    ),
    "Price.create": Case(
        lambda w: w.v1.prices.create(
            {
                "currency": "usd",
                "product_data": {"name": "Calls"},
                "billing_scheme": "tiered",
                "tiers_mode": "graduated",
                "recurring": {
                    "interval": "month",
                    "usage_type": "metered",
                    "meter": w.meter.id,
                },
                "tiers": [
                    {"up_to": 1_000, "unit_amount_decimal": Decimal("0.05")},
                    {"up_to": "inf", "unit_amount_decimal": "0.02", "flat_amount": 100},
                ],
                "expand": ["tiers"],
            }
        ),
        lambda w: {
            "object": "price",
            "recurring.meter": w.meter.id,
            "tiers.0.unit_amount_decimal": Decimal("0.05"),
            "tiers.1.up_to": None,
            "unit_amount": None,
        },
        Refused(
            lambda w: w.v1.prices.create({"currency": "usd", "product": "prod_missing"}),
            code="resource_missing",
            param="product",
            says="No such product: 'prod_missing'",
        ),
    ),
    "Price.retrieve": Case(
        lambda w: w.v1.prices.retrieve(w.price, {"expand": ["product"]}),
        lambda w: {"id": w.price, "product.name": "Seats", "unit_amount": 1_000},
        missing(lambda w: w.v1.prices.retrieve("price_missing"), "price: 'price_missing'", "price"),
    ),
    "Price.update": Case(
        lambda w: w.v1.prices.update(w.price, {"nickname": "Plain", "lookup_key": w.own}),
        lambda w: {"id": w.price, "nickname": "Plain", "lookup_key": w.own},
        Refused(
            lambda w: w.v1.prices.update(w.price, {"unit_amount": 1}),
            code="parameter_unknown",
            param="unit_amount",
        ),
    ),
    "Price.list": Case(
        lambda w: w.price and w.v1.prices.list({"product": w.product, "type": "recurring"}),
        lambda w: {"data": holds(w.price), "url": "/v1/prices"},
        Refused(
            lambda w: w.v1.prices.list({"starting_after": w.price, "ending_before": w.price}),
            says="Received both starting_after and ending_before parameters",
        ),
    ),
    "Price.search": Case(
        lambda w: w.price and w.v1.prices.search({"query": f"product:'{w.product}'"}),
        lambda w: {"object": "search_result", "data.0.id": w.price},
        Refused(lambda w: w.v1.prices.search({"query": "own:'x'"}), param="query"),
    ),
    "Coupon.create": Case(
        lambda w: w.v1.coupons.create(
            {"id": f"SPRING-{w.own}", "percent_off": "12.5", "duration": "once"}
        ),
        lambda w: {"id": f"SPRING-{w.own}", "percent_off": 12.5, "valid": True},
        Refused(
            lambda w: w.v1.coupons.create({"amount_off": 5, "percent_off": 5, "currency": "usd"}),
            says="Received both percent_off and amount_off parameters",
        ),
    ),
    "PromotionCode.create": Case(
        lambda w: w.v1.promotion_codes.create(
            {"promotion": {"type": "coupon", "coupon": w.coupon}, "code": f"P-{w.own}"}
        ),
        lambda w: {
            "code": f"P-{w.own}",
            "active": True,
            "promotion.coupon": w.coupon,
            "restrictions.first_time_transaction": False,
        },
        Refused(
            lambda w: w.v1.promotion_codes.create({"promotion": {"type": "coupon"}}),
            param="promotion.coupon",
            says="You must pass promotion.coupon",
        ),
    ),
    "PromotionCode.retrieve": Case(
        lambda w: w.v1.promotion_codes.retrieve(w.promotion_code, {"expand": ["promotion.coupon"]}),
        lambda w: {"id": w.promotion_code, "promotion.coupon.id": w.coupon, "times_redeemed": 0},
        missing(lambda w: w.v1.promotion_codes.retrieve("promo_no"), "promotion code: 'promo_no'"),
    ),
    "PromotionCode.update": Case(
        lambda w: w.v1.promotion_codes.update(w.promotion_code, {"metadata": {"a": "1"}}),
        lambda w: {"id": w.promotion_code, "metadata.a": "1"},
        Refused(
            lambda w: w.raw("post", f"/v1/promotion_codes/{w.promotion_code}", code="NEW"),
            code="parameter_unknown",
            param="code",
        ),
    ),
    "PromotionCode.list": Case(
        lambda w: w.promotion_code and w.v1.promotion_codes.list({"code": w.own}),
        lambda w: {"data": holds(w.promotion_code), "url": "/v1/promotion_codes"},
        Refused(
            lambda w: w.v1.promotion_codes.list({"limit": "all"}),
            code="parameter_invalid_integer",
            param="limit",
        ),
    ),
    "Coupon.retrieve": Case(
        lambda w: w.v1.coupons.retrieve(w.coupon),
        lambda w: {"id": w.coupon, "times_redeemed": 0},
        missing(lambda w: w.v1.coupons.retrieve("NOTHING"), "coupon: 'NOTHING'", "coupon"),
    ),
    "Coupon.update": Case(
        lambda w: w.v1.coupons.update(w.coupon, {"name": "Spring"}),
        lambda w: {"id": w.coupon, "name": "Spring"},
        Refused(
            lambda w: w.v1.coupons.update(w.coupon, {"percent_off": 5}),
            code="parameter_unknown",
            param="percent_off",
        ),
    ),
    "Coupon.list": Case(
        lambda w: w.coupon and w.v1.coupons.list({"limit": 100}),
        lambda w: {"data": holds(w.coupon), "url": "/v1/coupons"},
        Refused(
            lambda w: w.v1.coupons.list({"limit": "all"}),
            code="parameter_invalid_integer",
            param="limit",
        ),
    ),
    "Coupon.del": Case(
        lambda w: w.v1.coupons.delete(w.coupon),
        lambda w: {"id": w.coupon, "object": "coupon", "deleted": True},
        missing(lambda w: w.v1.coupons.delete("NOTHING"), "coupon"),
    ),
    "TaxRate.create": Case(
        lambda w: w.v1.tax_rates.create(
            {
                "display_name": "VAT",
                "inclusive": False,
                "percentage": Decimal("8.1"),
                "country": "CH",
                "tax_type": "vat",
                "metadata": {"own": w.own},
            }
        ),
        lambda w: {
            "object": "tax_rate",
            "active": True,
            "effective_percentage": 8.1,
            "flat_amount": None,
            "inclusive": False,
            "jurisdiction_level": None,
            "percentage": 8.1,
            "rate_type": "percentage",
        },
        Refused(
            lambda w: w.v1.tax_rates.create({"display_name": "VAT", "inclusive": True}),
            code="parameter_missing",
            param="percentage",
        ),
    ),
    "TaxRate.retrieve": Case(
        lambda w: w.v1.tax_rates.retrieve(w.tax_rate),
        lambda w: {"id": w.tax_rate, "percentage": 20},
        missing(lambda w: w.v1.tax_rates.retrieve("txr_missing"), "tax rate: 'txr_missing'"),
    ),
    "TaxRate.update": Case(
        lambda w: w.v1.tax_rates.update(w.tax_rate, {"display_name": "MwSt.", "active": False}),
        lambda w: {"id": w.tax_rate, "display_name": "MwSt.", "active": False},
        Refused(
            lambda w: w.v1.tax_rates.update(w.tax_rate, {"percentage": 5}),
            code="parameter_unknown",
            param="percentage",
        ),
    ),
    "TaxRate.list": Case(
        lambda w: w.tax_rate and w.v1.tax_rates.list({"active": True, "limit": 100}),
        lambda w: {"data": holds(w.tax_rate), "url": "/v1/tax_rates"},
        Refused(lambda w: w.v1.tax_rates.list({"inclusive": "perhaps"}), param="inclusive"),
    ),
    "Plan.list": Case(
        lambda w: w.price and w.v1.plans.list({"product": w.product}),
        lambda w: {"data": holds(w.price), "url": "/v1/plans"},
        Refused(
            lambda w: w.v1.plans.list({"active": "perhaps"}),
            param="active",
        ),
    ),
    "Plan.retrieve": Case(
        lambda w: w.v1.plans.retrieve(w.price, {"expand": ["product"]}),
        lambda w: {"id": w.price, "amount": 1_000, "interval": "month", "product.id": w.product},
        missing(lambda w: w.v1.plans.retrieve("plan_missing"), "plan: 'plan_missing'"),
    ),
}
