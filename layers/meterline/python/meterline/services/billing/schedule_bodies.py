"""The subscription schedule as it is stored, and what its subscription remembers of it.

A schedule that has begun is due with its subscription: the subscription remembers when the phase
changes, so that a change at the second of a renewal comes before it, in one order. One that has not
begun is due by itself.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.schedules.phases import MOST_PAST_PHASES, notice_at
from meterline.services.billing.private_states import PhaseState, ScheduledChange, SubscriptionState
from meterline.store.base.documents import LIVE, Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterline.core.base.wire import (
        Subscription,
        SubscriptionSchedule,
        SubscriptionScheduleChanges,
        SubscriptionSchedulePhase,
    )

KIND: Final = "subscription_schedule"
RUNNING: Final = ("active", "not_started")


def schedule_document(
    body: "SubscriptionSchedule", stored: "Document[SubscriptionSchedule] | None" = None
) -> "Document[SubscriptionSchedule]":
    """The document that stores a schedule: under its customer, due when it begins."""
    new = Document(
        kind=KIND,
        livemode=body["livemode"],
        body=body,
        timeline=body["test_clock"] or LIVE,
        parent=body["customer"],
    )
    return replace(stored or new, body=body, due_at=starts_at(body))


def agreed_in(schedule: "SubscriptionSchedule") -> frozenset[str]:
    """The ids of what a schedule has agreed on: prices, coupons, promotion codes, discounts, tax
    rates and the account's tax ids.
    """
    phases = schedule["phases"]
    items = [item for phase in phases for item in phase["items"]]
    charges = [charge for phase in phases for charge in phase["add_invoice_items"]]
    agreed = {item["price"] for item in items}
    for holder in (*phases, *items, *charges):
        for entry in holder["discounts"]:
            agreed |= {value for value in entry.values() if isinstance(value, str)}
    for holder in (*items, *charges):
        agreed |= {rate["id"] for rate in holder["tax_rates"]}
    for settings in (part["invoice_settings"] for part in (schedule["default_settings"], *phases)):
        agreed |= set((settings and settings["account_tax_ids"]) or ())
    return frozenset(
        agreed | {rate["id"] for phase in phases for rate in phase["default_tax_rates"]}
    )


def inherits_discount(phase: "SubscriptionSchedulePhase") -> bool:
    """Whether a phase without discounts has that of the customer: unless it asked for none."""
    return not PhaseState.of(phase).undiscounted


def starts_at(schedule: "SubscriptionSchedule") -> int | None:
    """When a schedule begins; None of one that has begun, or never will."""
    return schedule["phases"][0]["start_date"] if schedule["status"] == "not_started" else None


def current_place(schedule: "SubscriptionSchedule") -> int:
    """The place of the current phase among all; only active schedules have one."""
    current = schedule["current_phase"]
    assert current is not None, "asked only of an active schedule"  # noqa: S101
    starts = [phase["start_date"] for phase in schedule["phases"]]
    return starts.index(current["start_date"])


def current_phase_of(schedule: "SubscriptionSchedule") -> "SubscriptionSchedulePhase":
    """The current phase of an active schedule."""
    return schedule["phases"][current_place(schedule)]


def in_phase(
    schedule: "SubscriptionSchedule", phases: "Sequence[SubscriptionSchedulePhase]", place: int
) -> "SubscriptionSchedule":
    """The schedule with these phases, active in the one at ``place``.

    Of more phases that are over than are shown, the oldest are left out.
    """
    current = phases[place]
    return schedule | {
        "phases": list(phases[max(place - MOST_PAST_PHASES, 0) :]),
        "current_phase": {"end_date": current["end_date"], "start_date": current["start_date"]},
        "status": "active",
    }


def is_last(schedule: "SubscriptionSchedule") -> bool:
    """Whether the current phase of an active schedule is its last."""
    return current_place(schedule) == len(schedule["phases"]) - 1


def expires_at(schedule: "SubscriptionSchedule") -> int:
    """When the last phase of a schedule ends."""
    return schedule["phases"][-1]["end_date"]


def end_set_by(schedule: "SubscriptionSchedule") -> int | None:
    """The end that an active schedule has set for its subscription, if it is in its last phase."""
    cancels = schedule["end_behavior"] == "cancel" and is_last(schedule)
    return expires_at(schedule) if cancels else None


def attached(
    subscription: "Subscription", schedule: "SubscriptionSchedule", now: int
) -> "Subscription":
    """A subscription that an active schedule manages: it remembers when what is due for it.

    A subscription that ends with its last phase ends as others do.
    """
    state = SubscriptionState.of(subscription)
    expires, changes = expires_at(schedule), current_phase_of(schedule)["end_date"]
    ends_by_itself = end_set_by(schedule) is not None and subscription["cancel_at"] == changes
    announced = state.schedule is not None and state.schedule["expires_at"] == expires
    notice = max(notice_at(schedule["phases"][0]["start_date"], expires), now)
    change: ScheduledChange = {
        "changes_at": None if ends_by_itself else changes,
        "expires_at": expires,
        "notice_at": state.schedule["notice_at"] if state.schedule and announced else notice,
    }
    return replace(state, schedule=change).on(subscription | {"schedule": schedule["id"]})


def detached(subscription: "Subscription") -> "Subscription":
    """A subscription that no schedule manages any more."""
    state = replace(SubscriptionState.of(subscription), schedule=None)
    return state.on(subscription | {"schedule": None})


def released(schedule: "SubscriptionSchedule", at: int) -> "SubscriptionSchedule":
    """A schedule that leaves its subscription, if it has one, to itself."""
    changes: SubscriptionScheduleChanges = {
        "current_phase": None,
        "released_at": at,
        "released_subscription": schedule["subscription"],
        "status": "released",
        "subscription": None,
    }
    return schedule | changes


def canceled(schedule: "SubscriptionSchedule", at: int) -> "SubscriptionSchedule":
    """A schedule that is given up; it still names the subscription that it managed."""
    return schedule | {"canceled_at": at, "current_phase": None, "status": "canceled"}


def ended_with(
    schedule: "SubscriptionSchedule", subscription: "Subscription"
) -> "tuple[SubscriptionSchedule, str]":
    """A schedule whose subscription has ended, and the event of that.

    It is completed if that was its own end. It is aborted if the customer did not pay.
    """
    ended_at = subscription["ended_at"]
    assert ended_at is not None, "asked only of one that has ended"  # noqa: S101
    if end_set_by(schedule) is not None and ended_at >= expires_at(schedule):
        completed = schedule | {
            "completed_at": ended_at,
            "current_phase": None,
            "status": "completed",
        }
        return completed, f"{KIND}.completed"
    unpaid = subscription["cancellation_details"]["reason"] == "payment_failed"
    return canceled(schedule, ended_at), f"{KIND}.{'aborted' if unpaid else 'canceled'}"
