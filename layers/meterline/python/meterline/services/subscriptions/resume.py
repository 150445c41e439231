"""Resuming a paused subscription: a new cycle begins."""

from meterline.core.errors import BillingError
from meterline.core.periods import Period
from meterline.services.context import Context
from meterline.services.ids import new_id
from meterline.services.invoices.bodies import InvoiceTerms
from meterline.services.invoices.drafting import draft_on, finalizes_at, issue_on
from meterline.services.invoices.ledger import open_ledger
from meterline.services.renewals import with_billed_lines
from meterline.services.subscriptions.bodies import subscription_document
from meterline.services.subscriptions.cycle import Restart, restart
from meterline.services.subscriptions.update import load
from meterline.store.documents import Body


def resume_subscription(ctx: Context, subscription_id: str, params: Body) -> Body:
    """Let a paused subscription go on, now, with a new cycle that is billed at once.

    What the pause left out is not billed: nothing was paid in advance for it, and no usage of it
    counts.
    """
    ctx, document, customer = load(ctx, subscription_id)
    before = document.body
    if before["status"] != "paused":
        raise BillingError(
            f"Only paused subscriptions can be resumed; this one is {before['status']}.",
        )
    if params.get("billing_cycle_anchor") in ("unchanged", {"type": "unchanged"}):
        raise BillingError(
            "A subscription that was paused by the end of its trial starts a new cycle.",
            param="billing_cycle_anchor",
        )
    ledger = open_ledger(ctx, customer)
    stopped = before | {"status": "trialing"}
    restarted, lines = restart(ledger, stopped, stopped, Restart(ctx.now, ctx.now), prorates=False)
    after = restarted | {"trial_end": before["trial_end"]}
    if lines:
        terms = InvoiceTerms(
            id=new_id("in_"),
            created=ctx.now,
            billing_reason="subscription_update",
            period=Period(ctx.now, ctx.now),
            finalizes_at=finalizes_at(ctx, after),
        )
        invoice, after = draft_on(ledger, after, terms, lines)
        after = with_billed_lines(after, invoice)
        issue_on(ledger, invoice)
    ledger.put(subscription_document(after, document))
    ledger.tell("customer.subscription.resumed", after)
    ledger.tell("customer.subscription.updated", after, before)
    ledger.save(result_id=subscription_id)
    return after
