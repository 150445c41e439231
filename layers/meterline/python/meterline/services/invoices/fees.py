"""What licensed items cost for a full period, with the discounts that count for them inside.

A charge counts the discounts that are active now. A credit in classic mode counts the discounts of
the item's last bill, which the item remembers: a later discount was not taken off then, and one
that has ended since was (Stripe, "Prorations").
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.billing.discounts import Discount, DiscountableLine
from meterline.core.billing.invoicing import BillingMode
from meterline.core.catalog.rating import rate
from meterline.core.subscriptions.item_changes import Fee, fees_after_discounts
from meterline.services.billing.discounts import (
    ActiveDiscounts,
    active_discounts,
    core_discount,
    core_discounts,
    discount_terms,
)
from meterline.services.billing.item_terms import is_metered, mode_of
from meterline.services.billing.private_states import DiscountTerms, SubscriptionItemState
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_terms import price_plan

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription, SubscriptionItem


def fees_of(uow: UnitOfWork, subscription: "Subscription") -> Mapping[str, Fee]:
    """What each licensed item costs with the discounts that are active now, by item id."""
    active = active_discounts(uow, subscription)
    items = [item for item in items_of(subscription) if not is_metered(item)]
    lines = [_discountable(item, core_discounts(active.of_items[item["id"]])) for item in items]
    fees = fees_after_discounts(lines, core_discounts(active.own), mode_of(subscription))
    return {item["id"]: fee for item, fee in zip(items, fees, strict=True)}


def fees_last_billed(uow: UnitOfWork, subscription: "Subscription") -> Mapping[str, Fee]:
    """What each licensed item costs with the discounts that it was last billed with, by item id.

    The discounts that are active now count for an item that was never billed. Flexible mode credits
    what was billed itself.
    """
    if mode_of(subscription) is BillingMode.FLEXIBLE:
        return fees_of(uow, subscription)
    items = [item for item in items_of(subscription) if not is_metered(item)]
    if all(SubscriptionItemState.of(item).discounts_used is not None for item in items):
        active = ActiveDiscounts([], {})
    else:
        active = active_discounts(uow, subscription)
    lines = [_discountable(item, _last_used(item, active)) for item in items]
    fees = fees_after_discounts(lines, (), BillingMode.CLASSIC)
    return {item["id"]: fee for item, fee in zip(items, fees, strict=True)}


def with_discounts_used(
    item: "SubscriptionItem", terms: Sequence[DiscountTerms]
) -> "SubscriptionItem":
    """The item as billed with discounts of these terms, its own before those of the invoice."""
    return replace(SubscriptionItemState.of(item), discounts_used=list(terms)).on(item)


def with_active_used(
    uow: UnitOfWork, subscription: "Subscription", item: "SubscriptionItem"
) -> "SubscriptionItem":
    """The item of a subscription as billed with the discounts that are active now.

    Only classic mode asks for them.
    """
    if mode_of(subscription) is BillingMode.FLEXIBLE:
        return item
    active = active_discounts(uow, subscription)
    used = [*active.of_items.get(item["id"], ()), *active.own]
    return with_discounts_used(item, [discount_terms(discount) for discount in used])


def _last_used(item: "SubscriptionItem", active: ActiveDiscounts) -> "list[Discount]":
    terms = SubscriptionItemState.of(item).discounts_used
    if terms is None:
        return core_discounts([*active.of_items[item["id"]], *active.own])
    return [core_discount(term) for term in terms]


def _discountable(item: "SubscriptionItem", own: "Sequence[Discount]") -> DiscountableLine:
    gross = rate(price_plan(item["price"]), Decimal(item["quantity"])).amount_minor
    return DiscountableLine(gross, item["price"]["product"], discounts=tuple(own))
