"""Pausing a subscription, and resuming one: what is credited, billed and left out."""

from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.periods import Period
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.billing.invoice_bodies import InvoiceTerms
from meterline.services.billing.item_terms import current_period, settled_from
from meterline.services.billing.subscription_bodies import (
    is_ended,
    items_of,
    paused_subscription,
    phase_changes_at,
    subscription_document,
    with_items,
)
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.billed_in_advance import with_billed_lines
from meterline.services.invoices.drafting import ItemLine, draft_on, finalizes_at, issue_on
from meterline.services.subscriptions.cancel import bill_final_usage
from meterline.services.subscriptions.changes import Step
from meterline.services.subscriptions.handover import keep_billed_second
from meterline.services.subscriptions.prorations import Proration, credit_unused, prorate_steps
from meterline.services.subscriptions.reset_cycle import Restart, restart
from meterline.services.subscriptions.schedule_steps import check_not_overdue
from meterline.services.subscriptions.update import load
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, Subscription

_NOW = {"type": "now"}


def pause_subscription(ctx: Context, subscription_id: str, params: Body) -> "Subscription":
    """Stop a running subscription: no invoices and no new periods until it is resumed.

    ``bill_for`` says what of the running period is settled, by default its usage so far and the
    credit for its unused time; ``invoicing_behavior`` whether by pending items or an invoice.
    """
    ctx, document, customer = load(ctx, subscription_id)
    check_not_overdue(document.body, phase_changes_at(document.body), ctx.now)
    uow = open_unit_of_work(ctx, customer)
    paused, invoice = pause_on(uow, document.body, params)
    return _save(uow, document, paused, invoice, "customer.subscription.paused")


def resume_subscription(ctx: Context, subscription_id: str, params: Body) -> "Subscription":
    """Let a paused subscription go on from now.

    A new cycle begins and is billed at once. With ``billing_cycle_anchor=unchanged`` the running
    one goes on, and ``proration_behavior`` says how its rest is billed. The time of the pause is
    free: nothing was paid in advance for it, and no usage of it counts.
    """
    ctx, document, customer = load(ctx, subscription_id)
    check_not_overdue(document.body, phase_changes_at(document.body), ctx.now)
    uow = open_unit_of_work(ctx, customer)
    resumed, invoice = resume_on(uow, document.body, params)
    return _save(uow, document, resumed, invoice, "customer.subscription.resumed")


def pause_on(
    uow: UnitOfWork, before: "Subscription", params: Body
) -> tuple["Subscription", "Invoice | None"]:
    """Decide on a pause: the subscription in it, and the invoice that it makes, as a draft.

    Pauses and their previews are both decided here.
    """
    if before["status"] != "active":
        raise BillingError(f"Only active subscriptions can be paused; this is {before['status']}.")
    since = _bill_or_credit_period(uow, before, params)
    settled = with_items(before, [settled_from(item, since) for item in items_of(before)])
    paused = paused_subscription(settled, "pause_requested", uow.ctx.now)
    behavior = params.get("invoicing_behavior", "pending_invoice_item")
    if behavior != "invoice" or not uow.pending.is_changed:
        return paused, None
    return _drafted(uow, paused, current_period(before).start, [])


def resume_on(
    uow: UnitOfWork, before: "Subscription", params: Body
) -> tuple["Subscription", "Invoice | None"]:
    """Decide on the end of a pause: the running subscription, and its invoice as a draft.

    Resumptions and their previews are both decided here.
    """
    if is_ended(before):
        raise no_such("subscription", before["id"])
    if before["status"] != "paused":
        raise BillingError("You can only resume a subscription if it is `paused`.")
    keeps = params.get("billing_cycle_anchor") in ("unchanged", {"type": "unchanged"})
    at = _resumed_at(uow, before, params) if keeps else uow.ctx.now
    anchor = before["billing_cycle_anchor"] if keeps else at
    in_trial = before | {"status": "trialing"}  # a new cycle ends a pause as it ends a trial
    in_trial.pop("status_details", None)
    resumed, lines = restart(uow, in_trial, in_trial, Restart(at, anchor), prorates=False)
    resumed = resumed | {"trial_end": before["trial_end"]}
    behavior = params.get("proration_behavior", "create_prorations") if keeps else "always_invoice"
    if behavior != "always_invoice":
        resumed = with_items(resumed, [settled_from(item, at) for item in items_of(resumed)])
        how = Proration(at, prorates=behavior == "create_prorations")
        steps = [Step(None, item) for item in items_of(resumed)]
        return prorate_steps(uow, resumed, resumed, steps, how), None
    return _drafted(uow, resumed, at, lines) if lines else (resumed, None)


def _resumed_at(uow: UnitOfWork, subscription: "Subscription", params: Body) -> int:
    """Since when the running period is charged again: now, or a ``proration_date`` of the pause."""
    now, since = uow.ctx.now, subscription["status_details"]["paused"]["transitioned_at"]
    at = int(params.get("proration_date", now))
    if not since <= at <= now:
        raise BillingError(
            f"proration_date must be an instant of the pause ({since} - {now}).",
            param="proration_date",
        )
    return at


def _save(
    uow: UnitOfWork,
    document: "Document[Subscription]",
    after: "Subscription",
    invoice: "Invoice | None",
    event_type: str,
) -> "Subscription":
    if invoice is not None:
        issue_on(uow, invoice)
    uow.put(subscription_document(after, document))
    uow.emit(event_type, after)
    uow.emit("customer.subscription.updated", after, document.body)
    uow.save(result_id=document.id)
    return after


def _bill_or_credit_period(uow: UnitOfWork, subscription: "Subscription", params: Body) -> int:
    """Credit and bill the running period as ``bill_for`` says.

    Returns from when on its licences are not charged any more.
    """
    bill_for = params.get("bill_for") or {}
    usage_through = bill_for.get("outstanding_usage_through", _NOW)["type"]
    unused_from = bill_for.get("unused_time_from", _NOW)["type"]
    whole = unused_from == "item_current_period_start"
    start = current_period(subscription).start if whole else uow.ctx.now
    if unused_from != "none":
        credit_unused(uow, subscription, Proration(start, prorates=True))
    if usage_through == "now":
        bill_final_usage(uow, subscription)
    else:
        keep_billed_second(uow, items_of(subscription))
    return start


def _drafted(
    uow: UnitOfWork, subscription: "Subscription", since: int, lines: list[ItemLine]
) -> tuple["Subscription", "Invoice"]:
    """The subscription after the invoice of a pause or its end, and that invoice as a draft."""
    now = uow.ctx.now
    terms = InvoiceTerms(
        id=new_object_id("invoice"),
        created=now,
        billing_reason="subscription_update",
        period=Period(min(since, now), now),
        finalizes_at=finalizes_at(uow, subscription),
    )
    invoice, billed = draft_on(uow, subscription, terms, lines)
    return with_billed_lines(billed, invoice), invoice
