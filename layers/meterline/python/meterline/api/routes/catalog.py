"""What is sold and how it is counted: products, prices, coupons, tax rates, billing meters."""

from collections.abc import Mapping
from typing import Any

from meterline.api.lists import (
    PAGING,
    Keep,
    Listing,
    by_facets,
    equal_fields,
    list_operation,
    listing,
    read_page,
    retrieve,
    under,
)
from meterline.api.operations import Operation, delete, get, post
from meterline.api.params import idle
from meterline.api.params.specs import (
    RANGE,
    Object,
    Param,
    Params,
    array,
    boolean,
    decimal_,
    either,
    enum,
    integer,
    map_,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.api.routes.shared import AMOUNT, TAX_BEHAVIOR, currency, recurring
from meterline.api.searching import searching
from meterline.core.base.errors import no_such
from meterline.core.billing.taxes import TAX_TYPES
from meterline.core.catalog.plans import plan_with_tiers
from meterline.core.kinds.catalog import INTERVALS, USAGE_TYPES, recurrence
from meterline.core.metering.dimensions import MOST_KEYS, VALUE_CHARACTERS
from meterline.core.metering.samples import PERCENTAGE_PLACES
from meterline.services.base.context import Context
from meterline.services.catalog.coupons import create_coupon, delete_coupon, update_coupon
from meterline.services.catalog.prices import LOOKUP_KEY, create_price, is_inline, update_price
from meterline.services.catalog.products import create_product, delete_product, update_product
from meterline.services.catalog.tax_rates import create_tax_rate, update_tax_rate
from meterline.services.metering.meters import (
    create_meter,
    deactivate_meter,
    reactivate_meter,
    update_meter,
)
from meterline.store.billing.repository import Source
from meterline.store.billing.search_terms import term_of

FORMULA = enum(
    *("avg", "count", "last", "max", "min", "percentile", "sum", "unique_count", "weighted_sum"),
    required=True,
)
"""``count``, ``last`` and ``sum`` are Stripe's; the others go beyond it."""

CREATE_METER = object_(
    display_name=string(required=True, max_length=250),
    event_name=string(required=True, max_length=100),
    default_aggregation=object_(
        required=True,
        formula=FORMULA,
        percentile=decimal_(minimum=0, maximum=100, places=PERCENTAGE_PLACES),
    ),
    customer_mapping=object_(
        type=enum("by_id", required=True),
        event_payload_key=string(required=True, max_length=100),
    ),
    value_settings=object_(event_payload_key=string(required=True, max_length=100)),
    event_time_window=enum("day", "hour"),
    dimension_payload_keys=array(string(max_length=100), max_items=MOST_KEYS),
)
UPDATE_METER = object_(display_name=string(max_length=250))

METERS = [
    post("/v1/billing/meters", "billing.meter", create_meter, CREATE_METER),
    listing(
        "/v1/billing/meters",
        "billing.meter",
        filters=object_(status=enum("active", "inactive")),
        created=False,
    ),
    retrieve("/v1/billing/meters/{id}", "billing.meter"),
    post("/v1/billing/meters/{id}", "billing.meter", update_meter, UPDATE_METER),
    post("/v1/billing/meters/{id}/deactivate", "billing.meter", deactivate_meter),
    post("/v1/billing/meters/{id}/reactivate", "billing.meter", reactivate_meter),
]


def _tax_details(*, emptyable: bool) -> Object:
    return object_(
        emptyable=emptyable,
        performance_location=string(),
        tax_code=string(emptyable=True),
    )


def _optional_product_fields(*, emptyable: bool) -> dict[str, Param]:
    """What a product may have; an update may also clear it (``emptyable``)."""
    dimension = decimal_(required=True, minimum=0, places=2)
    return {
        "active": boolean(),
        "description": string(emptyable=emptyable),
        "images": array(string(max_length=2_048), max_items=8, emptyable=emptyable),
        "marketing_features": array(
            object_(name=string(required=True)), max_items=15, emptyable=emptyable
        ),
        "metadata": metadata(),
        "package_dimensions": object_(
            emptyable=emptyable,
            height=dimension,
            length=dimension,
            weight=dimension,
            width=dimension,
        ),
        "shippable": boolean(),
        "statement_descriptor": string(max_length=22),
        "tax_code": string(emptyable=emptyable),
        "tax_details": _tax_details(emptyable=emptyable),
        "unit_label": string(max_length=12, emptyable=emptyable),
        "url": string(emptyable=emptyable),
    }


TIERS = array(
    object_(
        AMOUNT,
        exclusive=[tuple(AMOUNT), ("flat_amount", "flat_amount_decimal")],
        flat_amount=integer(minimum=0),
        flat_amount_decimal=decimal_(minimum=0),
        up_to=either(enum("inf"), integer(minimum=1), required=True),
    ),
    min_items=1,
)
CURRENCY_OPTIONS = map_(
    object_(AMOUNT, exclusive=[tuple(AMOUNT)], tax_behavior=TAX_BEHAVIOR, tiers=TIERS)
)
"""What a price costs in other currencies, by their codes."""

_OURS = r"(?!settings$|([a-z]+_)+[0-9A-Za-z]{20,}$)"
"""Ids that Meterline gives, or will give, to objects of its own."""

_NO_SEGMENT = r"(?!\.{1,2}$|search$)"
"""What a path cannot carry as an id: clients resolve dots, and the word is a route of its own."""


def _own_id(max_length: int) -> Param:
    """An id of the caller's choice that a path carries as it is, also where proxies decode it.

    Stripe takes letters, digits, `_` and `-` since 2018; the dot is ours.
    """
    return string(
        max_length=max_length,
        pattern=_OURS + _NO_SEGMENT + r"[A-Za-z0-9_.\-]+",
        hint="Use letters, digits, `_`, `-` and `.`, but not the form of ids that Meterline makes.",
    )


OWN_PRODUCT_ID = _own_id(max_length=250)
OWN_COUPON_ID = _own_id(max_length=255)

CREATE_PRODUCT = object_(
    _optional_product_fields(emptyable=False),
    id=OWN_PRODUCT_ID,
    name=string(required=True),
    type=enum("good", "service"),
    default_price_data=object_(
        AMOUNT,
        exclusive=[tuple(AMOUNT)],
        currency=currency(required=True),
        currency_options=CURRENCY_OPTIONS,
        metadata=metadata(),
        recurring=recurring(),
        tax_behavior=TAX_BEHAVIOR,
    ),
)
UPDATE_PRODUCT = object_(
    _optional_product_fields(emptyable=True), name=string(), default_price=string()
)


def _with_ids(params: Params) -> Keep:
    others = {name: value for name, value in params.items() if name != "ids"}
    equal, ids = equal_fields(others), params.get("ids")
    return lambda body: (ids is None or body["id"] in ids) and equal(body) and not is_inline(body)


def _products_from(ctx: Context, params: Params) -> Source:
    if "ids" in params:
        return Source(ids=params["ids"])
    if "url" in params:
        return Source(terms=[term_of("url", params["url"])])
    return by_facets(ctx, params)


PRODUCTS = [
    post("/v1/products", "product", create_product, CREATE_PRODUCT),
    searching("/v1/products/search", "product"),
    listing(
        "/v1/products",
        "product",
        filters=object_(
            active=boolean(),
            ids=array(string()),
            shippable=boolean(),
            type=enum("good", "service"),
            url=string(),
        ),
        keep=_with_ids,
        narrow=_products_from,
    ),
    retrieve("/v1/products/{id}", "product"),
    post("/v1/products/{id}", "product", update_product, UPDATE_PRODUCT),
    delete("/v1/products/{id}", "product", delete_product),
]


PERCENT = decimal_(required=True, minimum=0, maximum=100, places=10)
OWN_PRICE_TERMS = object_(
    exclusive=[("percentage", "graduated_percentage")],
    percentage=object_(
        percent=PERCENT,
        fixed_fee_decimal=decimal_(minimum=0),
        free_events=integer(minimum=0, maximum=10**12),
        free_volume_decimal=decimal_(minimum=0),
    ),
    graduated_percentage=array(
        object_(
            flat_amount_decimal=decimal_(minimum=0),
            percent=PERCENT,
            up_to=either(enum("inf"), integer(minimum=1), required=True),
        ),
        min_items=1,
    ),
    minimum_amount=integer(minimum=0),
    maximum_amount=integer(minimum=0),
    meter_segment_conditions=array(
        object_(
            dimension=string(required=True, max_length=100),
            value=string(required=True, max_length=VALUE_CHARACTERS),
        ),
        min_items=1,
        max_items=MOST_KEYS,
    ),
)
"""Beyond Stripe: the usage is money that a percentage is charged of; bounds of a period's amount;
which part of the meter is billed.

Amounts are in minor units of the price's currency; the fee is for each event."""

CREATE_PRICE = object_(
    {**AMOUNT, **idle.PRICE},
    exclusive=[tuple(AMOUNT)],
    currency=currency(required=True),
    currency_options=CURRENCY_OPTIONS,
    active=boolean(),
    billing_scheme=enum("per_unit", "tiered"),
    lookup_key=string(max_length=200),
    metadata=metadata(),
    meterline=OWN_PRICE_TERMS,
    nickname=string(),
    product=string(),
    product_data=object_(
        id=OWN_PRODUCT_ID,
        name=string(required=True),
        active=boolean(),
        metadata=metadata(),
        statement_descriptor=string(max_length=22),
        tax_code=string(),
        tax_details=_tax_details(emptyable=False),
        unit_label=string(max_length=12),
    ),
    recurring=recurring(
        meter=string(),
        trial_period_days=integer(minimum=1, maximum=730),
        usage_type=enum("licensed", "metered"),
    ),
    tax_behavior=TAX_BEHAVIOR,
    tiers=TIERS,
    tiers_mode=enum("graduated", "volume"),
    transfer_lookup_key=boolean(),
    transform_quantity=object_(
        divide_by=integer(required=True, minimum=1), round=enum("down", "up", required=True)
    ),
)
UPDATE_PRICE = object_(
    active=boolean(),
    currency_options=CURRENCY_OPTIONS,
    lookup_key=string(max_length=200, emptyable=True),
    metadata=metadata(),
    nickname=string(emptyable=True),
    tax_behavior=TAX_BEHAVIOR,
    transfer_lookup_key=boolean(),
)
LIST_PRICES = object_(
    active=boolean(),
    currency=currency(),
    lookup_keys=array(string(), max_items=10),
    product=string(),
    recurring=object_(
        interval=enum("day", "month", "week", "year"),
        meter=string(),
        usage_type=enum("licensed", "metered"),
    ),
    type=enum("one_time", "recurring"),
)


def _with_recurring(params: Params) -> Keep:
    special = ("recurring", "lookup_keys")
    equal = equal_fields({name: value for name, value in params.items() if name not in special})
    recurs = equal_fields(params.get("recurring", {}))
    tests: list[Keep] = [equal, lambda body: not is_inline(body)]
    if "recurring" in params:
        tests.append(lambda body: bool(body["recurring"]) and recurs(body["recurring"]))
    if "lookup_keys" in params:
        tests.append(lambda body: body["lookup_key"] in params["lookup_keys"])
    return lambda body: all(test(body) for test in tests)


def _prices_from(ctx: Context, params: Params) -> Source:
    recurring = params.get("recurring", {})
    if "lookup_keys" in params:
        holders = (ctx.store.claim_holder(LOOKUP_KEY, key) for key in params["lookup_keys"])
        return Source(ids=[holder for holder in holders if holder is not None])
    if "meter" in recurring:
        return Source(terms=[term_of("meter", recurring["meter"])])
    if "currency" in params:
        return Source(terms=[term_of("currency", params["currency"])])
    return Source(facets={**by_facets(ctx, params).facets, "recurs": _recurs(params, recurring)})


def _recurs(params: Params, recurring: Params) -> list[str]:
    """The kinds of recurring and one-time prices that the filters allow."""
    intervals = [recurring["interval"]] if "interval" in recurring else INTERVALS
    usage_types = [recurring["usage_type"]] if "usage_type" in recurring else USAGE_TYPES
    kinds = [
        recurrence(interval=interval, usage_type=usage_type)
        for interval in intervals
        for usage_type in usage_types
    ]
    if params.get("type") == "one_time":
        return [] if recurring else ["one_time"]
    return kinds if recurring or "type" in params else ["one_time", *kinds]


PRICES: list[Operation] = [
    post("/v1/prices", "price", create_price, CREATE_PRICE),
    searching("/v1/prices/search", "price"),
    listing(
        "/v1/prices",
        "price",
        filters=LIST_PRICES,
        keep=_with_recurring,
        narrow=under("product", otherwise=_prices_from),
    ),
    retrieve("/v1/prices/{id}", "price", param="price"),
    post("/v1/prices/{id}", "price", update_price, UPDATE_PRICE),
]

AMOUNTS_OFF = map_(object_(amount_off=integer(required=True, minimum=1, maximum=99_999_999_999)))
"""What a coupon takes off in other currencies, by their codes."""

CREATE_COUPON = object_(
    id=OWN_COUPON_ID,
    amount_off=integer(minimum=1, maximum=99_999_999_999),
    applies_to=object_(products=array(string(), required=True, min_items=1)),
    currency=currency(),
    currency_options=AMOUNTS_OFF,
    duration=enum("forever", "once", "repeating"),
    duration_in_months=integer(minimum=1, maximum=1_200),
    max_redemptions=integer(minimum=1),
    metadata=metadata(),
    name=string(max_length=40),
    percent_off=decimal_(minimum=0, maximum=100, places=4),
    redeem_by=timestamp(),
)
UPDATE_COUPON = object_(
    currency_options=AMOUNTS_OFF,
    metadata=metadata(),
    name=string(max_length=40, emptyable=True),
)

COUPONS = [
    post("/v1/coupons", "coupon", create_coupon, CREATE_COUPON),
    listing("/v1/coupons", "coupon"),
    retrieve("/v1/coupons/{id}", "coupon", param="coupon"),
    post("/v1/coupons/{id}", "coupon", update_coupon, UPDATE_COUPON),
    delete("/v1/coupons/{id}", "coupon", delete_coupon),
]

TAX_RATE_WORDS: dict[str, Param] = {
    "active": boolean(),
    "country": string(
        pattern="[A-Z]{2}", hint="Give the two letters of ISO 3166-1.", emptyable=True
    ),
    "description": string(emptyable=True),
    "jurisdiction": string(max_length=50, emptyable=True),
    "metadata": metadata(),
    "state": string(max_length=50, emptyable=True),
    "tax_type": enum(*TAX_TYPES, emptyable=True),
}
"""What of a tax rate is only said of it."""

CREATE_TAX_RATE = object_(
    TAX_RATE_WORDS,
    display_name=string(required=True, max_length=50),
    inclusive=boolean(required=True),
    percentage=decimal_(required=True, minimum=0, maximum=100, places=4),
)
UPDATE_TAX_RATE = object_(TAX_RATE_WORDS, display_name=string(max_length=50))

TAX_RATES = [
    post("/v1/tax_rates", "tax_rate", create_tax_rate, CREATE_TAX_RATE),
    listing("/v1/tax_rates", "tax_rate", filters=object_(active=boolean(), inclusive=boolean())),
    retrieve("/v1/tax_rates/{id}", "tax_rate"),
    post("/v1/tax_rates/{id}", "tax_rate", update_tax_rate, UPDATE_TAX_RATE),
]

LIST_PLANS = object_(PAGING, active=boolean(), created=RANGE, product=string())


def _list_plans(ctx: Context, params: Params) -> Listing:
    """Recurring prices, as the plans that they were before there were prices."""
    recurring = params | {"type": "recurring"}
    source = under("product", otherwise=_prices_from)(ctx, recurring)
    page = read_page(ctx, "price", params, keep=_with_recurring(recurring), source=source)
    return Listing([plan_with_tiers(price) for price in page.bodies], page.has_more)


def _retrieve_plan(ctx: Context, plan_id: str, params: Params) -> Mapping[str, Any]:  # noqa: ARG001 - route
    price = ctx.store.get(plan_id)
    if price is None or price.kind != "price" or price.body["type"] != "recurring":
        raise no_such("plan", plan_id)
    return plan_with_tiers(price.body)


PLANS = [
    list_operation("/v1/plans", "plan", _list_plans, LIST_PLANS),
    get("/v1/plans/{id}", "plan", _retrieve_plan),
]

ROUTES = Routes([*METERS, *PRODUCTS, *PRICES, *PLANS, *COUPONS, *TAX_RATES])
