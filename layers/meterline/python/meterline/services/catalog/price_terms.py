"""Prices as the core's values: what a price's JSON means for rating and for cycles."""

from decimal import Decimal

from meterline.core.base.periods import Interval, IntervalUnit
from meterline.core.catalog.commitments import SpendBounds
from meterline.core.catalog.percentages import (
    GraduatedPercentagePlan,
    PercentagePlan,
    PercentageTier,
)
from meterline.core.catalog.price_models import PriceModel
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode, TransformQuantity
from meterline.store.base.documents import Body


def price_plan(price: Body) -> PricePlan:
    """What rating needs of the body of a price in one of Stripe's models."""
    transform = price["transform_quantity"]
    return PricePlan(
        unit_amount=_decimal(price["unit_amount_decimal"]),
        tiers=tuple(_tier(tier) for tier in price.get("tiers") or ()),
        tiers_mode=TiersMode(price["tiers_mode"]) if price["tiers_mode"] else None,
        transform_quantity=TransformQuantity(**transform) if transform else None,
    )


def price_model(price: Body) -> PriceModel:
    """What rating needs of any price's body."""
    own = price.get("meterline") or {}
    if own.get("percentage"):
        return _percentage(own["percentage"])
    if own.get("graduated_percentage"):
        tiers = tuple(_percentage_tier(tier) for tier in own["graduated_percentage"])
        return GraduatedPercentagePlan(tiers)
    return price_plan(price)


def spend_bounds(price: Body) -> SpendBounds:
    """What a full period's usage costs at least and at most at a price."""
    own = price.get("meterline") or {}
    return SpendBounds(own.get("minimum_amount"), own.get("maximum_amount"))


def interval_of(price: Body) -> Interval:
    """How often a recurring price recurs."""
    recurring = price["recurring"]
    return Interval(IntervalUnit(recurring["interval"]), int(recurring["interval_count"]))


def _tier(tier: Body) -> Tier:
    return Tier(
        up_to=_decimal(tier["up_to"]),
        unit_amount=_decimal(tier["unit_amount_decimal"]),
        flat_amount=_decimal(tier["flat_amount_decimal"]),
    )


def _percentage(own: Body) -> PercentagePlan:
    return PercentagePlan(
        percent=Decimal(own["percent"]),
        fixed_fee=Decimal(own["fixed_fee_decimal"]),
        free_events=own["free_events"],
        free_volume=Decimal(own["free_volume_decimal"]),
    )


def _percentage_tier(tier: Body) -> PercentageTier:
    return PercentageTier(
        _decimal(tier["up_to"]), Decimal(tier["percent"]), Decimal(tier["flat_amount_decimal"])
    )


def _decimal(value: str | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
