"""Rolling billing cycles: the end of one period, the start of the next, and the invoice between.

A renewal is decided from stored state alone, so a message that comes twice or late finds nothing to
do, and a subscription that fell behind catches up period by period.
"""

from meterline.core.cycles import CyclePeriod, period_from
from meterline.core.invoicing import renewal_lines
from meterline.core.periods import Period
from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.services.ids import derived_id
from meterline.services.invoices.bodies import InvoiceTerms, invoice_document
from meterline.services.invoices.drafting import GRACE_SECONDS, draft_subscription_invoice
from meterline.services.invoices.metered import usage_of_items
from meterline.services.lookups import find
from meterline.services.subscriptions.bodies import due_at, subscription_document, with_period
from meterline.services.terms import billed_item, interval_of, item_period
from meterline.store.documents import Body, Change, Document


def renew_subscription(ctx: Context, document: Document) -> None:
    """Roll a subscription over the end of its current period, if that has come by ``ctx.now``.

    One commit holds the new period, the draft invoice (usage of the ended period, licences of the
    coming one) and their events. The invoice's id follows from the period, so it exists once.
    """
    subscription = document.body
    due = due_at(subscription)
    if due is None or due > ctx.now:
        return
    customer = find(ctx, "customer", subscription["customer"], param="customer")
    ended = current_period(subscription)
    coming = coming_period(subscription)
    invoice = draft_renewal(ctx, subscription, customer.body, ended, coming)
    renewed = _renewed(subscription, coming, invoice, ended.end)
    change = Change(
        puts=[subscription_document(renewed, document), invoice_document(invoice, customer)],
        checks=[customer],
    )
    ctx.save(change, _events(subscription, renewed, invoice))


def draft_renewal(
    ctx: Context, subscription: Body, customer: Body, ended: Period, coming: CyclePeriod | None
) -> Body:
    """The invoice at the end of a period, as a draft that finalises itself after its hour."""
    items = [billed_item(item) for item in subscription["items"]["data"]]
    usage = {} if _in_trial(subscription) else usage_of_items(ctx, subscription)
    terms = InvoiceTerms(
        id=derived_id("in_", subscription["id"], "cycle", ended.end),
        created=ctx.now,
        billing_reason="subscription_cycle",
        period=ended,
        finalizes_at=ctx.now + GRACE_SECONDS,
    )
    lines = renewal_lines(items, usage, ended, coming)
    return draft_subscription_invoice(ctx, subscription, customer, terms, lines)


def current_period(subscription: Body) -> Period:
    """The current period of a subscription: that of its items."""
    return item_period(subscription["items"]["data"][0])


def coming_period(subscription: Body) -> CyclePeriod | None:
    """The period after the current one, or None if the subscription ends with it."""
    ended = current_period(subscription)
    cancel_at = subscription["cancel_at"]
    if cancel_at is not None and cancel_at <= ended.end:
        return None
    interval = interval_of(subscription["items"]["data"][0]["price"])
    return period_from(subscription["billing_cycle_anchor"], interval, ended.end)


def _in_trial(subscription: Body) -> bool:
    return bool(subscription["status"] == "trialing")


def _renewed(
    subscription: Body, coming: CyclePeriod | None, invoice: Body, ended_at: int
) -> Body:
    """The subscription in its coming period, or ended."""
    after = subscription | {"latest_invoice": invoice["id"]}
    if coming is None:
        return after | {"status": "canceled", "ended_at": ended_at}
    return with_period(after, coming.period) | {"status": "active"}


def _events(before: Body, after: Body, invoice: Body) -> list[EventDraft]:
    created = EventDraft("invoice.created", invoice)
    if after["status"] == "canceled":
        return [created, EventDraft("customer.subscription.deleted", after)]
    return [created, EventDraft("customer.subscription.updated", after, before)]
