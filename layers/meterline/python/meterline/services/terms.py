"""Between stored bodies and the core's values: what an object's JSON means for billing."""

from decimal import Decimal

from meterline.core.invoicing import BilledItem, UsageType
from meterline.core.money import ZERO
from meterline.core.periods import Interval, IntervalUnit, Period
from meterline.core.rating import PricePlan, Tier, TiersMode, TransformQuantity
from meterline.store.documents import Body


def price_plan(price: Body) -> PricePlan:
    """What rating needs of a price's body."""
    transform = price["transform_quantity"]
    return PricePlan(
        unit_amount=_decimal(price["unit_amount_decimal"]),
        tiers=tuple(_tier(tier) for tier in price.get("tiers") or ()),
        tiers_mode=TiersMode(price["tiers_mode"]) if price["tiers_mode"] else None,
        transform_quantity=TransformQuantity(**transform) if transform else None,
    )


def interval_of(price: Body) -> Interval:
    """How often a recurring price recurs."""
    recurring = price["recurring"]
    return Interval(IntervalUnit(recurring["interval"]), int(recurring["interval_count"]))


def billed_item(item: Body) -> BilledItem:
    """What invoicing needs of a subscription item's body."""
    price = item["price"]
    usage_type = UsageType(price["recurring"]["usage_type"])
    quantity = Decimal(item.get("quantity", 1)) if usage_type is UsageType.LICENSED else ZERO
    return BilledItem(item["id"], usage_type, price_plan(price), quantity)


def item_period(item: Body) -> Period:
    """The current period of a subscription item."""
    return Period(item["current_period_start"], item["current_period_end"])


def _tier(tier: Body) -> Tier:
    return Tier(
        up_to=_decimal(tier["up_to"]),
        unit_amount=_decimal(tier["unit_amount_decimal"]),
        flat_amount=_decimal(tier["flat_amount_decimal"]),
    )


def _decimal(value: str | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
