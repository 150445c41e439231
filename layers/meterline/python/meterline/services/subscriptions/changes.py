"""Changes of a subscription's items: what was, what is to be, one step for each item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meterline.core.base.errors import BillingError, param_inside
from meterline.core.base.periods import Period, period_at
from meterline.core.base.unset import merged_metadata
from meterline.core.catalog.plans import plan_of
from meterline.services.billing.discounts import exchange_discounts
from meterline.services.billing.inline_prices import with_inline_prices
from meterline.services.billing.item_terms import is_metered, item_period, mode_of
from meterline.services.billing.subscription_bodies import ItemTerms, items_of, new_item, with_items
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_terms import interval_of
from meterline.services.subscriptions.ends import with_following_end, without_following_end
from meterline.services.subscriptions.requested_items import (
    check_fee,
    check_sold_in,
    check_together,
    fee_of,
    quantity_of,
    recurring_prices,
)
from meterline.services.subscriptions.threshold_terms import item_thresholds
from meterline.store.base.documents import Body


@dataclass(frozen=True, slots=True)
class Step:
    """One item before and after: ``old`` is None for an added one, ``new`` for a removed one."""

    old: Body | None
    new: Body | None

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
    uow: UnitOfWork, subscription: Body, wanted: Sequence[Mapping[str, Any]], at: int
) -> tuple[Body, list[Step]]:
    """The subscription with the items that a request wants, and a step for each item named.

    Items that are not named stay as they are; a new one may bring its ``new_id``. Periods
    are those of the running cycle, in which the change takes effect ``at`` an instant, up to the
    subscription's end; an end that follows the periods moves with them. A subscription keeps its
    currency for life.
    """
    endless = without_following_end(subscription)
    wanted = with_inline_prices(uow, wanted, "items")
    prices = recurring_prices(uow, wanted, subscription["currency"])
    check_sold_in(prices, wanted, subscription["currency"])
    stored = {item["id"]: item for item in items_of(subscription)}
    steps = [
        _step(endless, stored, prices, item, (f"items[{index}]", at))
        for index, item in enumerate(wanted)
    ]
    steps = [
        _step_as_wanted(uow, step, item, f"items[{index}]")
        for index, (step, item) in enumerate(zip(steps, wanted, strict=True))
    ]
    for index, step in enumerate(steps):
        _check_fee(step, f"items[{index}]")
    replaced = {step.old["id"]: step.new for step in steps if step.old is not None}
    items = [replaced.get(item_id, item) for item_id, item in stored.items()]
    kept = [item for item in items if item is not None]
    kept += [step.new for step in steps if step.old is None and step.new is not None]
    check_together([item["price"] for item in kept], mode_of(subscription))
    made = {step.new["id"] for step in steps if step.new is not None and step.has_new_period}
    changed = with_following_end(with_items(subscription, kept), made, uow.ctx.now)
    return changed, [_as_in(changed, step) for step in steps]


def _as_in(subscription: Body, step: Step) -> Step:
    """A step whose item after it is as the subscription has it."""
    if step.new is None:
        return step
    wanted = step.new["id"]
    return Step(step.old, next(one for one in items_of(subscription) if one["id"] == wanted))


def as_wanted(uow: UnitOfWork, item: Body, wanted: Mapping[str, Any], param: str) -> Body:
    """An item of a subscription with the discounts and thresholds that a request wants."""
    if "billing_thresholds" in wanted:
        name = f"{param}[billing_thresholds]"
        item = item | item_thresholds(item, wanted["billing_thresholds"], name)
    if "discounts" in wanted:
        given, name = wanted["discounts"] or [], f"{param}[discounts]"
        holder = {"subscription": item["subscription"], "subscription_item": item["id"]}
        item = item | exchange_discounts(uow, item, given, param=name, **holder)
    return item


def _check_fee(step: Step, param: str) -> None:
    paid = fee_of(step.old["price"], step.old.get("quantity")) if step.old is not None else 0
    if step.new is not None:
        check_fee(step.new["price"], step.new.get("quantity"), param, paid_minor=paid)


def _step_as_wanted(uow: UnitOfWork, step: Step, wanted: Mapping[str, Any], param: str) -> Step:
    if step.new is None:
        return step
    return Step(step.old, as_wanted(uow, step.new, wanted, param))


def _step(
    subscription: Body,
    stored: Mapping[str, Body],
    prices: Mapping[str, Body],
    wanted: Mapping[str, Any],
    place: tuple[str, int],
) -> Step:
    param, at = place
    if "id" not in wanted:
        return Step(None, _added(subscription, prices, wanted, place))
    old = stored.get(wanted["id"])
    if old is None:
        raise BillingError(
            f"No such subscription_item: '{wanted['id']}'",
            code="resource_missing",
            param=f"{param}[id]",
        )
    if wanted.get("deleted"):
        return Step(old, None)
    price = prices[wanted["price"]] if "price" in wanted else old["price"]
    new = old | {"price": price, "plan": plan_of(price)}
    if price["id"] != old["price"]["id"]:
        new.pop("quantity", None)  # at another price it is one again, unless the request says more
    if not is_metered(new):
        new["billing_thresholds"] = None
    if interval_of(price) != interval_of(old["price"]):
        new |= _bounds(period_for(subscription, price, at))
    return Step(old, _requantified(new, wanted, param) | _metadata(old, wanted, param))


def _added(
    subscription: Body,
    prices: Mapping[str, Body],
    wanted: Mapping[str, Any],
    place: tuple[str, int],
) -> Body:
    param, at = place
    if "price" not in wanted:
        raise BillingError(
            f"Missing required param: {param}[price].",
            code="parameter_missing",
            param=f"{param}[price]",
        )
    if wanted.get("deleted"):
        raise BillingError("Name the item to delete by its id.", param=f"{param}[deleted]")
    price = prices[wanted["price"]]
    metadata = _metadata({}, wanted, param)["metadata"]
    terms = ItemTerms(price, quantity_of(price, wanted, param), metadata)
    item = new_item(terms, subscription["id"], period_for(subscription, price, at), at)
    return item | {"id": wanted.get("new_id", item["id"])}


def period_for(subscription: Body, price: Body, at: int) -> Period:
    """The running period of an item with this price: that of items which recur as often.

    It is cut where the subscription ends.
    """
    end = subscription["cancel_at"]
    for item in items_of(subscription):
        if subscription["status"] == "trialing" or interval_of(item["price"]) == interval_of(price):
            return item_period(item).until(end)
    return period_at(subscription["billing_cycle_anchor"], interval_of(price), at).until(end)


def _requantified(item: Body, wanted: Mapping[str, Any], param: str) -> Body:
    """The item with the quantity that its price allows: the wanted one, or the one it had."""
    given = {"quantity": item["quantity"]} if "quantity" in item else {}
    if item["price"]["recurring"]["usage_type"] == "metered":
        given = {}
    quantity = quantity_of(item["price"], given | dict(wanted), param)
    rest = {name: value for name, value in item.items() if name != "quantity"}
    return rest if quantity is None else rest | {"quantity": quantity}


def _metadata(old: Mapping[str, Any], wanted: Mapping[str, Any], param: str) -> Body:
    name = param_inside(param, "metadata")
    return {"metadata": merged_metadata(old.get("metadata", {}), wanted.get("metadata"), name)}


def _bounds(period: Period) -> Body:
    return {"current_period_start": period.start, "current_period_end": period.end}
