"""The verbs of single subscription items: each is a change of their subscription."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError, no_such
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.subscription_bodies import (
    is_ended,
    items_of,
    new_item_id,
    subscription_of_item_id,
)
from meterline.services.subscriptions.update import update_subscription
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Deleted, Subscription, SubscriptionItem

_CHANGE_PARAMS = ("payment_behavior", "proration_behavior", "proration_date")


def find_item(ctx: Context, item_id: str, params: Body) -> "SubscriptionItem":  # noqa: ARG001 - a route
    """A subscription item by its id."""
    for item in items_of(_subscription_of(ctx, item_id)):
        if item["id"] == item_id:
            return item
    raise _unknown_item(item_id)


def _unknown_item(item_id: str) -> BillingError:
    return BillingError(f"Invalid subscription_item id: {item_id}", status=404)


def create_item(ctx: Context, params: Body) -> "SubscriptionItem":
    """Add an item to a subscription."""
    subscription = find(ctx, "subscription", params["subscription"], param="subscription")
    if is_ended(subscription.body):
        raise no_such("subscription", subscription.id, param="subscription", status=404)
    item_id = new_item_id(subscription.id)
    changed = _change(ctx, subscription.id, {"new_id": item_id}, params)
    return next(item for item in items_of(changed) if item["id"] == item_id)


def update_item(ctx: Context, item_id: str, params: Body) -> "SubscriptionItem":
    """Change an item's price, quantity or metadata."""
    find_item(ctx, item_id, {})
    changed = _change(ctx, subscription_of_item_id(item_id), {"id": item_id}, params)
    return next(item for item in items_of(changed) if item["id"] == item_id)


def delete_item(ctx: Context, item_id: str, params: Body) -> "Deleted":
    """Take an item off its subscription, which must keep at least one."""
    find_item(ctx, item_id, {})
    _change(ctx, subscription_of_item_id(item_id), {"id": item_id, "deleted": True}, params)
    return {"id": item_id, "object": "subscription_item", "deleted": True}


def _change(
    ctx: Context, subscription_id: str, item: Mapping[str, Any], params: Body
) -> "Subscription":
    """Change one item of a subscription, as an update that names only this item does."""
    fields = (
        "billing_thresholds",
        "discounts",
        "plan",
        "price",
        "price_data",
        "quantity",
        "metadata",
        "tax_rates",
    )
    request = {**item} | {name: params[name] for name in fields if name in params}
    change = {name: params[name] for name in _CHANGE_PARAMS if name in params}
    result_id = item.get("id") or item["new_id"]
    try:
        return update_subscription(
            ctx, subscription_id, {"items": [request], **change}, result_id=result_id
        )
    except BillingError as refusal:
        refusal.param = _own_name(refusal.param)
        raise


def _own_name(param: str | None) -> str | None:
    """A parameter of the only item as this request names it: ``items[0][price]`` is ``price``."""
    if param is None or not param.startswith("items[0]["):
        return param
    name, _, rest = param.removeprefix("items[0][").partition("]")
    return name + rest


def _subscription_of(ctx: Context, item_id: str) -> "Subscription":
    subscription_id = subscription_of_item_id(item_id)
    document: Document[Subscription] | None = ctx.store.get(subscription_id)
    if document is None or document.kind != "subscription":
        raise _unknown_item(item_id)
    return document.body
