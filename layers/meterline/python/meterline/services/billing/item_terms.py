"""Subscription items as the core's values: what they bill, in which period, from when on."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod, period_from
from meterline.core.billing.invoicing import BilledItem, BillingMode, UsageType
from meterline.core.billing.mixed_intervals import subscription_period
from meterline.core.subscriptions.item_changes import BilledSpan, Fee
from meterline.services.billing.private_states import (
    BilledInAdvance,
    SubscriptionItemState,
    TimeSpan,
)
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.catalog.price_terms import (
    interval_of,
    price_model,
    price_plan,
    spend_bounds,
)

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Price,
        Subscription,
        SubscriptionItem,
    )


def billed_item(item: "SubscriptionItem") -> BilledItem:
    """What invoicing needs of a subscription item's body."""
    price = item["price"]
    if is_metered(item):
        return metered_item(price, item["id"])
    quantity = Decimal(item.get("quantity", 1))
    return BilledItem(item["id"], UsageType.LICENSED, price_plan(price), quantity)


def metered_item(price: "Price", item_id: str = "") -> BilledItem:
    """What invoicing needs of an item that bills usage at a price."""
    return BilledItem(item_id, UsageType.METERED, price_model(price), bounds=spend_bounds(price))


def item_period(item: "SubscriptionItem") -> Period:
    """The current period of a subscription item."""
    return Period(item["current_period_start"], item["current_period_end"])


def mode_of(subscription: "Subscription") -> BillingMode:
    """The billing mode of a subscription."""
    return BillingMode(subscription["billing_mode"]["type"])


def is_metered(item: "SubscriptionItem") -> bool:
    """Whether a subscription item bills usage."""
    recurring = item["price"]["recurring"]
    return recurring is not None and UsageType(recurring["usage_type"]) is UsageType.METERED


def whole_of(item: "SubscriptionItem", anchor: int) -> Period:
    """The full period that an item's current period is a share of: itself, unless it is a stub."""
    return period_from(anchor, interval_of(item["price"]), item["current_period_start"]).whole


def span_from(subscription: "Subscription", item: "SubscriptionItem", start: int) -> CyclePeriod:
    """The period of an item that starts at ``start``, cut where its subscription ends."""
    span = period_from(subscription["billing_cycle_anchor"], interval_of(item["price"]), start)
    return span.until(subscription["cancel_at"])


def trial_span(subscription: "Subscription", start: int) -> CyclePeriod:
    """The trial of all items from ``start`` on, cut where their subscription ends."""
    trial_end = subscription["trial_end"]
    assert trial_end is not None, "asked only of a subscription in its trial"  # noqa: S101
    trial = Period(start, trial_end)
    return CyclePeriod(trial, trial).until(subscription["cancel_at"])


def usage_period(item: "SubscriptionItem") -> Period:
    """The part of a metered item's current period whose usage its price bills.

    All of it, unless the item came or changed its price in the middle, or has usage of before.
    """
    period = item_period(item)
    counts_from = SubscriptionItemState.of(item).usage_from
    since = period.start if counts_from is None else counts_from
    return Period(min(since, period.end), period.end)


def unbilled_usage(subscription: "Subscription", item: "SubscriptionItem") -> Period | None:
    """When an item counts usage that is still to be billed, up to the end of its running period.

    None if it is not metered, and while usage is free, unless it owes usage of before.
    """
    if not is_metered(item):
        return None
    if not is_free_time(subscription):
        return usage_period(item)
    owed = SubscriptionItemState.of(item).usage_owed
    return None if owed is None else Period(owed["start"], owed["end"])


def counting_from(item: "SubscriptionItem", at: int) -> "SubscriptionItem":
    """A metered item that bills usage from an instant on, and has nothing billed or owed yet."""
    state = SubscriptionItemState.of(item)
    return replace(state, usage_from=at, usage_billed=None, usage_owed=None).on(item)


def counting_not_before(item: "SubscriptionItem", at: int) -> "SubscriptionItem":
    """A metered item that leaves the usage of before an instant out of its running period."""
    if usage_period(item).start >= at:
        return item
    return replace(SubscriptionItemState.of(item), usage_from=at).on(item)


def owing_usage_of(item: "SubscriptionItem", past: Period) -> "SubscriptionItem":
    """A metered item that bills the usage of a past period when its free time is over."""
    owed: TimeSpan = {"start": past.start, "end": past.end}
    return replace(SubscriptionItemState.of(item), usage_owed=owed).on(item)


def without_owed_usage(item: "SubscriptionItem") -> "SubscriptionItem":
    """An item that owes no usage of before, as when that is billed."""
    return replace(SubscriptionItemState.of(item), usage_owed=None).on(item)


def is_free_time(subscription: "Subscription") -> bool:
    """Whether the running period costs nothing: in a trial, or while the subscription is paused."""
    return subscription["status"] in ("trialing", "paused")


def usage_span(item: "SubscriptionItem", anchor: int, used: Period) -> CyclePeriod:
    """A part of a metered item's current period, and the full period that it is a part of."""
    return CyclePeriod(used, whole_of(item, anchor))


def billed_spans(item: "SubscriptionItem") -> tuple[BilledSpan, ...]:
    """What was billed in advance for a licensed item and not credited yet."""
    return tuple(
        BilledSpan(
            Fee(span["gross"], span["discount"]),
            Period(span["start"], span["end"]),
            span.get("source"),
        )
        for span in SubscriptionItemState.of(item).billed or ()
    )


def with_billed(item: "SubscriptionItem", spans: Iterable[BilledSpan]) -> "SubscriptionItem":
    """The item with other spans as billed in advance."""
    billed: list[BilledInAdvance] = [
        {
            "gross": span.fee.gross_minor,
            "discount": span.fee.discount_minor,
            "start": span.period.start,
            "end": span.period.end,
            "source": span.source,
        }
        for span in spans
    ]
    return replace(SubscriptionItemState.of(item), billed=billed).on(item)


def charged_anew(item: "SubscriptionItem", spans: Iterable[BilledSpan]) -> "SubscriptionItem":
    """The item that is charged for the rest of its running period by other spans."""
    charged = with_billed(item, spans)
    return replace(SubscriptionItemState.of(charged), uncharged=None).on(charged)


def uncharged_spans(item: "SubscriptionItem") -> tuple[Period, ...]:
    """The time of a licensed item's running period that nothing charges any more."""
    spans = SubscriptionItemState.of(item).uncharged or ()
    return tuple(Period(span["start"], span["end"]) for span in spans)


def with_uncharged(item: "SubscriptionItem", spans: Iterable[Period]) -> "SubscriptionItem":
    """The item once nothing charges these spans of time any more."""
    known = SubscriptionItemState.of(item).uncharged or []
    stored: list[TimeSpan] = [{"start": span.start, "end": span.end} for span in spans]
    new = [span for span in stored if span not in known]
    return replace(SubscriptionItemState.of(item), uncharged=[*known, *new] or None).on(item)


def settled_from(item: "SubscriptionItem", at: int) -> "SubscriptionItem":
    """The item of whose running period nothing is billed, nor charged from an instant on."""
    item = with_billed(item, ())
    return (
        item if is_metered(item) else with_uncharged(item, [item_period(item).remaining_from(at)])
    )


def current_period(subscription: "Subscription") -> Period:
    """The current period of a subscription: what its items' periods have in common."""
    return subscription_period(item_period(item) for item in items_of(subscription))


def in_period(item: "SubscriptionItem", period: Period) -> "SubscriptionItem":
    """An item in a new period, of which nothing is billed yet and all usage is to be.

    Its first second stays left out where another item has billed that (``handover``).
    """
    state = SubscriptionItemState.of(item)
    since = state.usage_from
    later = since if since is not None and since > period.start else None
    return replace(state.in_new_period, usage_from=later).on(
        item | {"current_period_start": period.start, "current_period_end": period.end}
    )
