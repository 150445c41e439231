"""The legacy ``plan`` object, which old integrations read beside a subscription item's price."""

from typing import Any


def plan_of(price: dict[str, Any]) -> dict[str, Any]:
    """The legacy ``plan`` object that mirrors a recurring price."""
    recurring = price["recurring"]
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
        "transform_usage": dict(transform) if transform else None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def plan_with_tiers(price: dict[str, Any]) -> dict[str, Any]:
    """The same with the price's tiers, if it has any, for answers that may show them."""
    return plan_of(price) | ({"tiers": price["tiers"]} if price.get("tiers") else {})
