"""What requests about subscription schedules take; previews suppose the same."""

from collections.abc import Mapping

from meterline.api.params import idle
from meterline.api.params.older_names import Form, only_discount, renamed
from meterline.api.params.specs import (
    Object,
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
    INTERVAL,
    ITEM_PRICES,
    ITEM_THRESHOLDS,
    ONE_TIME_PRICE_DATA,
    PRICES,
    RECURRING_PRICE_DATA,
    currency,
    discounts,
    tax_rates,
)
from meterline.services.subscriptions.requested_items import MAX_ITEMS

_BEHAVIOR = enum("always_invoice", "create_prorations", "none")
_ANCHOR = enum("automatic", "phase_start")
_METHOD = enum("charge_automatically", "send_invoice")
_END_BEHAVIOR = enum("cancel", "release")
_NOW_OR_INSTANT = either(enum("now"), timestamp())

_PLANS_NOT_PAUSES = idle.idle("pause a subscription by POST /v1/subscriptions/{id}/pause")

_THRESHOLDS = object_(
    emptyable=True,
    amount_gte=integer(minimum=0),
    reset_billing_cycle_anchor=boolean(),
    one_of=[("amount_gte", "reset_billing_cycle_anchor")],
)

_INVOICE_SETTINGS = object_(
    idle.INVOICE_SETTINGS,
    account_tax_ids=ACCOUNT_TAX_IDS,
    custom_fields=CUSTOM_FIELDS,
    days_until_due=integer(minimum=0),
    description=string(max_length=1_500, emptyable=True),
    footer=string(emptyable=True),
)

_ITEM = object_(
    billing_thresholds=ITEM_THRESHOLDS,
    discounts=discounts(),
    metadata=metadata(),
    plan=string(),
    price=string(),
    price_data=RECURRING_PRICE_DATA,
    quantity=integer(minimum=0),
    tax_rates=tax_rates(),
    exclusive=[ITEM_PRICES],
    one_of=[ITEM_PRICES],
)

_ONE_OFF_PERIOD = object_(
    start=object_(
        timestamp=timestamp(),
        type=enum("max_item_period_start", "phase_start", "timestamp", required=True),
        required=True,
    ),
    end=object_(
        timestamp=timestamp(),
        type=enum("min_item_period_end", "phase_end", "timestamp", required=True),
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

_IDLE: Mapping[str, Param] = {
    name: idle.SUBSCRIPTION[name]
    for name in (
        "application_fee_percent",
        "default_payment_method",
        "on_behalf_of",
        "transfer_data",
    )
}

_PHASE: dict[str, Param] = {
    "add_invoice_items": _ONE_OFF_ITEMS,
    "automatic_tax": AUTOMATIC_TAX,
    "billing_cycle_anchor": _ANCHOR,
    "billing_thresholds": _THRESHOLDS,
    "collection_method": _METHOD,
    "currency": currency(),
    "default_tax_rates": tax_rates(),
    "description": string(max_length=500, emptyable=True),
    "discounts": discounts(),
    "duration": object_(interval=INTERVAL, interval_count=integer(minimum=1)),
    "end_date": timestamp(),
    "invoice_settings": _INVOICE_SETTINGS,
    "items": array(_ITEM, required=True, min_items=1, max_items=MAX_ITEMS),
    "iterations": integer(minimum=1),
    "metadata": metadata(),
    "proration_behavior": _BEHAVIOR,
    "trial": boolean(),
    "trial_end": timestamp(),
    **_IDLE,
}

_ONE_END = [("duration", "end_date", "iterations")]


def _plans(form: Form) -> None:
    """``plans`` are the items of a phase."""
    if "items" not in form and "plans" in form:
        form["items"] = form.pop("plans")


def _phases(*, more: Mapping[str, Param], required: bool = False) -> Param:
    phase = renamed(object_({**_PHASE, **more}, exclusive=_ONE_END), only_discount, _plans)
    return array(phase, required=required, min_items=1)


_SETTINGS = object_(
    _IDLE,
    automatic_tax=AUTOMATIC_TAX,
    billing_cycle_anchor=_ANCHOR,
    billing_thresholds=_THRESHOLDS,
    collection_method=_METHOD,
    description=string(max_length=500, emptyable=True),
    invoice_settings=_INVOICE_SETTINGS,
)

_BILLING_MODE = object_(
    flexible=object_(proration_discounts=enum("included")),
    type=enum("classic", "flexible", required=True),
)

CREATE = object_(
    billing_mode=_BILLING_MODE,
    customer=string(),
    default_settings=_SETTINGS,
    end_behavior=_END_BEHAVIOR,
    from_subscription=string(),
    metadata=metadata(),
    pause_schedules=_PLANS_NOT_PAUSES,
    phases=_phases(more={}),
    start_date=_NOW_OR_INSTANT,
)

UPDATE = object_(
    default_settings=_SETTINGS,
    end_behavior=_END_BEHAVIOR,
    metadata=metadata(),
    pause_schedules=_PLANS_NOT_PAUSES,
    phases=_phases(
        more={
            "end_date": _NOW_OR_INSTANT,
            "start_date": _NOW_OR_INSTANT,
            "trial_end": _NOW_OR_INSTANT,
        }
    ),
    proration_behavior=_BEHAVIOR,
)

RELEASE = object_(preserve_cancel_date=boolean())

CANCEL = object_(invoice_now=boolean(), prorate=boolean())

PREVIEW_DETAILS: Object = object_(
    {
        name: UPDATE.fields[name]
        for name in ("end_behavior", "pause_schedules", "phases", "proration_behavior")
    },
    billing_mode=_BILLING_MODE,
)
"""What a preview can suppose of a schedule."""
