"""The legacy ``plan`` object, which old integrations read beside a subscription item's price."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meterline.core.base.wire import Plan, Price, PriceRecurring


def recurring_of(price: "Price") -> "PriceRecurring":
    """How a price recurs; asked only of one that does, as those of subscriptions do."""
    recurring = price["recurring"]
    assert recurring is not None, "a price that is charged once has no plan"  # noqa: S101
    return recurring


def plan_of(price: "Price") -> "Plan":
    """The legacy ``plan`` object that mirrors a recurring price."""
    recurring = recurring_of(price)
    transform = price["transform_quantity"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": {**transform} if transform else None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def plan_with_tiers(price: "Price") -> "Plan":
    """The same with the price's tiers, if it has any, for answers that may show them."""
    tiers = price.get("tiers")
    return plan_of(price) | {"tiers": [{**tier} for tier in tiers]} if tiers else plan_of(price)
