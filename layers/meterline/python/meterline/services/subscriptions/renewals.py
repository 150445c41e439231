"""Rolling billing cycles: the end of one period, the start of the next, and the invoice between.

Each piece of due work is decided from stored state alone. So a message that comes twice or late
finds nothing to do, and a subscription that fell behind catches up instant by instant.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.invoicing import metered_line, opening_lines, renewal_lines
from meterline.core.subscriptions.usage_changes import cut_by_reset
from meterline.services.account.settings import invoice_grace_seconds
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.outbox import EventDraft
from meterline.services.billing.discounts import with_discounts_of
from meterline.services.billing.invoice_bodies import InvoiceTerms
from meterline.services.billing.item_terms import (
    billed_item,
    current_period,
    in_period,
    is_free_time,
    is_metered,
    item_period,
    mode_of,
    span_from,
    unbilled_usage,
    usage_span,
    without_owed_usage,
)
from meterline.services.billing.subscription_bodies import (
    ended_subscription,
    is_ended,
    items_of,
    next_pending_invoice,
    paused_subscription,
    renews_at,
    subscription_document,
    with_items,
)
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.billed_in_advance import with_billed_lines
from meterline.services.invoices.drafting import (
    ItemLine,
    draft_on,
    issue_on,
    pending_for,
)
from meterline.services.invoices.metered import usage_in
from meterline.services.invoices.pay_or_close import expire_incomplete
from meterline.services.subscriptions.handover import begin_counting
from meterline.store.base.documents import Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Invoice, Subscription, SubscriptionItem

type _Decide = Callable[[UnitOfWork, "Subscription"], "Subscription"]
"""Does what is due for a subscription; returns the subscription after it."""


def renew_subscription(ctx: Context, document: "Document[Subscription]") -> list[Document]:
    """End the periods of a subscription that are over, or the subscription itself, in one commit.

    The commit holds the new period, the draft invoice (usage of the ended period, licences of the
    coming one, pending items) and their events. The invoice's id follows from the period, so it
    exists once. Returns the documents written, which fall due again later.
    """
    return _commit(ctx, document, _roll)


def expire_subscription(ctx: Context, document: "Document[Subscription]") -> list[Document]:
    """Give up a subscription whose first invoice was not paid in time."""
    return _commit(ctx, document, expire_incomplete)


def resume_collection(ctx: Context, document: "Document[Subscription]") -> list[Document]:
    """End a pause of collection at the instant that it was set to."""
    return _commit(ctx, document, lambda _, before: before | {"pause_collection": None})


def bill_pending_items(ctx: Context, document: "Document[Subscription]") -> list[Document]:
    """Bill the pending items between two renewals, as ``pending_invoice_item_interval`` asks."""
    return _commit(ctx, document, _bill_pending)


def _commit(ctx: Context, document: "Document[Subscription]", decide: _Decide) -> list[Document]:
    """Commit what ``decide`` makes of a subscription, with the events; returns what was written."""
    subscription = document.body
    customer: Document[Customer] | None = ctx.store.get(subscription["customer"])
    if customer is None or customer.body.get("deleted"):
        return end_without_customer(ctx, document)
    uow = open_unit_of_work(ctx, customer)
    decided = decide(uow, subscription)
    uow.put(subscription_document(decided, document))
    if decided["status"] == "canceled":
        uow.emit("customer.subscription.deleted", decided)
    else:
        if decided["status"] == "paused" != subscription["status"]:
            uow.emit("customer.subscription.paused", decided)
        _emit_updated(uow, decided, subscription)
    return uow.save()


def _emit_updated(uow: UnitOfWork, after: "Subscription", before: "Subscription") -> None:
    """Emit the update of a subscription that goes on; its latest invoice by an event of its own."""
    renewed = after | {"latest_invoice": before["latest_invoice"]}
    if renewed != before:
        uow.emit("customer.subscription.updated", renewed, before)
    if after["latest_invoice"] != before["latest_invoice"]:
        uow.emit("customer.subscription.updated", after, renewed)


def _roll(uow: UnitOfWork, subscription: "Subscription") -> "Subscription":
    """The subscription after the end of its running period, or after its own."""
    if subscription["status"] == "paused":
        return ended_subscription(subscription, _end_of(subscription))
    closing = closing_period(subscription)
    terms = InvoiceTerms(
        id=derived_object_id("invoice", subscription["id"], "cycle", closing.end),
        created=uow.ctx.now,
        billing_reason="subscription_cycle",
        period=closing,
        finalizes_at=uow.ctx.now + invoice_grace_seconds(uow.ctx),
    )
    invoice, renewed = draft_renewal(uow, subscription, terms)
    if invoice is not None:
        issue_on(uow, invoice)
    return renewed


def draft_renewal(
    uow: UnitOfWork, subscription: "Subscription", terms: InvoiceTerms
) -> tuple["Invoice | None", "Subscription"]:
    """The invoice at the end of the closing period, with the usage counted so far, or None.

    Also the subscription after it: in its coming period, paused or ended. The usage of a trial is
    free, so a trial of nothing but metered items ends without an invoice, unless they owe usage
    from before it.
    """
    due = closing_period(subscription).end
    goes_on = not ends_at(subscription, due) and _trial_ends(subscription, due)
    fate = fate_of_trial(subscription, due) if goes_on else None
    if fate is not None:
        lines, renewed = owed_lines(uow.ctx, subscription), fate
    else:
        lines = renewal_item_lines(uow.ctx, subscription, due)
        renewed = _counting_after(uow, subscription, _after_period(subscription, due))
    bills_pending = fate is None and uow.pending.has(pending_for(subscription))
    if not lines and not bills_pending:
        return None, renewed
    invoice, billed = draft_on(uow, subscription, terms, lines)
    renewed = with_discounts_of(renewed | {"latest_invoice": billed["latest_invoice"]}, billed)
    return invoice, with_billed_lines(renewed, invoice)


def renewal_item_lines(ctx: Context, subscription: "Subscription", due: int) -> list[ItemLine]:
    """The lines of the items whose periods end at ``due``, newest items first."""
    ends = ends_at(subscription, due)
    ending = [item for item in items_of(subscription) if ends or item["current_period_end"] == due]
    trialing = subscription["status"] == "trialing"
    periods = {
        item["id"]: (item, _until(unbilled, due))
        for item in ending
        if (unbilled := unbilled_usage(subscription, item)) is not None
    }
    usage = usage_in(ctx, subscription["customer"], periods)
    ending.sort(key=lambda item: item["created"], reverse=True)
    lines = []
    for item in ending:
        coming = None if ends else coming_span(subscription, item)
        _, used = periods.get(item["id"], (item, item_period(item)))
        ended = usage_span(item, subscription["billing_cycle_anchor"], used)
        billed = [billed_item(item)]
        if not trialing:
            own_lines = renewal_lines(billed, usage, ended, coming)
        else:
            own_lines = renewal_lines(billed, usage, ended, None) if item["id"] in periods else []
            own_lines += opening_lines(billed, coming, mode_of(subscription)) if coming else []
        lines += [ItemLine(item, line) for line in own_lines]
    return lines


def usage_lines(
    ctx: Context, subscription: "Subscription", end_of: Callable[["SubscriptionItem"], int]
) -> list[ItemLine]:
    """The lines of the usage of metered items that is not billed yet, up to an end of each; in free
    time only of the usage that they owe from before it.
    """
    cuts = {}
    for item in items_of(subscription):
        unbilled = unbilled_usage(subscription, item)
        if unbilled is None:
            continue
        end = unbilled.end if is_free_time(subscription) else end_of(item)
        cut = cut_by_reset(Period(unbilled.start, max(unbilled.end, end)), end).billed
        if cut is not None:
            cuts[item["id"]] = (item, cut)
    usage = usage_in(ctx, subscription["customer"], cuts)
    anchor = subscription["billing_cycle_anchor"]
    return [
        ItemLine(
            item, metered_line(billed_item(item), usage[item_id], usage_span(item, anchor, cut))
        )
        for item_id, (item, cut) in cuts.items()
    ]


def owed_lines(ctx: Context, subscription: "Subscription") -> list[ItemLine]:
    """What metered items in a trial owe of the time before it."""
    trial = subscription | {"status": "trialing"}
    return usage_lines(ctx, trial, lambda item: item["current_period_start"])


def closing_period(subscription: "Subscription") -> Period:
    """The current period up to what is due first: its own end, or that of the subscription.

    Periods are cut where their subscription ends, but it ends then whatever they say.
    """
    current, due = current_period(subscription), renews_at(subscription)
    return _until(current, current.end if due is None else due)


def ends_at(subscription: "Subscription", due: int) -> bool:
    """Whether a subscription ends at an instant or before it."""
    cancel_at = subscription["cancel_at"]
    return cancel_at is not None and cancel_at <= due


def _end_of(subscription: "Subscription") -> int:
    """When a subscription with an end ends."""
    end = subscription["cancel_at"]
    assert end is not None, "asked only of one that is due because it ends"  # noqa: S101
    return end


def coming_span(subscription: "Subscription", item: "SubscriptionItem") -> CyclePeriod | None:
    """The period of an item after its current one, or None if the subscription ends with it."""
    start = item["current_period_end"]
    cancel_at = subscription["cancel_at"]
    if cancel_at is not None and cancel_at <= start:
        return None
    return span_from(subscription, item, start)


def _until(period: Period, end: int) -> Period:
    return Period(min(period.start, end), min(period.end, end))


def _after_period(subscription: "Subscription", due: int) -> "Subscription":
    """The subscription once the periods that end at ``due`` are over."""
    if ends_at(subscription, due):
        return ended_subscription(subscription, due)
    items = []
    for item in items_of(subscription):
        span = coming_span(subscription, item) if item["current_period_end"] == due else None
        items.append(in_period(item, span.period) if span else item)
    active = "active" if subscription["status"] == "trialing" else subscription["status"]
    next_pending = subscription["next_pending_invoice_item_invoice"]
    if next_pending is not None and next_pending <= due:
        next_pending = next_pending_invoice(subscription, due)
    return with_items(subscription, items) | {
        "status": active,
        "next_pending_invoice_item_invoice": next_pending,
    }


def _counting_after(
    uow: UnitOfWork, before: "Subscription", after: "Subscription"
) -> "Subscription":
    """The subscription after a period: after a trial its items begin to count."""
    if before["status"] != "trialing" or is_ended(after):
        return after
    return with_items(
        after,
        [
            begin_counting(uow, item, item["current_period_start"]) if is_metered(item) else item
            for item in items_of(after)
        ],
    )


def _trial_ends(subscription: "Subscription", due: int) -> bool:
    return subscription["status"] == "trialing" and subscription["trial_end"] == due


def fate_of_trial(subscription: "Subscription", due: int) -> "Subscription | None":
    """A subscription whose trial ends, paused or ended; None if it goes on.

    Meterline keeps no payment methods, so a trial that needs one to go on never has it.
    """
    if subscription["collection_method"] == "send_invoice":
        return None
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    items = [without_owed_usage(item) for item in items_of(subscription)]
    subscription = with_items(subscription, items)
    if behavior == "cancel":
        return ended_subscription(subscription, due)
    if behavior == "pause":
        return paused_subscription(subscription, "trial_end_without_payment_method", due)
    return None


def _bill_pending(uow: UnitOfWork, subscription: "Subscription") -> "Subscription":
    due = subscription["next_pending_invoice_item_invoice"]
    assert due is not None, "asked only of one that is due for it"  # noqa: S101
    billed = subscription | {
        "next_pending_invoice_item_invoice": next_pending_invoice(subscription, due)
    }
    if not uow.pending.has(pending_for(subscription)):
        return billed
    terms = InvoiceTerms(
        id=derived_object_id("invoice", subscription["id"], "pending", due),
        created=uow.ctx.now,
        billing_reason="automatic_pending_invoice_item_invoice",
        period=_until(current_period(subscription), due),
        finalizes_at=uow.ctx.now + invoice_grace_seconds(uow.ctx),
    )
    invoice, billed = draft_on(uow, billed, terms, [])
    issue_on(uow, invoice)
    return billed


def end_without_customer(
    ctx: Context, document: "Document[Subscription]"
) -> list["Document[Subscription]"]:
    """End the subscription of a deleted customer: there is nobody to bill."""
    ended = subscription_document(ended_subscription(document.body, ctx.now), document)
    ctx.save(Change(puts=[ended]), [EventDraft("customer.subscription.deleted", ended.body)])
    return [ended]
