"""Between stored bodies and the core's values: what an object's JSON means for billing."""

from collections.abc import Iterable
from decimal import Decimal

from meterline.core.base.periods import Interval, IntervalUnit, Period
from meterline.core.billing.cycles import CyclePeriod, period_from
from meterline.core.billing.invoicing import BilledItem, BillingMode, UsageType
from meterline.core.catalog.commitments import SpendBounds
from meterline.core.catalog.percentages import (
    GraduatedPercentagePlan,
    PercentagePlan,
    PercentageTier,
)
from meterline.core.catalog.price_models import PriceModel
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode, TransformQuantity
from meterline.core.subscriptions.item_changes import BilledSpan, Fee
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


def billed_item(item: Body) -> BilledItem:
    """What invoicing needs of a subscription item's body."""
    price = item["price"]
    if is_metered(item):
        return metered_item(price, item["id"])
    quantity = Decimal(item.get("quantity", 1))
    return BilledItem(item["id"], UsageType.LICENSED, price_plan(price), quantity)


def metered_item(price: Body, item_id: str = "") -> BilledItem:
    """What invoicing needs of an item that bills usage at a price."""
    return BilledItem(item_id, UsageType.METERED, price_model(price), bounds=spend_bounds(price))


def item_period(item: Body) -> Period:
    """The current period of a subscription item."""
    return Period(item["current_period_start"], item["current_period_end"])


def mode_of(subscription: Body) -> BillingMode:
    """The billing mode of a subscription."""
    return BillingMode(subscription["billing_mode"]["type"])


def is_metered(item: Body) -> bool:
    """Whether a subscription item bills usage."""
    return bool(item["price"]["recurring"]["usage_type"] == UsageType.METERED)


def whole_of(item: Body, anchor: int) -> Period:
    """The full period that an item's current period is a share of: itself, unless it is a stub."""
    return period_from(anchor, interval_of(item["price"]), item["current_period_start"]).whole


def span_from(subscription: Body, item: Body, start: int) -> CyclePeriod:
    """The period of an item that starts at ``start``, cut where its subscription ends."""
    span = period_from(subscription["billing_cycle_anchor"], interval_of(item["price"]), start)
    return span.until(subscription["cancel_at"])


def trial_span(subscription: Body, start: int) -> CyclePeriod:
    """The trial of all items from ``start`` on, cut where their subscription ends."""
    trial = Period(start, subscription["trial_end"])
    return CyclePeriod(trial, trial).until(subscription["cancel_at"])


def usage_period(item: Body) -> Period:
    """The part of a metered item's current period whose usage its price bills.

    All of it, unless the item came or changed its price in the middle, or has usage of before.
    """
    period = item_period(item)
    since = (item.get("_") or {}).get("usage_from", period.start)
    return Period(min(since, period.end), period.end)


def unbilled_usage(subscription: Body, item: Body) -> Period | None:
    """When an item counts usage that is still to be billed, up to the end of its running period.

    None if it is not metered, and while usage is free, unless it owes usage of before.
    """
    if not is_metered(item):
        return None
    if not is_free_time(subscription):
        return usage_period(item)
    owed = (item.get("_") or {}).get("usage_owed")
    return None if owed is None else Period(owed["start"], owed["end"])


def counting_from(item: Body, at: int) -> Body:
    """A metered item that bills usage from an instant on, and has nothing billed or owed yet."""
    before = ("usage_billed", "usage_owed")
    kept = {name: value for name, value in (item.get("_") or {}).items() if name not in before}
    return item | {"_": kept | {"usage_from": at}}


def owing_usage_of(item: Body, past: Period) -> Body:
    """A metered item that bills the usage of a past period when its free time is over."""
    owed = {"usage_owed": {"start": past.start, "end": past.end}}
    return item | {"_": (item.get("_") or {}) | owed}


def without_owed_usage(item: Body) -> Body:
    """An item that owes no usage of before, as when that is billed."""
    kept = {name: value for name, value in (item.get("_") or {}).items() if name != "usage_owed"}
    return item | {"_": kept} if "_" in item else item


def is_free_time(subscription: Body) -> bool:
    """Whether the running period costs nothing: in a trial, or while the subscription is paused."""
    return subscription["status"] in ("trialing", "paused")


def usage_span(item: Body, anchor: int, used: Period) -> CyclePeriod:
    """A part of a metered item's current period, and the full period that it is a part of."""
    return CyclePeriod(used, whole_of(item, anchor))


def billed_spans(item: Body) -> tuple[BilledSpan, ...]:
    """What was billed in advance for a licensed item and not credited yet."""
    return tuple(
        BilledSpan(
            Fee(span["gross"], span["discount"]),
            Period(span["start"], span["end"]),
            span.get("source"),
        )
        for span in (item.get("_") or {}).get("billed", ())
    )


def with_billed(item: Body, spans: Iterable[BilledSpan]) -> Body:
    """The item with other spans as billed in advance."""
    billed = [
        {
            "gross": span.fee.gross_minor,
            "discount": span.fee.discount_minor,
            "start": span.period.start,
            "end": span.period.end,
            "source": span.source,
        }
        for span in spans
    ]
    return item | {"_": (item.get("_") or {}) | {"billed": billed}}


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
