"""The kinds of objects of the catalog: what is sold, at which prices, with which coupons."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from meterline.core.base.private_state import private_value
from meterline.core.base.wire_numbers import wire_number
from meterline.core.catalog.redemption import is_redeemable
from meterline.core.kinds.divisions import FLAGS, Division, Facet, flag
from meterline.core.kinds.kind import Body, Edge, Kind, Link, Search, Sizes, Term, empty

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Feature,
        Price,
        Product,
        PromotionCode,
    )

INTERVALS = ("day", "week", "month", "year")
USAGE_TYPES = ("licensed", "metered")


def recurrence(*, interval: str | None, usage_type: str) -> str:
    """What a price's entry stands under: one-time, or its interval and how its quantity comes."""
    return "one_time" if interval is None else f"{interval}-{usage_type}"


def _recurrence_of(price: "Price") -> str:
    recurring = price["recurring"]
    if recurring is None:
        return recurrence(interval=None, usage_type="")
    return recurrence(interval=recurring["interval"], usage_type=recurring["usage_type"])


def _price_terms(price: "Price") -> Iterator[Term]:
    yield "currency", price["currency"]
    recurring = price["recurring"]
    if recurring and recurring["meter"]:
        yield "meter", recurring["meter"]


def _product_terms(product: "Product") -> Iterator[Term]:
    if product["url"]:
        yield "url", product["url"]


def _judge_coupon(coupon: Body, now: int) -> None:
    """Say whether a coupon can be redeemed now; that changes without anyone touching it.

    Of a deleted one it is stored that it cannot.
    """
    limits = {name: coupon[name] for name in ("redeem_by", "max_redemptions", "times_redeemed")}
    coupon["valid"] = coupon["valid"] and is_redeemable(now, **limits)
    coupon["percent_off"] = wire_number(coupon["percent_off"])


def _emitted_coupon(coupon: Body) -> Body:
    """A coupon as events show it: its percentage a JSON number."""
    return coupon | {"percent_off": wire_number(coupon["percent_off"])}


def shown_rate(rate: Body) -> Body:
    """A tax rate as the wire shows it: its percentages JSON numbers."""
    percentages = ("effective_percentage", "percentage")
    return rate | {name: wire_number(rate[name]) for name in percentages}


def with_shown_rates(body: Body, field: str = "tax_rates") -> Body:
    """A body as the wire shows it whose ``field`` holds tax rates; as it is if it has none."""
    rates = body.get(field)
    return body | {field: list(map(shown_rate, rates))} if rates else body


def _show_rate(rate: Body, _now: int) -> None:
    rate.update(shown_rate(rate))


def _feature_terms(feature: "Feature") -> Iterator[Term]:
    """Its lookup key, which archived features may have had before it."""
    yield "lookup_key", feature["lookup_key"]


def _promotion_code_terms(code: "PromotionCode") -> Iterator[Term]:
    yield "code", code["code"].casefold()
    if code["promotion"]["coupon"]:
        yield "coupon", code["promotion"]["coupon"]
    if code["customer"]:
        yield "customer", code["customer"]


_ACTIVE = Facet(FLAGS, lambda body: flag(body["active"]))
_INCLUSIVE = Facet(FLAGS, lambda body: flag(body["inclusive"]))

KINDS = (
    Kind(
        name="coupon",
        noun="coupon",
        collection="coupons",
        hidden=("applies_to", "currency_options"),
        outlasts_deletion=True,
        answered=_judge_coupon,
        emitted=_emitted_coupon,
        sizes=Sizes(fields={"applies_to": 2_400}),  # an invoice and a line copy that of 20 coupons
    ),
    Kind(
        name="entitlements.active_entitlement",
        noun="active entitlement",
        collection="entitlements/active_entitlements",
        edges={"feature": Edge("entitlements.feature")},
        is_listed=False,
    ),
    Kind(
        name="entitlements.feature",
        noun="feature",
        collection="entitlements/features",
        division=Division({"active": _ACTIVE}),
        terms=_feature_terms,
    ),
    Kind(
        name="plan",
        noun="plan",
        collection="plans",
        edges={"product": Edge("product")},
        empty=empty(whole="transform_usage"),
        hidden=("tiers",),
    ),
    Kind(
        name="price",
        noun="price",
        id_prefix="price_",
        collection="prices",
        edges={"product": Edge("product")},
        empty=empty(whole="custom_unit_amount recurring transform_quantity"),
        hidden=("tiers", "currency_options"),
        division=Division(
            {
                "active": _ACTIVE,
                "recurs": Facet(
                    {"one_time": 1}
                    | {
                        recurrence(interval=interval, usage_type=usage_type): 1
                        for interval in INTERVALS
                        for usage_type in USAGE_TYPES
                    },
                    _recurrence_of,
                ),
            },
            hides=lambda price: bool(private_value(price, "inline")),
        ),
        search=Search(
            frozenset({"active", "currency", "lookup_key", "metadata", "product", "type"}),
            owner="product",
        ),
        terms=_price_terms,
    ),
    Kind(
        name="promotion_code",
        noun="promotion code",
        id_prefix="promo_",
        collection="promotion_codes",
        edges={"customer": Edge("customer"), "promotion.coupon": Edge("coupon")},
        empty=empty(whole="promotion restrictions"),
        hidden=("restrictions.currency_options",),
        division=Division({"active": _ACTIVE}),
        terms=_promotion_code_terms,
        sizes=Sizes(fields={"restrictions": 4_000}),
    ),
    Kind(
        name="product",
        noun="product",
        id_prefix="prod_",
        collection="products",
        edges={"default_price": Edge("price")},
        empty=empty(
            whole="marketing_features package_dimensions tax_details",
            null="tax_code",
            former="skus",
        ),
        division=Division(
            {
                "active": _ACTIVE,
                "shippable": Facet({"unset": 1, **FLAGS}, lambda body: flag(body["shippable"])),
                "type": Facet({"good": 1, "service": 1}, lambda body: str(body["type"])),
            }
        ),
        search=Search(frozenset({"active", "description", "metadata", "name", "shippable", "url"})),
        terms=_product_terms,
    ),
    Kind(
        name="tax_rate",
        noun="tax rate",
        id_prefix="txr_",
        collection="tax_rates",
        empty=empty(null="flat_amount"),
        answered=_show_rate,
        emitted=shown_rate,
        division=Division({"active": _ACTIVE, "inclusive": _INCLUSIVE}),
        sizes=Sizes(fields={"metadata": 2_400}),  # invoices and items copy up to ten of them
    ),
    Kind(
        name="product_feature",
        noun="product feature",
        id_prefix="prodft_",
        permission="products",
        edges={"entitlement_feature": Edge("entitlements.feature", Link.EMBEDDED)},
        is_listed=False,
    ),
)
