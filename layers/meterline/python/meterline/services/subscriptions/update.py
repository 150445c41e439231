"""Changing and ending subscriptions."""

from typing import Any

from meterline.core.errors import BillingError
from meterline.core.unset import merged_metadata
from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.services.lookups import find, on_customers_time
from meterline.services.renewals import current_period
from meterline.services.subscriptions.bodies import due_at, subscription_document
from meterline.store.documents import Body, Change, Document

_PLAIN_FIELDS = ("description", "days_until_due")


def update_subscription(ctx: Context, subscription_id: str, params: Body) -> Body:
    """Change what is said about a subscription, or whether it ends with its period."""
    ctx, document = _load(ctx, subscription_id)
    before = document.body
    ended = due_at(before) is None
    if ended and set(params) - {"metadata", "cancellation_details"}:
        raise BillingError(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
        )
    after = before | _plain_changes(before, params)
    if "cancel_at_period_end" in params:
        after |= _end_of_period(after, params["cancel_at_period_end"], ctx.now)
    events = [EventDraft("customer.subscription.updated", after, before)]
    change = Change(puts=[subscription_document(after, document)])
    ctx.save(change, events, result_id=subscription_id)
    return after


def cancel_subscription(ctx: Context, subscription_id: str, params: Body) -> Body:
    """End a subscription now, without a further invoice (contract section 5.8).

    Its drafts stop advancing by themselves; whoever wants them sent finalises them.
    """
    ctx, document = _load(ctx, subscription_id)
    before = document.body
    if due_at(before) is None:
        raise BillingError(
            f"No such subscription: '{subscription_id}'",
            code="resource_missing",
            param="id",
            status=404,
        )
    after = before | {
        "status": "canceled",
        "canceled_at": ctx.now,
        "ended_at": ctx.now,
        "cancellation_details": _details(before, params, reason="cancellation_requested"),
    }
    change = Change(puts=[subscription_document(after, document)])
    ctx.save(
        change, [EventDraft("customer.subscription.deleted", after)], result_id=subscription_id
    )
    return after


def _load(ctx: Context, subscription_id: str) -> tuple[Context, Document]:
    document = find(ctx, "subscription", subscription_id)
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    return on_customers_time(ctx, customer), document


def _plain_changes(before: Body, params: Body) -> dict[str, Any]:
    changes = {field: params[field] or None for field in _PLAIN_FIELDS if field in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(before["metadata"], params["metadata"])
    if "cancellation_details" in params:
        changes["cancellation_details"] = _details(
            before, params, reason=before["cancellation_details"]["reason"]
        )
    return changes


def _end_of_period(subscription: Body, ends: bool, now: int) -> dict[str, Any]:  # noqa: FBT001 - the field
    if not ends:
        return {"cancel_at_period_end": False, "cancel_at": None, "canceled_at": None}
    details = subscription["cancellation_details"] | {"reason": "cancellation_requested"}
    return {
        "cancel_at_period_end": True,
        "cancel_at": current_period(subscription).end,
        "canceled_at": now,
        "cancellation_details": details,
    }


def _details(subscription: Body, params: Body, *, reason: str | None) -> Body:
    given = params.get("cancellation_details") or {}
    fields = {name: value or None for name, value in given.items()}
    details: Body = subscription["cancellation_details"]
    return details | fields | {"reason": reason}
