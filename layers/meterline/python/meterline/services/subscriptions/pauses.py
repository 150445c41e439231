"""Pausing a subscription, and resuming one: what is credited, billed and left out."""

from meterline.core.errors import BillingError
from meterline.core.periods import Period
from meterline.services.context import Context
from meterline.services.ids import new_id
from meterline.services.invoices.bodies import InvoiceTerms
from meterline.services.invoices.drafting import ItemLine, draft_on, finalizes_at, issue_on
from meterline.services.invoices.ledger import Ledger, open_ledger
from meterline.services.renewals import current_period, with_billed_lines
from meterline.services.subscriptions.bodies import (
    items_of,
    paused_subscription,
    subscription_document,
    with_items,
)
from meterline.services.subscriptions.cancel import bill_all_usage
from meterline.services.subscriptions.cycle import Restart, restart
from meterline.services.subscriptions.prorations import Proration, credit_unused
from meterline.services.subscriptions.update import load
from meterline.services.terms import with_billed
from meterline.store.documents import Body

_NOW: Body = {"type": "now"}


def pause_subscription(ctx: Context, subscription_id: str, params: Body) -> Body:
    """Stop a running subscription: no invoices and no new periods until it is resumed.

    ``bill_for`` says what of the running period is settled, by default its usage so far and the
    credit for its unused time; ``invoicing_behavior`` whether by pending items or an invoice.
    """
    ctx, document, customer = load(ctx, subscription_id)
    before = document.body
    if before["status"] != "active":
        raise BillingError(f"Only active subscriptions can be paused; this is {before['status']}.")
    ledger = open_ledger(ctx, customer)
    bill_for = _bill_for(params)
    _settle_running_period(ledger, before, bill_for)
    settled = with_items(before, [with_billed(item, ()) for item in items_of(before)])
    behavior = params.get("invoicing_behavior", "pending_invoice_item")
    after = paused_subscription(settled, "pause_requested", ctx.now)
    if behavior == "invoice" and ledger.pending.is_changed:
        after = _invoice(ledger, after, current_period(before).start, [])
    ledger.put(subscription_document(after, document))
    ledger.tell("customer.subscription.paused", after)
    ledger.tell("customer.subscription.updated", after, before)
    ledger.save(result_id=subscription_id)
    return after


def resume_subscription(ctx: Context, subscription_id: str, params: Body) -> Body:
    """Let a paused subscription go on from now, billed at once.

    A new cycle begins, or with ``billing_cycle_anchor=unchanged`` the rest of the running one,
    prorated. What the pause left out is not billed: nothing was paid in advance for it, and no
    usage of it counts.
    """
    ctx, document, customer = load(ctx, subscription_id)
    before = document.body
    if before["status"] != "paused":
        raise BillingError(f"Only paused subscriptions can be resumed; this is {before['status']}.")
    keeps = params.get("billing_cycle_anchor") in ("unchanged", {"type": "unchanged"})
    anchor = before["billing_cycle_anchor"] if keeps else ctx.now
    ledger = open_ledger(ctx, customer)
    stopped = {name: value for name, value in before.items() if name != "status_details"}
    stopped["status"] = "trialing"
    after, lines = restart(ledger, stopped, stopped, Restart(ctx.now, anchor), prorates=False)
    after |= {"trial_end": before["trial_end"]}
    if lines:
        after = _invoice(ledger, after, ctx.now, lines)
    ledger.put(subscription_document(after, document))
    ledger.tell("customer.subscription.resumed", after)
    ledger.tell("customer.subscription.updated", after, before)
    ledger.save(result_id=subscription_id)
    return after


def _bill_for(params: Body) -> Body:
    given = params.get("bill_for") or {}
    return {
        "outstanding_usage_through": given.get("outstanding_usage_through", _NOW),
        "unused_time_from": given.get("unused_time_from", _NOW),
    }


def _settle_running_period(ledger: Ledger, subscription: Body, bill_for: Body) -> None:
    unused_from = bill_for["unused_time_from"]["type"]
    if unused_from != "none":
        whole = unused_from == "item_current_period_start"
        start = current_period(subscription).start if whole else ledger.ctx.now
        credit_unused(ledger, subscription, Proration(start, prorates=True))
    if bill_for["outstanding_usage_through"]["type"] == "now":
        bill_all_usage(ledger, subscription)


def _invoice(ledger: Ledger, subscription: Body, since: int, lines: list[ItemLine]) -> Body:
    """Issue the invoice of a pause or its end; returns the subscription after it."""
    now = ledger.ctx.now
    terms = InvoiceTerms(
        id=new_id("in_"),
        created=now,
        billing_reason="subscription_update",
        period=Period(since, now),
        finalizes_at=finalizes_at(ledger.ctx, subscription),
    )
    invoice, after = draft_on(ledger, subscription, terms, lines)
    issue_on(ledger, invoice)
    return with_billed_lines(after, invoice)
