"""The subscription object: a new one with all its fields, its items, and when it is due."""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Interval, IntervalUnit, Period, next_boundary
from meterline.core.base.unset import merged_metadata
from meterline.core.billing.cycles import Opening
from meterline.core.catalog.plans import plan_of
from meterline.services.base.ids import new_id, new_object_id
from meterline.services.billing.private_states import SubscriptionState
from meterline.store.base.documents import LIVE, Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        Listed,
        Price,
        Subscription,
        SubscriptionBillingCycleAnchorConfig,
        SubscriptionBillingMode,
        SubscriptionChanges,
        SubscriptionItem,
        SubscriptionStatusDetailsPaused,
        SubscriptionStatusDetailsPausedSubscriptionType,
    )

INCOMPLETE_SECONDS = 23 * 3_600
"""How long the first invoice can wait for its payment before the subscription expires."""

FLEXIBLE_MODE: "SubscriptionBillingMode" = {
    "type": "flexible",
    "flexible": {"proration_discounts": "included"},
}
"""The ``billing_mode`` of a subscription that is billed flexibly."""

_TRIAL_NOTICE_SECONDS = 3 * 86_400
_ID_DIGITS = 24
_ITEM_DIGITS = 6
_ENDED = ("canceled", "incomplete_expired")


@frozen
class ItemTerms:
    """One item as a request asks for it."""

    price: "Price"
    quantity: int | None
    metadata: dict[str, str]


def subscription_document(
    body: "Subscription", stored: "Document[Subscription] | None" = None
) -> "Document[Subscription]":
    """The document that stores a subscription: under its customer, due when its period ends."""
    new = Document(
        kind="subscription",
        livemode=body["livemode"],
        body=body,
        timeline=body["test_clock"] or LIVE,
        parent=body["customer"],
    )
    return replace(
        stored or new,
        body=body,
        due_at=due_at(body),
    )


def is_ended(subscription: "Subscription") -> bool:
    """Whether a subscription is over for good."""
    return subscription["status"] in _ENDED


def renews(subscription: "Subscription") -> bool:
    """Whether a subscription bills its periods: it is neither over nor paused."""
    return not is_ended(subscription) and subscription["status"] != "paused"


def due_at(subscription: "Subscription") -> int | None:
    """When a subscription next needs work: at the earliest instant of all kinds of it."""
    instants = (at(subscription) for at in DUE_INSTANTS)
    return min((instant for instant in instants if instant is not None), default=None)


def expires_at(subscription: "Subscription") -> int | None:
    """When a subscription is given up whose first invoice is not paid: at its end at the latest."""
    if subscription["status"] != "incomplete":
        return None
    given_up, end = subscription["created"] + INCOMPLETE_SECONDS, subscription["cancel_at"]
    return given_up if end is None else min(given_up, end)


def collection_resumes_at(subscription: "Subscription") -> int | None:
    """When invoices are collected again, if their collection is paused until an instant."""
    pause = subscription["pause_collection"] if _runs(subscription) else None
    return None if pause is None else pause["resumes_at"]


def phase_changes_at(subscription: "Subscription") -> int | None:
    """When the schedule of a subscription, if it has one, goes on to its next phase or ends."""
    change = None if is_ended(subscription) else SubscriptionState.of(subscription).schedule
    return None if change is None else change["changes_at"]


def schedule_notice_at(subscription: "Subscription") -> int | None:
    """When to emit that the schedule of a subscription expires; None if that was emitted."""
    change = None if is_ended(subscription) else SubscriptionState.of(subscription).schedule
    return None if change is None else change["notice_at"]


def renews_at(subscription: "Subscription") -> int | None:
    """When a period of a subscription is over, or it is itself; in a pause only its end counts."""
    end: int | None = subscription["cancel_at"]
    if subscription["status"] == "paused":
        return end
    if not _runs(subscription):
        return None
    first = min(int(item["current_period_end"]) for item in items_of(subscription))
    return first if end is None else min(first, end)


def pending_due_at(subscription: "Subscription") -> int | None:
    """When pending items are billed between two renewals, if they are."""
    due: int | None = subscription["next_pending_invoice_item_invoice"]
    return due if _runs(subscription) else None


def _runs(subscription: "Subscription") -> bool:
    return renews(subscription) and subscription["status"] != "incomplete"


def items_of(subscription: "Subscription") -> "list[SubscriptionItem]":
    """The items of a subscription."""
    return subscription["items"]["data"]


def ended_subscription(subscription: "Subscription", at: int) -> "Subscription":
    """The subscription as cancelled: it ends at ``at``."""
    canceled_at = subscription["canceled_at"]
    return subscription | {
        "status": "canceled",
        "canceled_at": at if canceled_at is None else canceled_at,
        "ended_at": at,
        "next_pending_invoice_item_invoice": None,
    }


def paused_subscription(
    subscription: "Subscription", reason: "SubscriptionStatusDetailsPausedSubscriptionType", at: int
) -> "Subscription":
    """The subscription as paused at ``at``, and why."""
    paused: SubscriptionStatusDetailsPaused = {
        "subscription": {"type": reason},
        "transitioned_at": at,
        "type": "subscription",
    }
    return subscription | {"status": "paused", "status_details": {"paused": paused}}


def next_pending_invoice(subscription: "Subscription", instant: int) -> int | None:
    """When pending items are next billed after an instant, if they are; aligned to the anchor."""
    stored = subscription["pending_invoice_item_interval"]
    if stored is None:
        return None
    interval = Interval(IntervalUnit(stored["interval"]), stored["interval_count"])
    return next_boundary(subscription["billing_cycle_anchor"], interval, instant)


def stops_at(subscription: "Subscription") -> int | None:
    """When to go on stopping the invoices of a subscription that has ended: at once, if at all."""
    place = SubscriptionState.of(subscription).stops_from
    return None if place is None else place["at"]


def stops_from(subscription: "Subscription") -> tuple[int, str]:
    """Up to which invoice, from the newest on, the invoices of a subscription are stopped."""
    place = SubscriptionState.of(subscription).stops_from
    assert place is not None, "asked only of one whose invoices are being stopped"  # noqa: S101
    return place["created"], place["id"]


def drops_at(subscription: "Subscription") -> int | None:
    """When to go on dropping the pending prorations of one that has ended: at once, if at all."""
    rest = SubscriptionState.of(subscription).drops
    return None if rest is None else rest["at"]


def prorations_left(subscription: "Subscription") -> tuple[int]:
    """How many pending prorations of a subscription that has ended are left to be dropped."""
    rest = SubscriptionState.of(subscription).drops
    return (0 if rest is None else rest["left"],)


def trial_notice_at(subscription: "Subscription") -> int | None:
    """When to emit that the trial will end: three days before, or at once if it is shorter.

    None without a trial, or when that end was emitted.
    """
    ends_at = subscription["trial_end"]
    emitted_end = SubscriptionState.of(subscription).trial_end_told
    if subscription["status"] != "trialing" or ends_at is None or ends_at == emitted_end:
        return None
    return max(int(ends_at) - _TRIAL_NOTICE_SECONDS, int(subscription["trial_start"] or 0))


DUE_INSTANTS = (
    trial_notice_at,
    schedule_notice_at,
    expires_at,
    collection_resumes_at,
    phase_changes_at,
    renews_at,
    pending_due_at,
    stops_at,
    drops_at,
)
"""When the kinds of work on a subscription are due; of several at once, in this order."""


def new_subscription(
    customer: "Customer", items: list[ItemTerms], opening: Opening, params: Body, now: int
) -> "Subscription":
    """A new subscription with all its fields, active or trialing from ``now``."""
    blank = _blank_subscription(customer, items[0].price["currency"], now)
    period, trial_end = opening.first.period, opening.trial_end
    changes: SubscriptionChanges = {
        "billing_cycle_anchor": opening.anchor,
        "billing_cycle_anchor_config": _anchor_config(params.get("billing_cycle_anchor_config")),
        "billing_mode": _billing_mode(params, now),
        "collection_method": params.get("collection_method", "charge_automatically"),
        "days_until_due": params.get("days_until_due"),
        "description": params.get("description"),
        "items": item_list(
            blank["id"], [new_item(terms, blank["id"], period, now) for terms in items]
        ),
        "metadata": merged_metadata({}, params.get("metadata")),
        "status": "active" if trial_end is None else "trialing",
        "trial_end": trial_end,
        "trial_start": None if trial_end is None else now,
    }
    return {**blank, **changes}


def item_list(subscription_id: str, items: "list[SubscriptionItem]") -> "Listed[SubscriptionItem]":
    """The list object that holds a subscription's items."""
    return {
        "object": "list",
        "data": items,
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription_id}",
    }


def with_items(subscription: "Subscription", items: "list[SubscriptionItem]") -> "Subscription":
    """The subscription with other items."""
    return subscription | {"items": item_list(subscription["id"], items)}


def new_item(
    terms: ItemTerms, subscription_id: str, period: Period, now: int
) -> "SubscriptionItem":
    """A new item of a subscription, in a period."""
    item: SubscriptionItem = {
        "id": new_item_id(subscription_id),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now,
        "current_period_end": period.end,
        "current_period_start": period.start,
        "current_trial": None,
        "discounts": [],
        "metadata": terms.metadata,
        "plan": plan_of(terms.price),
        "price": terms.price,
        "subscription": subscription_id,
        "tax_rates": [],
    }
    if terms.quantity is not None:
        item["quantity"] = terms.quantity
    return item


def subscription_of_item_id(item_id: str) -> str:
    """The id of the subscription that an item belongs to: the item's id begins with it."""
    return "sub_" + item_id.removeprefix("si_")[:_ID_DIGITS]


def new_item_id(subscription_id: str) -> str:
    """An id for a new item that leads back to its subscription without an index."""
    return f"si_{subscription_id.removeprefix('sub_')}{new_id('')[-_ITEM_DIGITS:]}"


def _anchor_config(config: Body | None) -> "SubscriptionBillingCycleAnchorConfig | None":
    if config is None:
        return None
    return {
        "day_of_month": config["day_of_month"],
        "hour": config.get("hour"),
        "minute": config.get("minute"),
        "month": config.get("month"),
        "second": config.get("second"),
    }


def _billing_mode(params: Body, now: int) -> "SubscriptionBillingMode":
    mode = (params.get("billing_mode") or {}).get("type", FLEXIBLE_MODE["type"])
    if mode == FLEXIBLE_MODE["type"]:
        return FLEXIBLE_MODE | {"updated_at": now}
    return {"type": mode, "flexible": None}


def _blank_subscription(customer: "Customer", currency: str, now: int) -> "Subscription":
    """A subscription of which nothing is set yet but whose it is."""
    subscription_id = new_object_id("subscription")
    return {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": FLEXIBLE_MODE,
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {
            "comment": None,
            "feedback": None,
            "feedback_option": None,
            "reason": None,
        },
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": item_list(subscription_id, []),
        "latest_invoice": None,
        "livemode": customer["livemode"],
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "active",
        "test_clock": customer.get("test_clock"),
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": "now",
                "missing_payment_method": "create_invoice",
            }
        },
        "trial_start": None,
    }
