"""Where a subscription ends, as the periods that a change of it makes are cut by it.

An end that was given as an instant stands. One that follows the period (``cancel_at_period_end``)
moves with it: to the earliest end of the items' periods (Stripe, "Adds helpers to cancel
subscriptions for billing periods with mixed intervals", 2025-07-30). Periods made by a change are
cut there; those that run already stay as they are.
"""

from collections.abc import Container
from typing import TYPE_CHECKING

from meterline.core.base.periods import next_boundary
from meterline.core.billing.invoicing import BillingMode
from meterline.services.billing.item_terms import item_period, mode_of
from meterline.services.billing.subscription_bodies import items_of, with_items
from meterline.services.catalog.price_terms import interval_of
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription, SubscriptionChanges


def requested_end(params: Body) -> "SubscriptionChanges":
    """The fields of the end that a request asks for, as far as they are known before its change.

    Empty if the request says nothing about the end. The periods that the change makes resolve the
    words for an instant, and the end of the period.
    """
    if "cancel_at_period_end" in params:
        return {"cancel_at": None, "cancel_at_period_end": bool(params["cancel_at_period_end"])}
    if "cancel_at" not in params:
        return {}
    requested = params["cancel_at"]
    end = requested if isinstance(requested, int) else None
    return {"cancel_at": end, "cancel_at_period_end": False}


def without_following_end(subscription: "Subscription") -> "Subscription":
    """The subscription without an end that follows its periods: as new ones are found."""
    return subscription | {"cancel_at": None} if _follows(subscription) else subscription


def period_end(subscription: "Subscription", now: int) -> int:
    """Where the earliest period ends: in a pause, in which none begins, that of the cycle."""
    if subscription["status"] == "paused":
        return _end_after(subscription, now)
    return min(item["current_period_end"] for item in items_of(subscription))


def ending_in_trial(subscription: "Subscription") -> "Subscription":
    """A subscription with an end: in classic mode a trial that would last longer ends there for
    good, whatever becomes of the end.
    """
    end, trial_end = subscription["cancel_at"], subscription["trial_end"]
    if mode_of(subscription) is not BillingMode.CLASSIC or subscription["status"] != "trialing":
        return subscription
    if end is None or trial_end is None or end >= trial_end:
        return subscription
    return subscription | {"trial_end": end, "billing_cycle_anchor": end}


def end_of_new_cycle(subscription: "Subscription", now: int) -> int | None:
    """The end of a subscription whose periods are those of a new cycle; None if it goes on."""
    if _follows(subscription):
        return _end_after(subscription, now)
    return subscription["cancel_at"]


def with_following_end(
    subscription: "Subscription", made: Container[str], now: int
) -> "Subscription":
    """The subscription whose end follows its periods, if it does: the items ``made`` are cut."""
    if not _follows(subscription):
        return subscription
    end, items = period_end(subscription, now), items_of(subscription)
    cut = [
        item | {"current_period_end": item_period(item).until(end).end}
        if item["id"] in made
        else item
        for item in items
    ]
    return with_items(subscription, cut) | {"cancel_at": end}


def _end_after(subscription: "Subscription", now: int) -> int:
    """The earliest end of the items' periods that lies ahead: they go on as the anchor has it."""
    anchor = subscription["billing_cycle_anchor"]
    return min(
        item["current_period_end"]
        if item["current_period_end"] > now
        else next_boundary(anchor, interval_of(item["price"]), now)
        for item in items_of(subscription)
    )


def _follows(subscription: "Subscription") -> bool:
    return subscription["cancel_at_period_end"]
