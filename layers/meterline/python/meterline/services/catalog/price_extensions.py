"""What a price may say beyond Stripe, in its field ``meterline``: percentages, bounds, a segment.

A percentage is charged on usage that is money itself, in the minor unit of the price's currency;
a fee may come on top for each event. Bounds are the least and the most that the usage of a period
costs, before coupons; a period that is cut short has its share of them. Both are for usage: prices
in advance say what they cost.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError
from meterline.core.base.money import MAX_AMOUNT_MINOR, format_decimal
from meterline.core.catalog.commitments import SpendBounds
from meterline.core.catalog.rating import check_bounds
from meterline.core.metering.aggregation import Formula
from meterline.services.base.context import Context
from meterline.services.catalog.price_segments import checked_conditions
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        MeterSegmentCondition,
        PriceExtension,
        PricePercentage,
        PricePercentageTier,
        PriceRecurring,
    )

FIELD: Final = "meterline"
PERCENTAGES = ("percentage", "graduated_percentage")


def price_extension(
    ctx: Context, requested: Body, recurring: "PriceRecurring | None", param: str
) -> "PriceExtension":
    """The field as it is stored; ``param`` is where it was given, for refusals."""
    if recurring is None or recurring["usage_type"] != "metered":
        message = "Only metered prices have percentages, bounds and segments."
        raise BillingError(message, param=param)
    if any(name in requested for name in PERCENTAGES):
        _check_formula(ctx, recurring["meter"] or "", param)
    tiers = requested.get("graduated_percentage")
    minimum, maximum = _bounds(requested, param)
    return {
        "percentage": _percentage(requested, param),
        "graduated_percentage": tiers and _tiers(tiers, f"{param}[graduated_percentage]"),
        "minimum_amount": minimum,
        "maximum_amount": maximum,
        "meter_segment_conditions": _segment(ctx, requested, recurring, param),
    }


def is_percentage(params: Body) -> bool:
    """Whether the parameters of a price ask for a percentage in place of Stripe's models."""
    return not params.get(FIELD, {}).keys().isdisjoint(PERCENTAGES)


def _segment(
    ctx: Context, requested: Body, recurring: "PriceRecurring", param: str
) -> "list[MeterSegmentCondition] | None":
    conditions = requested.get("meter_segment_conditions")
    if conditions is None:
        return None
    meter = ctx.store.get(recurring["meter"] or "")
    assert meter is not None, "a metered price has a meter"  # noqa: S101
    return checked_conditions(conditions, meter.body, f"{param}[meter_segment_conditions]")


def _check_formula(ctx: Context, meter_id: str, param: str) -> None:
    """A percentage is of a sum of money, and a fee for each event of it."""
    meter = ctx.store.get(meter_id)
    formula = None if meter is None else meter.body["default_aggregation"]["formula"]
    if formula != Formula.SUM:
        raise BillingError(
            "A percentage needs a meter whose formula is `sum`: the usage is the money that the"
            " percentage is of.",
            param=param,
        )


def _percentage(requested: Body, param: str) -> "PricePercentage | None":
    own = requested.get("percentage")
    if own is None:
        return None
    here = f"{param}[percentage]"
    return {
        "percent": format_decimal(own["percent"]),
        "fixed_fee_decimal": _amount(own, "fixed_fee_decimal", here),
        "free_events": own.get("free_events", 0),
        "free_volume_decimal": _amount(own, "free_volume_decimal", here),
    }


def _tiers(requested: list[Body], param: str) -> "list[PricePercentageTier]":
    ends = [None if tier["up_to"] == "inf" else tier["up_to"] for tier in requested]
    check_bounds([end if end is None else Decimal(end) for end in ends], param)
    return [
        {
            "up_to": end,
            "percent": format_decimal(tier["percent"]),
            "flat_amount_decimal": _amount(tier, "flat_amount_decimal", f"{param}[{place}]"),
        }
        for place, (tier, end) in enumerate(zip(requested, ends, strict=True))
    ]


def _bounds(requested: Body, param: str) -> tuple[int | None, int | None]:
    """The least and the most that a period costs."""
    bounds = {name: requested.get(name) for name in ("minimum_amount", "maximum_amount")}
    for name in _too_large(bounds):
        raise _amount_too_large(f"{param}[{name}]")
    try:
        SpendBounds(bounds["minimum_amount"], bounds["maximum_amount"])
    except BillingError as refusal:
        refusal.param = f"{param}[minimum_amount]"
        raise
    return bounds["minimum_amount"], bounds["maximum_amount"]


def _amount(requested: Body, name: str, param: str) -> str:
    for wrong in _too_large({name: requested.get(name)}):
        raise _amount_too_large(f"{param}[{wrong}]")
    return format_decimal(requested.get(name, Decimal(0)))


def _too_large(amounts: Mapping[str, int | Decimal | None]) -> Iterable[str]:
    return [name for name, amount in amounts.items() if amount and amount > MAX_AMOUNT_MINOR]


def _amount_too_large(param: str) -> BillingError:
    return BillingError(
        f"Invalid amount: at most {MAX_AMOUNT_MINOR} is accepted.",
        code="amount_too_large",
        param=param,
    )
