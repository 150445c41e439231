"""``/v1/subscriptions``."""

from meterline.api.lists import Keep, listing, retrieve
from meterline.api.params import (
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
from meterline.api.router import Routes, delete, post
from meterline.api.searching import searching
from meterline.services.subscriptions.create import create_subscription
from meterline.services.subscriptions.items import MAX_ITEMS
from meterline.services.subscriptions.update import cancel_subscription, update_subscription

_KIND = "subscription"
_ENDED = ("canceled", "incomplete_expired")

_ITEM = object_(
    price=string(required=True),
    quantity=integer(minimum=0),
    metadata=metadata(),
)

_ANCHOR_CONFIG = object_(
    day_of_month=integer(required=True, minimum=1, maximum=31),
    hour=integer(minimum=0, maximum=23),
    minute=integer(minimum=0, maximum=59),
    month=integer(minimum=1, maximum=12),
    second=integer(minimum=0, maximum=59),
)

_CANCELLATION_DETAILS = object_(
    comment=string(emptyable=True),
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

_CREATE = object_(
    customer=string(required=True),
    items=array(_ITEM, required=True, min_items=1, max_items=MAX_ITEMS),
    billing_cycle_anchor=timestamp(),
    billing_cycle_anchor_config=_ANCHOR_CONFIG,
    billing_mode=object_(type=enum("classic", "flexible", required=True)),
    collection_method=enum("charge_automatically", "send_invoice"),
    days_until_due=integer(minimum=0),
    description=string(max_length=500),
    metadata=metadata(),
    proration_behavior=enum("always_invoice", "create_prorations", "none"),
    trial_end=either(enum("now"), timestamp()),
    trial_period_days=integer(minimum=0, maximum=730),
    exclusive=[
        ("billing_cycle_anchor", "billing_cycle_anchor_config"),
        ("trial_end", "trial_period_days"),
    ],
)

_UPDATE = object_(
    cancel_at_period_end=boolean(),
    cancellation_details=_CANCELLATION_DETAILS,
    days_until_due=integer(minimum=0),
    description=string(max_length=500, emptyable=True),
    metadata=metadata(),
)

_FILTERS = object_(
    customer=string(),
    collection_method=enum("charge_automatically", "send_invoice"),
    price=string(),
    status=enum(
        "active",
        "all",
        "canceled",
        "ended",
        "incomplete",
        "incomplete_expired",
        "past_due",
        "paused",
        "trialing",
        "unpaid",
    ),
    test_clock=string(),
)


def _keep(params: Params) -> Keep:
    """Ended subscriptions are listed only if ``status`` asks for them (contract section 5.10)."""
    status = params.get("status")
    same = [name for name in ("customer", "collection_method", "test_clock") if name in params]

    def has_status(body: Params) -> bool:
        if status is None:
            return body["status"] not in _ENDED
        if status == "ended":
            return body["status"] in _ENDED
        return status in ("all", body["status"])

    def has_price(body: Params) -> bool:
        wanted = params.get("price")
        return wanted is None or any(
            item["price"]["id"] == wanted for item in body["items"]["data"]
        )

    return lambda body: (
        has_status(body) and has_price(body) and all(body[name] == params[name] for name in same)
    )


ROUTES = Routes(
    [
        post("/v1/subscriptions", _KIND, create_subscription, _CREATE),
        retrieve("/v1/subscriptions/{id}", _KIND),
        post("/v1/subscriptions/{id}", _KIND, update_subscription, _UPDATE),
        delete(
            "/v1/subscriptions/{id}",
            _KIND,
            cancel_subscription,
            object_(cancellation_details=_CANCELLATION_DETAILS),
        ),
        searching("/v1/subscriptions/search", _KIND),
        listing("/v1/subscriptions", _KIND, filters=_FILTERS, keep=_keep, parent="customer"),
    ]
)
