"""Changes of a subscription's items: what was, what is to be, one step for each item."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError, param_inside
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period, period_at
from meterline.core.base.unset import merged_metadata
from meterline.core.catalog.plans import plan_of
from meterline.services.base.lookups import check_named_once
from meterline.services.billing.inline_prices import with_inline_prices
from meterline.services.billing.item_terms import (
    is_free_time,
    is_metered,
    item_period,
    mode_of,
)
from meterline.services.billing.line_taxes import requested_rates
from meterline.services.billing.purchases import fee_of
from meterline.services.billing.redemption import exchange_discounts
from meterline.services.billing.subscription_bodies import ItemTerms, items_of, new_item, with_items
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_terms import interval_of
from meterline.services.subscriptions.ends import with_following_end, without_following_end
from meterline.services.subscriptions.requested_items import (
    check_fee,
    check_sold_in,
    check_together,
    quantity_of,
    recurring_prices,
)
from meterline.services.subscriptions.threshold_terms import item_thresholds

if TYPE_CHECKING:
    from meterline.core.base.wire import Price, Subscription, SubscriptionItem


@frozen
class Step:
    """One item before and after: ``old`` is None for an added one, ``new`` for a removed one."""

    old: "SubscriptionItem | None"
    new: "SubscriptionItem | None"

    @property
    def is_repriced(self) -> bool:
        """Whether what the item costs may have changed."""
        if self.old is None or self.new is None:
            return True
        same_price = self.old["price"]["id"] == self.new["price"]["id"]
        return not same_price or self.old.get("quantity") != self.new.get("quantity")

    @property
    def has_new_period(self) -> bool:
        """Whether the change makes the period of its item."""
        if self.old is None or self.new is None:
            return True
        return item_period(self.old) != item_period(self.new)


def change_items(
    uow: UnitOfWork, subscription: "Subscription", requested: Sequence[Mapping[str, Any]], at: int
) -> tuple["Subscription", list[Step]]:
    """The subscription with the items that a request names, and a step for each of them.

    Items that are not named stay as they are; a new one may bring its ``new_id``. Periods are those
    of the running cycle, cut where the subscription ends. The change takes effect ``at`` an
    instant. An end that follows the periods moves with them. A subscription keeps its currency for
    life. An item that is named twice is refused: a change has one step for it.
    """
    check_named_once(requested, "id", "items")
    endless = without_following_end(subscription)
    requested = with_inline_prices(uow, requested, "items")
    prices = recurring_prices(uow, requested, subscription["currency"])
    check_sold_in(prices, requested, subscription["currency"])
    stored = {item["id"]: item for item in items_of(subscription)}
    steps = [
        _step(endless, stored, prices, item, (f"items[{index}]", at))
        for index, item in enumerate(requested)
    ]
    steps = [
        _step_as_requested(uow, step, item, f"items[{index}]")
        for index, (step, item) in enumerate(zip(steps, requested, strict=True))
    ]
    for index, step in enumerate(steps):
        _check_fee(step, f"items[{index}]")
    replaced = {step.old["id"]: step.new for step in steps if step.old is not None}
    changed_items = [replaced.get(item_id, item) for item_id, item in stored.items()]
    items = [item for item in changed_items if item is not None]
    items += [step.new for step in steps if step.old is None and step.new is not None]
    check_together([item["price"] for item in items], mode_of(subscription))
    made = {step.new["id"] for step in steps if step.new is not None and step.has_new_period}
    changed = with_following_end(with_items(subscription, items), made, uow.ctx.now)
    return changed, [_as_in(changed, step) for step in steps]


def _as_in(subscription: "Subscription", step: Step) -> Step:
    """A step whose item after it is as the subscription has it."""
    if step.new is None:
        return step
    item_id = step.new["id"]
    return Step(step.old, next(item for item in items_of(subscription) if item["id"] == item_id))


def as_requested(
    uow: UnitOfWork, item: "SubscriptionItem", request: Mapping[str, Any], param: str
) -> "SubscriptionItem":
    """An item of a subscription with the discounts, thresholds and tax rates that are asked for."""
    if "billing_thresholds" in request:
        name = f"{param}[billing_thresholds]"
        thresholds = item_thresholds(item, request, name)
        item = item | {"billing_thresholds": thresholds}
    if "discounts" in request:
        discounts, name = request["discounts"] or [], f"{param}[discounts]"
        holder = {"subscription": item["subscription"], "subscription_item": item["id"]}
        ids = exchange_discounts(uow, item, discounts, param=name, **holder)
        item = item | {"discounts": ids}
    if "tax_rates" in request:
        name = f"{param}[tax_rates]"
        rates = requested_rates(uow, request["tax_rates"], item["tax_rates"], name)
        item = item | {"tax_rates": rates}
    return item


def _check_fee(step: Step, param: str) -> None:
    paid = fee_of(step.old["price"], step.old.get("quantity")) if step.old is not None else 0
    if step.new is not None:
        check_fee(step.new["price"], step.new.get("quantity"), param, paid_minor=paid)


def _step_as_requested(uow: UnitOfWork, step: Step, request: Mapping[str, Any], param: str) -> Step:
    if step.new is None:
        return step
    return Step(step.old, as_requested(uow, step.new, request, param))


def _step(
    subscription: "Subscription",
    stored: Mapping[str, "SubscriptionItem"],
    prices: Mapping[str, "Price"],
    request: Mapping[str, Any],
    place: tuple[str, int],
) -> Step:
    param, at = place
    if "id" not in request:
        return Step(None, _added(subscription, prices, request, place))
    old = stored.get(request["id"])
    if old is None:
        raise BillingError(
            f"No such subscription_item: '{request['id']}'",
            code="resource_missing",
            param=f"{param}[id]",
        )
    if request.get("deleted"):
        return Step(old, None)
    price = prices[request["price"]] if "price" in request else old["price"]
    new = old | {"price": price, "plan": plan_of(price)}
    if price["id"] != old["price"]["id"]:
        new.pop("quantity", None)  # at another price it is one again, unless the request says more
    if not is_metered(new):
        new["billing_thresholds"] = None
    if interval_of(price) != interval_of(old["price"]):
        period = period_for(subscription, price, at)
        new |= {"current_period_start": period.start, "current_period_end": period.end}
    quantified = _requantified(new, request, param)
    return Step(old, quantified | {"metadata": _metadata(old["metadata"], request, param)})


def _added(
    subscription: "Subscription",
    prices: Mapping[str, "Price"],
    request: Mapping[str, Any],
    place: tuple[str, int],
) -> "SubscriptionItem":
    param, at = place
    if "price" not in request:
        raise BillingError(
            f"Missing required param: {param}[price].",
            code="parameter_missing",
            param=f"{param}[price]",
        )
    if request.get("deleted"):
        raise BillingError("Name the item to delete by its id.", param=f"{param}[deleted]")
    price = prices[request["price"]]
    metadata = _metadata({}, request, param)
    terms = ItemTerms(price, quantity_of(price, request, param), metadata)
    item = new_item(terms, subscription["id"], period_for(subscription, price, at), at)
    new_id: str = request.get("new_id", item["id"])
    return item | {"id": new_id}


def period_for(subscription: "Subscription", price: "Price", at: int) -> Period:
    """The running period of an item with this price: that of items which recur as often.

    It is cut where the subscription ends.
    """
    end = subscription["cancel_at"]
    for item in items_of(subscription):
        if is_free_time(subscription) or interval_of(item["price"]) == interval_of(price):
            return item_period(item).until(end)
    return period_at(subscription["billing_cycle_anchor"], interval_of(price), at).until(end)


def _requantified(
    item: "SubscriptionItem", request: Mapping[str, Any], param: str
) -> "SubscriptionItem":
    """The item with the quantity that its price allows: the requested one, or the one it had."""
    has_quantity = "quantity" in item and not is_metered(item)
    former = {"quantity": item["quantity"]} if has_quantity else {}
    quantity = quantity_of(item["price"], former | dict(request), param)
    changed = item.copy()
    changed.pop("quantity", None)
    return changed if quantity is None else changed | {"quantity": quantity}


def _metadata(stored: Mapping[str, str], request: Mapping[str, Any], param: str) -> dict[str, str]:
    return merged_metadata(stored, request.get("metadata"), param_inside(param, "metadata"))
