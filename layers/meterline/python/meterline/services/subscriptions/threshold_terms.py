"""What requests say about billing thresholds, and which subscriptions of a customer have any.

The customer's private state names those subscriptions: the usage watch reads it first, of the
customers that are on its list.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.unset import or_none
from meterline.core.catalog.price_models import NO_USAGE, rate_usage
from meterline.core.subscriptions.thresholds import check_amount_gte
from meterline.services.billing.item_terms import is_metered
from meterline.services.billing.subscription_bodies import is_ended, items_of
from meterline.services.billing.unit_of_work import UnitOfWork, running_subscriptions
from meterline.services.catalog.price_terms import price_model
from meterline.services.customers.customer_state import CustomerState
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        Invoice,
        Subscription,
        SubscriptionBillingThresholds,
        SubscriptionItem,
        SubscriptionItemBillingThresholds,
    )


def subscription_thresholds(params: Body) -> "SubscriptionBillingThresholds | None":
    """The thresholds that a request gives a subscription; none if they are unset."""
    thresholds = or_none(params["billing_thresholds"])
    if thresholds is None:
        return None
    return {
        "amount_gte": thresholds.get("amount_gte"),
        "reset_billing_cycle_anchor": thresholds.get("reset_billing_cycle_anchor"),
    }


def item_thresholds(
    item: "SubscriptionItem", request: Mapping[str, Any], param: str
) -> "SubscriptionItemBillingThresholds | None":
    """The thresholds that a request gives an item, which must bill usage; none if unset."""
    thresholds = or_none(request["billing_thresholds"])
    if thresholds is None:
        return None
    if not is_metered(item):
        raise BillingError("Only items with metered prices have usage thresholds.", param=param)
    return {"usage_gte": thresholds["usage_gte"]}


def has_thresholds(subscription: "Subscription") -> bool:
    """Whether a subscription that is not over has a threshold, or one of its items."""
    own = subscription["billing_thresholds"] is not None
    of_items = any(item["billing_thresholds"] is not None for item in items_of(subscription))
    return (own or of_items) and not is_ended(subscription)


def remember_thresholds(uow: UnitOfWork, subscription: "Subscription") -> None:
    """Check the amount of a subscription's threshold, and let counted usage find it."""
    amount = amount_threshold(subscription)
    if amount is not None:
        metered = [item for item in items_of(subscription) if is_metered(item)]
        unused = [rate_usage(price_model(item["price"]), NO_USAGE) for item in metered]
        check_amount_gte(amount, sum(rated.amount_minor for rated in unused))
    others = [other for other in marked(uow.customer) if other != subscription["id"]]
    marks = sorted([*others, subscription["id"]]) if has_thresholds(subscription) else others
    if marks != _marks(uow.customer):
        state = replace(CustomerState.of(uow.customer), threshold_subscriptions=marks)
        uow.customer = state.on(uow.customer)


def amount_threshold(subscription: "Subscription") -> int | None:
    """The amount in minor units that a subscription bills at once when it is due, if it has one."""
    thresholds = subscription["billing_thresholds"]
    return None if thresholds is None else thresholds["amount_gte"]


def amount_due(draft: "Invoice") -> int:
    """What of a draft is compared with a threshold, minor units.

    It is after discounts and credits, and before taxes and the customer's balance.
    """
    return draft["total_excluding_tax"]


def marked(customer: "Customer") -> list[str]:
    """The ids of the customer's subscriptions with thresholds that have not ended."""
    running = set(running_subscriptions(customer))
    return [mark for mark in _marks(customer) if mark in running]


def _marks(customer: "Customer") -> list[str]:
    return list(CustomerState.of(customer).threshold_subscriptions or ())
