"""What requests say about billing thresholds, and which subscriptions of a customer have any.

The latter is private state of the customer: the usage watch asks it first, so that customers
without thresholds cost one read.
"""

from dataclasses import replace

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


def subscription_thresholds(given: Body) -> Body:
    """The thresholds that a request gives a subscription; none if they are unset."""
    wanted = or_none(given)
    names = ("amount_gte", "reset_billing_cycle_anchor")
    return {"billing_thresholds": wanted and {name: wanted.get(name) for name in names}}


def item_thresholds(item: Body, given: Body, param: str) -> Body:
    """The thresholds that a request gives an item, which must bill usage."""
    wanted = or_none(given)
    if wanted is not None and not is_metered(item):
        raise BillingError("Only items with metered prices have usage thresholds.", param=param)
    return {"billing_thresholds": wanted and {"usage_gte": wanted["usage_gte"]}}


def has_thresholds(subscription: Body) -> bool:
    """Whether a subscription that is not over has a threshold, or one of its items."""
    holders = [subscription, *items_of(subscription)]
    has_any = any(holder["billing_thresholds"] is not None for holder in holders)
    return has_any and not is_ended(subscription)


def remember_thresholds(uow: UnitOfWork, subscription: Body) -> None:
    """Check the amount of a subscription's threshold, and let counted usage find it."""
    amount = (subscription["billing_thresholds"] or {}).get("amount_gte")
    if amount is not None:
        metered = [item for item in items_of(subscription) if is_metered(item)]
        unused = [rate_usage(price_model(item["price"]), NO_USAGE) for item in metered]
        check_amount_gte(amount, sum(rated.amount_minor for rated in unused))
    others = [one for one in marked(uow.customer) if one != subscription["id"]]
    marks = sorted([*others, subscription["id"]]) if has_thresholds(subscription) else others
    if marks != _marks(uow.customer):
        state = replace(CustomerState.of(uow.customer), threshold_subscriptions=marks)
        uow.customer = state.on(uow.customer)


def marked(customer: Body) -> list[str]:
    """The ids of the customer's subscriptions with thresholds that have not ended."""
    running = set(running_subscriptions(customer))
    return [mark for mark in _marks(customer) if mark in running]


def _marks(customer: Body) -> list[str]:
    return list(CustomerState.of(customer).threshold_subscriptions or ())
