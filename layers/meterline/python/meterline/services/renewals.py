"""Rolling billing cycles: the end of one period, the start of the next, and the invoice between.

A renewal is decided from stored state alone, so a message that comes twice or late finds nothing to
do, and a subscription that fell behind catches up period by period.
"""

from meterline.core.cycles import CyclePeriod, period_from
from meterline.core.invoicing import BillingMode, Line, opening_lines, renewal_lines
from meterline.core.periods import Period
from meterline.services.account_settings import invoice_grace_seconds
from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.services.ids import derived_id
from meterline.services.invoices.bodies import InvoiceTerms, invoice_document
from meterline.services.invoices.drafting import draft_subscription_invoice
from meterline.services.invoices.metered import usage_of_items
from meterline.services.lookups import find
from meterline.services.subscriptions.bodies import due_at, subscription_document, with_period
from meterline.services.terms import billed_item, interval_of, item_period
from meterline.store.documents import Body, Change, Document


def renew_subscription(ctx: Context, document: Document) -> list[Document]:
    """Roll a subscription over the end of its current period, if that has come by ``ctx.now``.

    One commit holds the new period, the draft invoice (usage of the ended period, licences of the
    coming one) and their events. The invoice's id follows from the period, so it exists once.
    Returns the documents written, which fall due again later.
    """
    subscription = document.body
    due = due_at(subscription)
    if due is None or due > ctx.now:
        return []
    customer = find(ctx, "customer", subscription["customer"], param="customer")
    coming = coming_period(subscription)
    invoice = draft_renewal(ctx, subscription, customer.body, _terms(ctx, subscription))
    renewed = _renewed(subscription, coming, invoice)
    change = Change(puts=[subscription_document(renewed, document)], checks=[customer])
    if invoice is not None:
        change.puts.append(invoice_document(invoice, customer))
    ctx.save(change, _events(subscription, renewed, invoice))
    return change.puts


def draft_renewal(
    ctx: Context, subscription: Body, customer: Body, terms: InvoiceTerms
) -> Body | None:
    """The invoice at the end of the current period, with the usage counted so far.

    The usage of a trial is not billed, so a trial of nothing but metered items ends without one.
    """
    lines = _renewal_lines(ctx, subscription, current_period(subscription))
    if not lines:
        return None
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


def _terms(ctx: Context, subscription: Body) -> InvoiceTerms:
    """A renewal's invoice: it finalises itself when the account's grace for late usage ends."""
    ended = current_period(subscription)
    return InvoiceTerms(
        id=derived_id("in_", subscription["id"], "cycle", ended.end),
        created=ctx.now,
        billing_reason="subscription_cycle",
        period=ended,
        finalizes_at=ctx.now + invoice_grace_seconds(ctx),
    )


def _renewal_lines(ctx: Context, subscription: Body, ended: Period) -> list[Line]:
    items = [billed_item(item) for item in subscription["items"]["data"]]
    coming = coming_period(subscription)
    if subscription["status"] != "trialing":
        return renewal_lines(items, usage_of_items(ctx, subscription), ended, coming)
    if coming is None:
        return []
    return opening_lines(items, coming, BillingMode(subscription["billing_mode"]["type"]))


def _renewed(subscription: Body, coming: CyclePeriod | None, invoice: Body | None) -> Body:
    """The subscription in its coming period, or ended."""
    after = subscription | ({"latest_invoice": invoice["id"]} if invoice else {})
    if coming is None:
        return after | {"status": "canceled", "ended_at": current_period(subscription).end}
    return with_period(after, coming.period) | {"status": "active"}


def _events(before: Body, after: Body, invoice: Body | None) -> list[EventDraft]:
    events = [EventDraft("invoice.created", invoice)] if invoice else []
    if after["status"] == "canceled":
        return [*events, EventDraft("customer.subscription.deleted", after)]
    return [*events, EventDraft("customer.subscription.updated", after, before)]
