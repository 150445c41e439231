"""Keeping the schedule of a subscription in step with what is changed directly.

A change of what a phase says splits the running phase in two: the time before it, and the rest as
the subscription is now. How invoices are collected, their texts and thresholds also become the
schedule's own settings; metadata stays where it was put (contract section F).
"""

from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.services.billing.private_states import PhaseState, SubscriptionState
from meterline.services.billing.schedule_bodies import (
    KIND,
    attached,
    current_place,
    in_phase,
    schedule_document,
)
from meterline.services.billing.subscription_bodies import is_ended, items_of, phase_changes_at
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterline.core.base.wire import (
        Subscription,
        SubscriptionItem,
        SubscriptionSchedule,
        SubscriptionScheduleDefaultSettings,
        SubscriptionSchedulePhase,
        SubscriptionSchedulePhaseDiscount,
        SubscriptionSchedulePhaseItem,
    )
    from meterline.store.base.documents import Document

_SPLITTING = frozenset(
    {
        "add_invoice_items",
        "default_tax_rates",
        "discounts",
        "items",
        "trial_end",
        "trial_from_plan",
    }
)
_SETTINGS = frozenset(
    {"billing_thresholds", "collection_method", "days_until_due", "invoice_settings"}
)


_KEPT = (
    "automatic_tax",
    "billing_cycle_anchor",
    "description",
    "metadata",
    "proration_behavior",
)


class PhaseOverdueError(Exception):
    """A subscription is to be changed whose due work, a change of phase among it, is still undone.

    It comes first: whoever asks has it done, and asks again.
    """

    def __init__(self, subscription_id: str) -> None:
        super().__init__(subscription_id)
        self.subscription_id = subscription_id


def check_not_overdue(subscription: "Subscription", due_at: int | None, now: int) -> None:
    """Refuse to decide on a subscription before its due work is done: PhaseOverdueError."""
    if due_at is not None and due_at <= now:
        raise PhaseOverdueError(subscription["id"])


def check_direct_change(subscription: "Subscription", params: Body, now: int) -> None:
    """Refuse what only the schedule of a subscription can change: when it ends."""
    if not subscription["schedule"] or is_ended(subscription):
        return
    check_not_overdue(subscription, phase_changes_at(subscription), now)
    for name in ("cancel_at_period_end", "cancel_at"):
        asks = bool(params.get(name)) or subscription["cancel_at"] is not None
        if name in params and asks:
            raise BillingError(
                "The subscription is managed by the subscription schedule"
                f" `{subscription['schedule']}`, and updating any cancelation behavior directly is"
                " not allowed. Please update the schedule instead.",
                param=name,
            )


def follow_change(
    uow: UnitOfWork, before: "Subscription", after: "Subscription", params: Body
) -> "Subscription":
    """The changed subscription; the change also puts its schedule as it leaves it."""
    if not before["schedule"] or is_ended(after):
        return after
    document: Document[SubscriptionSchedule] | None = uow.read([before["schedule"]]).get(
        before["schedule"]
    )
    if document is None or document.body["status"] != "active":
        return after
    schedule = document.body
    if params.keys() & _SETTINGS:
        schedule = _with_settings(schedule, after)
    if params.keys() & _SPLITTING:
        schedule = _split(schedule, after, uow.ctx.now)
    if after["billing_mode"]["type"] != schedule["billing_mode"]["type"]:
        mode: Any = after["billing_mode"]
        schedule = schedule | {"billing_mode": mode}
    if schedule == document.body:
        return after
    uow.put(schedule_document(schedule, document))
    uow.emit(f"{KIND}.updated", schedule, document.body)
    return attached(after, schedule, uow.ctx.now)


def phase_of(subscription: "Subscription", start: int, end: int) -> "SubscriptionSchedulePhase":
    """A phase in which a subscription is as it is now."""
    trial_end = subscription["trial_end"] if subscription["status"] == "trialing" else None
    phase: SubscriptionSchedulePhase = {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": subscription["billing_thresholds"],
        "collection_method": subscription["collection_method"],
        "currency": subscription["currency"],
        "default_payment_method": None,
        "default_tax_rates": list(subscription["default_tax_rates"]),
        "description": subscription["description"],
        "discounts": _standing(subscription["discounts"]),
        "end_date": end,
        "invoice_settings": _invoice_settings(subscription),
        "items": [_phase_item(item) for item in items_of(subscription)],
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": "create_prorations",
        "start_date": start,
        "transfer_data": None,
        "trial": False,
        "trial_end": None if trial_end is None else min(trial_end, end),
    }
    undiscounted = SubscriptionState.of(subscription).undiscounted
    return PhaseState(undiscounted=undiscounted).on(phase)


def _phase_item(item: "SubscriptionItem") -> "SubscriptionSchedulePhaseItem":
    same: SubscriptionSchedulePhaseItem = {
        "billing_thresholds": item["billing_thresholds"],
        "discounts": _standing(item["discounts"]),
        "metadata": dict(item["metadata"]),
        "plan": item["price"]["id"],
        "price": item["price"]["id"],
        "tax_rates": list(item["tax_rates"]),
    }
    if "quantity" in item:
        same["quantity"] = item["quantity"]
    return same


def settings_of(subscription: "Subscription") -> "SubscriptionScheduleDefaultSettings":
    """What of a subscription is a setting of its schedule."""
    settings: Any = {
        "billing_thresholds": subscription["billing_thresholds"],
        "collection_method": subscription["collection_method"],
        "description": subscription["description"],
        "invoice_settings": _invoice_settings(subscription),
    }
    whole: SubscriptionScheduleDefaultSettings = settings
    return whole


def _invoice_settings(subscription: "Subscription") -> Any:  # noqa: ANN401 - of a phase or a schedule
    days = subscription["days_until_due"]
    return {**subscription["invoice_settings"], "days_until_due": days}


def _standing(discounts: list[str]) -> "list[SubscriptionSchedulePhaseDiscount]":
    return [
        {"coupon": None, "discount": discount, "promotion_code": None} for discount in discounts
    ]


def _with_settings(
    schedule: "SubscriptionSchedule", subscription: "Subscription"
) -> "SubscriptionSchedule":
    settings: Any = settings_of(subscription)
    changed: Any = {name: settings[name] for name in settings if name != "description"}
    place = current_place(schedule)
    phases = list(schedule["phases"])
    phases[place] = phases[place] | changed
    defaults: SubscriptionScheduleDefaultSettings = schedule["default_settings"] | changed
    return schedule | {"default_settings": defaults, "phases": phases}


def _split(
    schedule: "SubscriptionSchedule", subscription: "Subscription", now: int
) -> "SubscriptionSchedule":
    """The schedule whose running phase ends now, and goes on as the subscription is.

    A phase that began at this second is replaced.
    """
    place = current_place(schedule)
    running = schedule["phases"][place]
    own = phase_of(subscription, now, running["end_date"])
    former: Mapping[str, Any] = running
    kept: Any = {name: former[name] for name in _KEPT if name in former}
    rest = own | kept
    before = schedule["phases"][:place]
    if running["start_date"] < now:
        before = [*before, running | {"end_date": now}]
    after = schedule["phases"][place + 1 :]
    return in_phase(schedule, [*before, rest, *after], len(before))
