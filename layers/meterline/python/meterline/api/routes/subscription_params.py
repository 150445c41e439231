"""What requests about subscriptions take; previews suppose the same."""

from meterline.api.params import idle
from meterline.api.params.older_names import ONLY_ITEM, only_discount, only_item, prorate, renamed
from meterline.api.params.specs import (
    Param,
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
from meterline.api.routes.shared import (
    ACCOUNT_TAX_IDS,
    AUTOMATIC_TAX,
    CUSTOM_FIELDS,
    ITEM_PRICES,
    ITEM_THRESHOLDS,
    ONE_TIME_PRICE_DATA,
    PRICES,
    RECURRING_PRICE_DATA,
    currency,
    discounts,
    payment_behavior,
    tax_rates,
)
from meterline.services.subscriptions.requested_items import MAX_ITEMS

_PRORATION = {
    "proration_behavior": enum("always_invoice", "create_prorations", "none"),
}

_ITEM = object_(
    billing_thresholds=ITEM_THRESHOLDS,
    discounts=discounts(),
    plan=string(),
    price=string(),
    price_data=RECURRING_PRICE_DATA,
    quantity=integer(minimum=0),
    metadata=metadata(),
    tax_rates=tax_rates(),
    exclusive=[ITEM_PRICES],
    one_of=[ITEM_PRICES],
)

_CHANGED_ITEM = object_(
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
    tax_rates=tax_rates(),
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
        discountable=boolean(),
        discounts=discounts(),
        metadata=metadata(),
        period=_ONE_OFF_PERIOD,
        price=string(),
        price_data=ONE_TIME_PRICE_DATA,
        quantity=integer(minimum=0),
        tax_rates=tax_rates(),
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
        missing_payment_method=enum("cancel", "create_invoice", "pause"),
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
    account_tax_ids=ACCOUNT_TAX_IDS,
    custom_fields=CUSTOM_FIELDS,
    description=string(max_length=1_500, emptyable=True),
    footer=string(emptyable=True),
)

_PAYMENT: dict[str, Param] = {
    "automatic_tax": AUTOMATIC_TAX,
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
    "default_tax_rates": tax_rates(),
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

CREATE = renamed(_CREATE_AS_NOW, only_item, only_discount, prorate)

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
        "default_tax_rates": tax_rates(),
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

UPDATE = renamed(_CHANGE.extended(**ONLY_ITEM), only_discount, prorate)

CANCEL = object_(
    cancellation_details=_CANCELLATION_DETAILS, invoice_now=boolean(), prorate=boolean()
)

PAUSE = object_(
    bill_for=object_(
        outstanding_usage_through=object_(type=enum("none", "now", required=True)),
        unused_time_from=object_(
            type=enum("item_current_period_start", "none", "now", required=True)
        ),
    ),
    invoicing_behavior=enum("invoice", "pending_invoice_item"),
    type=enum("subscription"),
)

MIGRATE = object_(
    billing_mode=object_(
        required=True,
        type=enum("flexible", required=True),
        flexible=object_(proration_discounts=enum("included")),
    )
)

RESUME = object_(
    _PRORATION,
    billing_cycle_anchor=_RESET,
    payment_behavior=enum("resume_on_payment_attempt"),
    proration_date=timestamp(),
)

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
        "pause": PAUSE,
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
