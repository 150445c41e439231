"""Prices as the core's values: what a price's JSON means for rating and for cycles."""

from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.periods import Interval, IntervalUnit
from meterline.core.catalog.commitments import SpendBounds
from meterline.core.catalog.percentages import (
    GraduatedPercentagePlan,
    PercentagePlan,
    PercentageTier,
)
from meterline.core.catalog.plans import recurring_of
from meterline.core.catalog.price_models import PriceModel
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode, TransformQuantity

if TYPE_CHECKING:
    from meterline.core.base.wire import Price, PricePercentage, PricePercentageTier, PriceTier


def price_plan(price: "Price") -> PricePlan:
    """What rating needs of the body of a price in one of Stripe's models."""
    transform = price["transform_quantity"]
    return PricePlan(
        unit_amount=_decimal(price["unit_amount_decimal"]),
        tiers=tuple(_tier(tier) for tier in price.get("tiers") or ()),
        tiers_mode=TiersMode(price["tiers_mode"]) if price["tiers_mode"] else None,
        transform_quantity=TransformQuantity(**transform) if transform else None,
    )


def price_model(price: "Price") -> PriceModel:
    """What rating needs of any price's body."""
    extension = price.get("meterline")
    if extension and (percentage := extension.get("percentage")):
        return _percentage(percentage)
    if extension and (tiers := extension.get("graduated_percentage")):
        return GraduatedPercentagePlan(tuple(_percentage_tier(tier) for tier in tiers))
    return price_plan(price)


def spend_bounds(price: "Price") -> SpendBounds:
    """What a full period's usage costs at least and at most at a price."""
    extension = price.get("meterline")
    if not extension:
        return SpendBounds()
    return SpendBounds(extension.get("minimum_amount"), extension.get("maximum_amount"))


def interval_of(price: "Price") -> Interval:
    """How often a recurring price recurs."""
    recurring = recurring_of(price)
    return Interval(IntervalUnit(recurring["interval"]), recurring["interval_count"])


def _tier(tier: "PriceTier") -> Tier:
    return Tier(
        up_to=_decimal(tier["up_to"]),
        unit_amount=_decimal(tier["unit_amount_decimal"]),
        flat_amount=_decimal(tier["flat_amount_decimal"]),
    )


def _percentage(own: "PricePercentage") -> PercentagePlan:
    return PercentagePlan(
        percent=Decimal(own["percent"]),
        fixed_fee=Decimal(own["fixed_fee_decimal"]),
        free_events=own["free_events"],
        free_volume=Decimal(own["free_volume_decimal"]),
    )


def _percentage_tier(tier: "PricePercentageTier") -> PercentageTier:
    return PercentageTier(
        _decimal(tier["up_to"]), Decimal(tier["percent"]), Decimal(tier["flat_amount_decimal"])
    )


def _decimal(value: str | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
