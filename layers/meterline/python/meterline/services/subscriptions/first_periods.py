"""The first periods of a new subscription's items, and what its first invoice bills of them.

A backdated start has periods that were over when the subscription was made. Flexible mode bills
them as if they had been billed in their time: licences, and the usage of each. Classic mode bills
their usage in one with that of the first cycle (Stripe, "Backdate subscriptions" and "Compare
billing modes").
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import (
    BillingMode,
    Line,
    licensed_line,
    metered_line,
    opening_lines,
    trial_lines,
)
from meterline.services.billing.item_terms import (
    billed_item,
    counting_from,
    in_period,
    is_metered,
    mode_of,
    owing_usage_of,
    settled_from,
    span_from,
    trial_span,
)
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_terms import interval_of
from meterline.services.invoices.drafting import ItemLine
from meterline.services.invoices.metered import usage_in
from meterline.services.subscriptions.handover import begin_counting

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription, SubscriptionItem

_MAX_BACKDATED_PERIODS = 250


@frozen
class FirstPeriods:
    """An item's periods that were over before it was made, and the one that runs.

    ``natural`` is the running one in a subscription without an end.
    """

    past: tuple[CyclePeriod, ...]
    running: CyclePeriod
    natural: CyclePeriod


def first_periods(subscription: "Subscription", item: "SubscriptionItem") -> FirstPeriods:
    """The periods of a new item that have begun, from the subscription's start on."""
    start, now = subscription["start_date"], item["created"]
    endless = subscription | {"cancel_at": None}
    if subscription["status"] == "trialing":
        past = _spans(endless | {"billing_cycle_anchor": start}, item, start, now)
        cut = tuple(span.until(now) for span in past if span.period.start < now)
        return FirstPeriods(cut, trial_span(subscription, now), trial_span(endless, now))
    spans = _spans(endless, item, start, now + 1)
    natural = spans[-1]
    return FirstPeriods(tuple(spans[:-1]), natural.until(subscription["cancel_at"]), natural)


def in_first_period(
    uow: UnitOfWork,
    item: "SubscriptionItem",
    periods: FirstPeriods,
    subscription: "Subscription",
    *,
    prorates: bool,
) -> "SubscriptionItem":
    """A new item in its running period; in classic mode it owes the usage of those before.

    One whose earlier usage is billed counts beside others since then: it takes no second of them.
    A licence whose period is free knows that nothing charges it.
    """
    item = in_period(item, periods.running.period)
    if not is_metered(item):
        charged = _charged(periods, item, mode_of(subscription), prorates=prorates)
        return item if charged else settled_from(item, periods.running.period.start)
    is_classic = mode_of(subscription) is BillingMode.CLASSIC
    counts_before = bool(periods.past) and (is_classic or prorates)
    runs = subscription["status"] != "trialing"
    if runs and not counts_before and periods.running.period.start == uow.ctx.now:
        item = begin_counting(uow, item, uow.ctx.now)
    if not is_classic or not periods.past:
        return item
    past = Period(periods.past[0].period.start, periods.past[-1].period.end)
    if subscription["status"] == "trialing":
        return owing_usage_of(item, past)
    return counting_from(item, past.start)


def first_lines(
    uow: UnitOfWork,
    subscription: "Subscription",
    periods: Mapping[str, FirstPeriods],
    *,
    prorates: bool,
) -> list[ItemLine]:
    """The lines of the first invoice.

    Without proration it bills no time before the subscription was made, and no first part of a
    period. Of a first period that the subscription's end cuts, flexible mode then takes the full
    price, and classic mode prorates it all the same.
    """
    mode = mode_of(subscription)
    past_usage = _past_usage(uow, subscription, periods) if prorates else {}
    lines = []
    for item in items_of(subscription):
        own = periods[item["id"]]
        licences = [] if is_metered(item) or not prorates else own.past
        lines += [ItemLine(item, licensed_line(billed_item(item), licence)) for licence in licences]
        lines += [ItemLine(item, line) for line in past_usage.get(item["id"], ())]
        if subscription["status"] == "trialing":
            opening = trial_lines([billed_item(item)], own.running.period, mode)
        else:
            charged = _charged(own, item, mode, prorates=prorates)
            opening = opening_lines([billed_item(item)], charged, mode) if charged else []
        lines += [ItemLine(item, line) for line in opening]
    return lines


def _charged(
    own: FirstPeriods, item: "SubscriptionItem", mode: BillingMode, *, prorates: bool
) -> CyclePeriod | None:
    """The running period as it is charged; without proration it may be free, then None."""
    if prorates:
        return own.running
    if own.natural.is_stub or own.natural.period.start < item["created"]:
        return None
    return own.running if mode is BillingMode.CLASSIC else own.running.at_full_price


def _spans(
    endless: "Subscription", item: "SubscriptionItem", start: int, until: int
) -> list[CyclePeriod]:
    """The periods from an instant on that begin before another."""
    spans: list[CyclePeriod] = []
    while start < until:
        spans.append(span_from(endless, item, start))
        start = spans[-1].period.end
        if len(spans) > _MAX_BACKDATED_PERIODS:
            raise BillingError(
                f"A backdated start can lie at most {_MAX_BACKDATED_PERIODS} periods of"
                f" {interval_of(item['price'])} in the past.",
                param="backdate_start_date",
            )
    return spans


def _past_usage(
    uow: UnitOfWork, subscription: "Subscription", periods: Mapping[str, FirstPeriods]
) -> dict[str, list[Line]]:
    """The lines of flexible mode for the usage of each past period, by item."""
    if mode_of(subscription) is BillingMode.CLASSIC:
        return {}
    items = [item for item in items_of(subscription) if is_metered(item)]
    past = [(item, span) for item in items for span in periods[item["id"]].past]
    keys = {str(index): (item, span.period) for index, (item, span) in enumerate(past)}
    usage = usage_in(uow.ctx, subscription["customer"], keys)
    lines: dict[str, list[Line]] = {}
    for index, (item, span) in enumerate(past):
        line = metered_line(billed_item(item), usage[str(index)], span)
        lines.setdefault(item["id"], []).append(line)
    return lines
