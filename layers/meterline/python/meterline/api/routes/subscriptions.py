"""``/v1/subscriptions``."""

from dataclasses import replace

from meterline.api.lists import Keep, by_facets, created_range, listing, retrieve, under
from meterline.api.operations import Answer, delete, post
from meterline.api.params.specs import RANGE, Params, boolean, enum, object_, string
from meterline.api.router import Routes
from meterline.api.routes.catching_up import caught_up
from meterline.api.routes.subscription_items import ITEM_OPERATIONS
from meterline.api.routes.subscription_params import (
    CANCEL,
    CREATE,
    MIGRATE,
    PAUSE,
    RESUME,
    UPDATE,
)
from meterline.api.searching import searching
from meterline.services.base.context import Context
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.create import create_subscription
from meterline.services.subscriptions.discount_verbs import delete_discount
from meterline.services.subscriptions.migrate import migrate_subscription
from meterline.services.subscriptions.pauses import pause_subscription, resume_subscription
from meterline.services.subscriptions.reading_ahead import named_by_request
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

_FILTERS = object_(
    automatic_tax=object_(enabled=boolean(required=True)),
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

    def is_taxed_so(body: Params) -> bool:
        return "automatic_tax" not in params or (
            body["automatic_tax"]["enabled"] == params["automatic_tax"]["enabled"]
        )

    def runs_then(body: Params) -> bool:
        return _in_range(max(_bounds(body, "start")), params, "current_period_start") and _in_range(
            min(_bounds(body, "end")), params, "current_period_end"
        )

    return lambda body: (
        body["status"] in statuses
        and has_price(body)
        and runs_then(body)
        and is_taxed_so(body)
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


_OPERATIONS = (
    post("/v1/subscriptions", _KIND, create_subscription, CREATE).naming(named_by_request),
    retrieve("/v1/subscriptions/{id}", _KIND),
    post("/v1/subscriptions/{id}", _KIND, update_subscription, UPDATE),
    delete("/v1/subscriptions/{id}", _KIND, cancel_subscription, CANCEL),
    post("/v1/subscriptions/{id}/pause", _KIND, pause_subscription, PAUSE),
    post("/v1/subscriptions/{id}/resume", _KIND, resume_subscription, RESUME),
    post("/v1/subscriptions/{id}/migrate", _KIND, migrate_subscription, MIGRATE),
    replace(delete("/v1/subscriptions/{id}/discount", _KIND, delete_discount), answer=Answer.RAW),
    searching("/v1/subscriptions/search", _KIND),
    *ITEM_OPERATIONS,
    listing(
        "/v1/subscriptions",
        _KIND,
        filters=_FILTERS,
        keep=_keep,
        narrow=under("customer", otherwise=_from),
    ),
)

ROUTES = Routes([caught_up(operation) for operation in _OPERATIONS])
