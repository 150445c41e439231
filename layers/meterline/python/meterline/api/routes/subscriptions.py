"""``/v1/subscriptions``."""

from dataclasses import replace

from meterline.api.lists import Keep, by_facets, created_range, listing, retrieve, under
from meterline.api.operations import Answer, delete, post
from meterline.api.params import idle
from meterline.api.params.older_names import ONLY_ITEM, coupon, only_item, prorate, renamed
from meterline.api.params.specs import (
    RANGE,
    Param,
    Params,
    array,
    boolean,
    either,
    enum,
    integer,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.api.routes.shared import (
    CUSTOM_FIELDS,
    ITEM_PRICES,
    ITEM_THRESHOLDS,
    ONE_TIME_PRICE_DATA,
    PRICES,
    RECURRING_PRICE_DATA,
    currency,
    discounts,
    payment_behavior,
)
from meterline.api.routes.subscription_items import ITEM_OPERATIONS
from meterline.api.searching import searching
from meterline.services.base.context import Context
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.create import create_subscription
from meterline.services.subscriptions.discount_verbs import delete_discount
from meterline.services.subscriptions.migrate import migrate_subscription
from meterline.services.subscriptions.pauses import pause_subscription, resume_subscription
from meterline.services.subscriptions.requested_items import MAX_ITEMS
from meterline.services.subscriptions.update import update_subscription
from meterline.store.billing.repository import Source
from meterline.store.billing.search_terms import term_of

_KIND = "subscription"
_ENDED = ("canceled", "incomplete_expired")
_STATUSES = (
    "active",
    "past_due",
    "unpaid",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "trialing",
    "paused",
)
"""In the order in which Stripe names them."""

_PRORATION = {
    "proration_behavior": enum("always_invoice", "create_prorations", "none"),
}

_ITEM = object_(
    idle.TAX_RATES,
    billing_thresholds=ITEM_THRESHOLDS,
    discounts=discounts(),
    plan=string(),
    price=string(),
    price_data=RECURRING_PRICE_DATA,
    quantity=integer(minimum=0),
    metadata=metadata(),
    exclusive=[ITEM_PRICES],
    one_of=[ITEM_PRICES],
)

_CHANGED_ITEM = object_(
    idle.TAX_RATES,
    id=string(),
    billing_thresholds=ITEM_THRESHOLDS,
    clear_usage=boolean(),
    deleted=boolean(),
    discounts=discounts(),
    metadata=metadata(),
    plan=string(),
    price=string(),
    price_data=RECURRING_PRICE_DATA,
    quantity=integer(minimum=0),
    exclusive=[ITEM_PRICES],
)

_ITEMS = array(_ITEM, required=True, min_items=1, max_items=MAX_ITEMS)
_CHANGED_ITEMS = array(_CHANGED_ITEM, min_items=1, max_items=2 * MAX_ITEMS)

_ONE_OFF_PERIOD = object_(
    start=object_(
        timestamp=timestamp(),
        type=enum("max_item_period_start", "now", "timestamp", required=True),
        required=True,
    ),
    end=object_(
        timestamp=timestamp(),
        type=enum("min_item_period_end", "timestamp", required=True),
        required=True,
    ),
)

_ONE_OFF_ITEMS = array(
    object_(
        idle.TAX_RATES,
        discountable=boolean(),
        discounts=discounts(),
        metadata=metadata(),
        period=_ONE_OFF_PERIOD,
        price=string(),
        price_data=ONE_TIME_PRICE_DATA,
        quantity=integer(minimum=0),
        exclusive=[PRICES],
        one_of=[PRICES],
    ),
    max_items=MAX_ITEMS,
)

_PENDING_INTERVAL = object_(
    emptyable=True,
    interval=enum("day", "month", "week", "year", required=True),
    interval_count=integer(minimum=1),
)

_TRIAL_SETTINGS = object_(
    end_behavior=object_(
        required=True,
        billing_cycle_anchor=idle.TRIAL_ANCHOR,
        missing_payment_method=enum("cancel", "create_invoice", "pause", required=True),
    )
)

_CANCEL_AT_WORDS = enum("max_billed_until", "max_period_end", "min_period_end")

_RESET = either(
    enum("now", "unchanged"),
    object_(type=enum("now", "unchanged", required=True)),
)
"""The anchor of a running subscription, as before and since the API version endive."""

_ANCHOR_CONFIG = object_(
    day_of_month=integer(required=True, minimum=1, maximum=31),
    hour=integer(minimum=0, maximum=23),
    minute=integer(minimum=0, maximum=59),
    month=integer(minimum=1, maximum=12),
    second=integer(minimum=0, maximum=59),
)

_CANCELLATION_DETAILS = object_(
    comment=string(emptyable=True),
    feedback_option=string(),
    feedback=enum(
        "customer_service",
        "low_quality",
        "missing_features",
        "other",
        "switched_service",
        "too_complex",
        "too_expensive",
        "unused",
        emptyable=True,
    ),
)

_THRESHOLDS = object_(
    emptyable=True,
    amount_gte=integer(minimum=0),
    reset_billing_cycle_anchor=boolean(),
    one_of=[("amount_gte", "reset_billing_cycle_anchor")],
)

_FLEXIBLE = object_(proration_discounts=enum("included"))

_INVOICE_SETTINGS = object_(
    idle.INVOICE_SETTINGS,
    custom_fields=CUSTOM_FIELDS,
    description=string(max_length=1_500, emptyable=True),
    footer=string(emptyable=True),
)

_PAYMENT: dict[str, Param] = {
    "payment_behavior": payment_behavior(),
    **idle.SUBSCRIPTION,
}

_NEW_BEHAVIOR = payment_behavior(
    "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a"
    " subscription."
)

_CREATE_FIELDS: dict[str, Param] = {
    "add_invoice_items": _ONE_OFF_ITEMS,
    "backdate_start_date": timestamp(),
    "billing_cycle_anchor": timestamp(),
    "billing_cycle_anchor_config": _ANCHOR_CONFIG,
    "billing_mode": object_(flexible=_FLEXIBLE, type=enum("classic", "flexible", required=True)),
    "billing_thresholds": _THRESHOLDS,
    "cancel_at": either(_CANCEL_AT_WORDS, timestamp()),
    "cancel_at_period_end": boolean(),
    "collection_method": enum("charge_automatically", "send_invoice"),
    "currency": currency(),
    "days_until_due": integer(minimum=0),
    "description": string(max_length=500),
    "discounts": discounts(),
    "invoice_settings": _INVOICE_SETTINGS,
    "metadata": metadata(),
    "pending_invoice_item_interval": _PENDING_INTERVAL,
    "trial_end": either(enum("now"), timestamp()),
    "trial_from_plan": boolean(),
    "trial_period_days": integer(minimum=0, maximum=730),
    "trial_settings": _TRIAL_SETTINGS,
    **_PAYMENT,
    **_PRORATION,
}

_CREATE_AS_NOW = object_(
    {
        "customer": string(required=True),
        "items": _ITEMS,
        **_CREATE_FIELDS,
        "payment_behavior": _NEW_BEHAVIOR,
    },
    exclusive=[
        ("billing_cycle_anchor", "billing_cycle_anchor_config"),
        ("trial_end", "trial_period_days"),
        ("backdate_start_date", "billing_cycle_anchor_config"),
        ("cancel_at", "cancel_at_period_end"),
    ],
)

_CREATE = renamed(_CREATE_AS_NOW, only_item, coupon, prorate)

_CHANGE = object_(
    {
        "add_invoice_items": _ONE_OFF_ITEMS,
        "billing_cycle_anchor": _RESET,
        "billing_thresholds": _THRESHOLDS,
        "cancel_at": either(_CANCEL_AT_WORDS, timestamp(), emptyable=True),
        "cancel_at_period_end": boolean(),
        "cancellation_details": _CANCELLATION_DETAILS,
        "collection_method": enum("charge_automatically", "send_invoice"),
        "days_until_due": integer(minimum=0, emptyable=True),
        "description": string(max_length=500, emptyable=True),
        "discounts": discounts(),
        "invoice_settings": _INVOICE_SETTINGS,
        "items": _CHANGED_ITEMS,
        "metadata": metadata(),
        "pause_collection": object_(
            emptyable=True,
            behavior=enum("keep_as_draft", "mark_uncollectible", "void", required=True),
            resumes_at=timestamp(),
        ),
        "pending_invoice_item_interval": _PENDING_INTERVAL,
        "proration_date": timestamp(),
        "trial_end": either(enum("now"), timestamp()),
        "trial_from_plan": boolean(),
        "trial_settings": _TRIAL_SETTINGS,
        **_PAYMENT,
        **_PRORATION,
    },
    exclusive=[
        ("billing_cycle_anchor", "trial_from_plan"),
        ("cancel_at", "cancel_at_period_end"),
    ],
)

_UPDATE = renamed(_CHANGE.extended(**ONLY_ITEM), coupon, prorate)

_CANCEL = object_(
    cancellation_details=_CANCELLATION_DETAILS, invoice_now=boolean(), prorate=boolean()
)

_PAUSE = object_(
    bill_for=object_(
        outstanding_usage_through=object_(type=enum("none", "now", required=True)),
        unused_time_from=object_(
            type=enum("item_current_period_start", "none", "now", required=True)
        ),
    ),
    invoicing_behavior=enum("invoice", "pending_invoice_item"),
    type=enum("subscription"),
)

_MIGRATE = object_(
    billing_mode=object_(
        required=True,
        type=enum("flexible", required=True),
        flexible=object_(proration_discounts=enum("included")),
    )
)

_RESUME = object_(
    _PRORATION,
    billing_cycle_anchor=_RESET,
    payment_behavior=enum("resume_on_payment_attempt"),
    proration_date=timestamp(),
)

_FILTERS = object_(
    customer=string(),
    collection_method=enum("charge_automatically", "send_invoice"),
    current_period_end=RANGE,
    current_period_start=RANGE,
    plan=string(),
    price=string(),
    status=enum(*_STATUSES, "all", "ended"),
    test_clock=string(),
)


def _keep(params: Params) -> Keep:
    """Ended subscriptions are listed only if ``status`` asks for them (contract section 5.10)."""
    statuses = _statuses(params.get("status"))
    same = [name for name in ("customer", "collection_method", "test_clock") if name in params]

    def has_price(body: Params) -> bool:
        ids = {item["price"]["id"] for item in body["items"]["data"]}
        return all(params[name] in ids for name in ("plan", "price") if name in params)

    def runs_then(body: Params) -> bool:
        return _in_range(max(_bounds(body, "start")), params, "current_period_start") and _in_range(
            min(_bounds(body, "end")), params, "current_period_end"
        )

    return lambda body: (
        body["status"] in statuses
        and has_price(body)
        and runs_then(body)
        and all(body[name] == params[name] for name in same)
    )


def _bounds(subscription: Params, name: str) -> list[int]:
    """Where the running periods of the items start or end."""
    return [item[f"current_period_{name}"] for item in subscription["items"]["data"]]


def _in_range(instant: int, params: Params, name: str) -> bool:
    """Whether an instant lies in the range of a filter; without the filter all do."""
    first, last = created_range(params.get(name))
    return first <= instant <= last


def _from(ctx: Context, params: Params) -> Source:
    statuses = _statuses(params.get("status"))
    if "test_clock" in params:
        customers = ctx.store.each("customer", parent=params["test_clock"])
        return Source(parents=[customer.id for customer in customers])
    if {"plan", "price"} & params.keys():
        price = str(params.get("price", params.get("plan")))
        return Source(terms=[term_of("price", price, status) for status in statuses])
    return Source(facets={**by_facets(ctx, params).facets, "status": statuses})


def _statuses(named: str | None) -> list[str]:
    """The statuses that a filter stands for."""
    if named in (None, "all"):
        return [status for status in _STATUSES if named == "all" or status not in _ENDED]
    return [*_ENDED] if named == "ended" else [str(named)]


PREVIEW_DETAILS = object_(
    {
        **_CREATE_FIELDS,
        **_CHANGE.fields,
        "billing_cycle_anchor": either(
            _RESET,
            object_(type=enum("timestamp", required=True), timestamp=timestamp(required=True)),
            timestamp(),
        ),
        "cancel_at": either(_CANCEL_AT_WORDS, timestamp(), emptyable=True),
        "cancel_now": boolean(),
        "pause": _PAUSE,
        "resume_at": enum("now"),
        "start_date": timestamp(),
    },
    exclusive=[
        ("billing_cycle_anchor", "billing_cycle_anchor_config"),
        ("start_date", "backdate_start_date", "billing_cycle_anchor_config"),
        ("trial_end", "trial_period_days"),
        ("cancel_at", "cancel_at_period_end", "cancel_now"),
    ],
)
"""What a preview can suppose of a subscription, running or new; what a creation takes goes here."""

ROUTES = Routes(
    [
        post("/v1/subscriptions", _KIND, create_subscription, _CREATE),
        retrieve("/v1/subscriptions/{id}", _KIND),
        post("/v1/subscriptions/{id}", _KIND, update_subscription, _UPDATE),
        delete("/v1/subscriptions/{id}", _KIND, cancel_subscription, _CANCEL),
        post("/v1/subscriptions/{id}/pause", _KIND, pause_subscription, _PAUSE),
        post("/v1/subscriptions/{id}/resume", _KIND, resume_subscription, _RESUME),
        post("/v1/subscriptions/{id}/migrate", _KIND, migrate_subscription, _MIGRATE),
        replace(
            delete("/v1/subscriptions/{id}/discount", _KIND, delete_discount), answer=Answer.RAW
        ),
        searching("/v1/subscriptions/search", _KIND),
        *ITEM_OPERATIONS,
        listing(
            "/v1/subscriptions",
            _KIND,
            filters=_FILTERS,
            keep=_keep,
            narrow=under("customer", otherwise=_from),
        ),
    ]
)
