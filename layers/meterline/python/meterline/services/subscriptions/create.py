"""Creating subscriptions: the anchor, the first period, and the first invoice."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from meterline.core.anchors import AnchorConfig, trial_end_from_days
from meterline.core.cycles import AnchorChoice, Opening, open_cycle
from meterline.core.errors import BillingError
from meterline.core.invoicing import BillingMode, Line, opening_lines, trial_lines
from meterline.core.periods import Period
from meterline.services.account_settings import invoice_grace_seconds
from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.services.ids import derived_id
from meterline.services.invoices.bodies import InvoiceTerms, invoice_document
from meterline.services.invoices.drafting import draft_subscription_invoice
from meterline.services.invoices.finalize import finalized
from meterline.services.lookups import find, on_customers_time
from meterline.services.subscriptions.bodies import (
    ItemTerms,
    new_subscription,
    subscription_document,
)
from meterline.services.subscriptions.items import item_terms, shared_interval
from meterline.services.terms import billed_item
from meterline.store.documents import Body, Change, Document


@dataclass(frozen=True, slots=True)
class _Start:
    """What a new subscription starts with."""

    customer: Document
    items: list[ItemTerms]
    opening: Opening
    params: Body


_FLEXIBLE_SINCE = "2025-09-30"
"""The first API version whose subscriptions are flexible if nothing is said (section 1.8)."""


def create_subscription(ctx: Context, params: Body) -> Body:
    """Create a subscription and, if something is due at once, its first invoice.

    The first invoice is finalised in the same commit if it is charged automatically, and an hour
    later if it is sent (contract section 6). In flexible mode nothing due means no invoice.
    """
    params = {"billing_mode": {"type": _usual_billing_mode(ctx)}} | params
    start = _decide(ctx, params)
    ctx = on_customers_time(ctx, start.customer)
    subscription = new_subscription(
        start.customer.body, start.items, start.opening, params, ctx.now
    )
    invoice = _first_invoice(ctx, start, subscription)
    if invoice is not None:
        subscription = subscription | {"latest_invoice": invoice["id"]}
    change = Change(puts=[subscription_document(subscription)])
    events = [EventDraft("customer.subscription.created", subscription)]
    if invoice is None:
        change.checks.append(start.customer)
    else:
        events += _bill_first(ctx, start.customer, invoice, change)
    ctx.save(change, events, result_id=subscription["id"])
    return subscription


def opening_of(params: Mapping[str, Any], items: list[ItemTerms], now: int) -> Opening:
    """How a subscription with these parameters would start now."""
    config = params.get("billing_cycle_anchor_config")
    choice = AnchorChoice(
        timestamp=params.get("billing_cycle_anchor"),
        config=AnchorConfig(**config) if config else None,
    )
    return open_cycle(now, shared_interval(items), choice, _trial_end(params, now))


def _decide(ctx: Context, params: Body) -> _Start:
    customer = find(ctx, "customer", params["customer"], param="customer")
    _check_collection(params)
    items = item_terms(ctx, params["items"])
    now = on_customers_time(ctx, customer).now
    return _Start(customer, items, opening_of(params, items, now), params)


def _check_collection(params: Body) -> None:
    sends = params.get("collection_method") == "send_invoice"
    if sends and params.get("days_until_due") is None:
        raise BillingError(
            "You must provide days_until_due when collection_method is send_invoice.",
            code="parameter_missing",
            param="days_until_due",
        )
    if not sends and params.get("days_until_due") is not None:
        raise BillingError(
            "days_until_due can only be used with collection_method=send_invoice.",
            param="days_until_due",
        )


def _usual_billing_mode(ctx: Context) -> str:
    """The mode of a subscription whose request names none: it depends on the API version."""
    version = ctx.origin.api_version if ctx.origin else _FLEXIBLE_SINCE
    return "flexible" if version >= _FLEXIBLE_SINCE else "classic"


def _trial_end(params: Mapping[str, Any], now: int) -> int | None:
    if params.get("trial_end") not in (None, "now"):
        return int(params["trial_end"])
    days = params.get("trial_period_days")
    return trial_end_from_days(now, days) if days else None


def _first_invoice(ctx: Context, start: _Start, subscription: Body) -> Body | None:
    """The first invoice as a draft, or None if nothing is billed at the start."""
    lines = _first_lines(start, subscription)
    if not lines:
        return None
    sends = subscription["collection_method"] == "send_invoice"
    terms = InvoiceTerms(
        id=derived_id("in_", subscription["id"], "create", ctx.now),
        created=ctx.now,
        billing_reason="subscription_create",
        period=Period(ctx.now, ctx.now),
        finalizes_at=ctx.now + invoice_grace_seconds(ctx) if sends else None,
    )
    return draft_subscription_invoice(ctx, subscription, start.customer.body, terms, lines)


def _first_lines(start: _Start, subscription: Body) -> list[Line]:
    items = [billed_item(item) for item in subscription["items"]["data"]]
    mode = BillingMode(subscription["billing_mode"]["type"])
    first = start.opening.first
    if start.opening.trial_end is not None:
        return trial_lines(items, first.period, mode)
    if start.params.get("proration_behavior") == "none" and first.is_stub:
        return []
    return opening_lines(items, first, mode)


def _bill_first(
    ctx: Context, customer: Document, invoice: Body, change: Change
) -> list[EventDraft]:
    """Add the first invoice to ``change``: as a draft if it is sent later, else finalised."""
    if invoice["automatically_finalizes_at"] is not None:
        change.puts.append(invoice_document(invoice, customer))
        change.checks.append(customer)
        return [EventDraft("invoice.created", invoice)]
    outcome = finalized(invoice, customer.body, ctx.now)
    change.puts.append(invoice_document(outcome.invoice, customer))
    change.puts.append(replace(customer, body=outcome.customer))
    return [EventDraft("invoice.created", invoice), *outcome.events]
