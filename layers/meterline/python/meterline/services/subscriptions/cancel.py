"""Ending subscriptions: now, with the period, or at an instant (contract section 5.8)."""

from typing import TYPE_CHECKING, Any, Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Period
from meterline.core.base.unset import UNSET, or_none
from meterline.core.subscriptions.cycle_changes import moves_anchor
from meterline.core.subscriptions.item_changes import BilledSpan, Fee, credit_billed
from meterline.core.subscriptions.usage_changes import split
from meterline.services.account.settings import invoice_grace_seconds
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.invoice_bodies import (
    InvoiceTerms,
    advance,
)
from meterline.services.billing.item_terms import (
    billed_spans,
    current_period,
    is_free_time,
    is_metered,
    mode_of,
    span_from,
    unbilled_usage,
    with_billed,
)
from meterline.services.billing.subscription_bodies import (
    ended_subscription,
    is_ended,
    items_of,
    phase_changes_at,
    subscription_document,
    with_items,
)
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.drafting import draft_on, issue_on, pending_for
from meterline.services.invoices.fees import fees_last_billed, fees_of, with_active_used
from meterline.services.subscriptions.clearing import drop_prorations, stop_invoices
from meterline.services.subscriptions.ends import ending_in_trial, period_end
from meterline.services.subscriptions.handover import end_of_counting, keep_billed_second
from meterline.services.subscriptions.prorations import (
    Proration,
    add_line,
    bill_usage,
    credit_unused,
    proration_of,
)
from meterline.services.subscriptions.reading_ahead import needed_for_end
from meterline.services.subscriptions.schedule_steps import check_not_overdue
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        Subscription,
        SubscriptionCancellationDetails,
        SubscriptionItem,
    )

_MOST_SPANS = 40
"""What was billed in advance of an item's period piece by piece: a later change credits each."""


def cancel_subscription(ctx: Context, subscription_id: str, params: Body) -> "Subscription":
    """End a subscription now.

    ``prorate`` credits unused time and bills usage by pending items; ``invoice_now`` bills these,
    the usage and everything pending on a final invoice. Without either, usage is not billed and
    pending prorations are dropped. Invoices that are still open stop advancing by themselves, those
    of a customer with very many invoices in the background.
    """
    document = find(ctx, "subscription", subscription_id)
    ctx = ctx.reading_ahead(needed_for_end(document.body, invoices=bool(params.get("invoice_now"))))
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    ctx = on_customers_time(ctx, customer)
    if is_ended(document.body):
        raise BillingError(
            f"No such subscription: '{subscription_id}'",
            code="resource_missing",
            param="id",
            status=404,
        )
    check_not_overdue(document.body, phase_changes_at(document.body), ctx.now)
    uow = open_unit_of_work(ctx, customer)
    canceled, invoice = cancel_on(uow, document.body, params)
    canceled = stop_invoices(uow, canceled, document.body["latest_invoice"])
    if invoice is not None:
        issue_on(uow, invoice)
    uow.put(subscription_document(canceled, document))
    uow.emit("customer.subscription.deleted", canceled)
    uow.save(result_id=subscription_id)
    return canceled


def cancel_on(
    uow: UnitOfWork,
    subscription: "Subscription",
    params: Body,
    *,
    reason: Literal["cancellation_requested", "payment_failed"] = "cancellation_requested",
) -> tuple["Subscription", "Invoice | None"]:
    """Decide on ending a subscription now: how it is then, and its final invoice if there is one.

    The invoice stays a draft for an hour, as that of a renewal does. A total below zero is booked
    to the customer's balance once the invoice is final. A planned end is not ahead any more.

    Cancellations and their previews are both decided here.
    """
    now = uow.ctx.now
    prorates, invoices = bool(params.get("prorate")), bool(params.get("invoice_now"))
    if prorates:
        credit_unused(uow, subscription, Proration(now, prorates=True, ends=True))
    if prorates or invoices:
        bill_final_usage(uow, subscription)
    else:
        keep_billed_second(uow, items_of(subscription))
        subscription = drop_prorations(uow, subscription)
    asked_at = now if subscription["canceled_at"] is None else subscription["canceled_at"]
    ending = subscription | {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": asked_at,
        "cancellation_details": cancellation_details(subscription, params) | {"reason": reason},
    }
    canceled = ended_subscription(ending, now)
    if not invoices or not uow.pending.has(pending_for(subscription)):
        return canceled, None
    grace_seconds = invoice_grace_seconds(uow.ctx)
    terms = InvoiceTerms(
        id=derived_object_id("invoice", subscription["id"], "cancel", now),
        created=now,
        billing_reason="subscription_cycle",
        period=Period(min(current_period(subscription).start, now), now),
        finalizes_at=now + grace_seconds,
    )
    invoice, canceled = draft_on(uow, canceled, terms, [])
    if invoice["auto_advance"]:
        invoice = invoice | advance(invoice, grace_seconds)
    return canceled, invoice


def change_end(
    uow: UnitOfWork, subscription: "Subscription", params: Body, *, prorates: bool
) -> "Subscription":
    """The subscription with the end that ``cancel_at`` or ``cancel_at_period_end`` asks for."""
    if "cancel_at_period_end" in params:
        if not params["cancel_at_period_end"]:
            return _without_end(uow, subscription, prorates=prorates)
        end = period_end(subscription, uow.ctx.now)
        return _ending(uow, subscription) | {"cancel_at": end, "cancel_at_period_end": True}
    if "cancel_at" not in params:
        return subscription
    if params["cancel_at"] is UNSET:
        return _without_end(uow, subscription, prorates=prorates)
    end = _end_at(subscription, params["cancel_at"])
    if end <= uow.ctx.now:
        raise BillingError("cancel_at must be in the future.", param="cancel_at")
    ending = ending_in_trial(
        _ending(uow, subscription) | {"cancel_at": end, "cancel_at_period_end": False}
    )
    resized = _resized(uow, ending, end, prorates=prorates)
    if subscription["status"] == "trialing":
        return resized
    natural = min(_natural_end(subscription, item) for item in items_of(subscription))
    moves = moves_anchor(mode_of(subscription), end, natural)
    return resized | {"billing_cycle_anchor": end} if moves else resized


def cancellation_details(
    subscription: "Subscription", params: Body
) -> "SubscriptionCancellationDetails":
    """The details with those that a request gives; their reason stays."""
    requested: Body = params.get("cancellation_details") or {}
    changes: Any = {name: or_none(value) for name, value in requested.items()}
    details: SubscriptionCancellationDetails = subscription["cancellation_details"] | changes
    return details


def _without_end(
    uow: UnitOfWork, subscription: "Subscription", *, prorates: bool
) -> "Subscription":
    """The subscription that goes on: its end undone, its periods as long as they were."""
    if subscription["cancel_at"] is None:
        return subscription
    endless = subscription | {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": subscription["cancellation_details"] | {"reason": None},
    }
    return _resized(uow, endless, None, prorates=prorates)


def _ending(uow: UnitOfWork, subscription: "Subscription") -> "Subscription":
    details = subscription["cancellation_details"]
    return subscription | {
        "canceled_at": uow.ctx.now,
        "cancellation_details": details | {"reason": "cancellation_requested"},
    }


def _end_at(subscription: "Subscription", requested: int | str) -> int:
    """The instant of an end that is requested as such, or by a word that its items resolve."""
    if isinstance(requested, int):
        return requested
    items = items_of(subscription)
    ends = [item["current_period_end"] for item in items]
    if requested == "max_billed_until":
        billed = [span.period.end for item in items for span in billed_spans(item)]
        return max(billed, default=max(ends))
    return min(ends) if requested == "min_period_end" else max(ends)


def _resized(
    uow: UnitOfWork, subscription: "Subscription", end: int | None, *, prorates: bool
) -> "Subscription":
    """The subscription whose running periods end at ``end`` if they would run longer.

    Credits time that is cut off, and charges time that is won back.
    """
    if subscription["status"] == "trialing":
        return with_items(
            subscription, [_trial_until(item, subscription, end) for item in items_of(subscription)]
        )
    fees, paid = fees_of(uow, subscription), fees_last_billed(uow, subscription)
    items = []
    for item in items_of(subscription):
        natural = Period(item["current_period_start"], _natural_end(subscription, item))
        until = natural.until(end).end
        counting = paid if until < item["current_period_end"] else fees
        fee = None if is_metered(item) or not prorates else counting[item["id"]]
        items.append(_moved(uow, subscription, item, until, fee))
    return with_items(subscription, items)


def _natural_end(subscription: "Subscription", item: "SubscriptionItem") -> int:
    """Where the running period of an item would end in an endless subscription."""
    endless = subscription | {"cancel_at": None}
    return span_from(endless, item, item["current_period_start"]).period.end


def _trial_until(
    item: "SubscriptionItem", subscription: "Subscription", end: int | None
) -> "SubscriptionItem":
    natural = subscription["trial_end"]
    assert natural is not None, "a trial has an end"  # noqa: S101
    return item | {"current_period_end": natural if end is None else min(natural, end)}


def _moved(
    uow: UnitOfWork,
    subscription: "Subscription",
    item: "SubscriptionItem",
    until: int,
    fee: Fee | None,
) -> "SubscriptionItem":
    """An item whose running period ends at ``until``, credited or charged for the difference."""
    former = item["current_period_end"]
    moved = item | {"current_period_end": until}
    if fee is None or until == former:
        return moved
    if until > former:
        change = proration_of(subscription, moved, former, new=fee)
        charged = [
            add_line(uow, subscription, item, line, is_credit=False) for line in change.debits
        ]
        spans = (*billed_spans(item), *charged)
        if len(spans) > _MOST_SPANS:
            raise BillingError(
                f"The end was moved later {_MOST_SPANS} times within this period. Move it with"
                " proration_behavior=none, or wait for the next period.",
                param="cancel_at",
            )
        return with_billed(with_active_used(uow, subscription, moved), spans)
    change = proration_of(subscription, item, until, old=fee)
    for line in change.credits:
        add_line(uow, subscription, item, line, is_credit=True)
    remaining = (_remaining(span, until) for span in billed_spans(item))
    return with_billed(moved, [span for span in remaining if span is not None])


def _remaining(span: BilledSpan, until: int) -> BilledSpan | None:
    """What stays billed of a span whose time from ``until`` on was credited; None if nothing."""
    period, _ = split(span.period, until)
    credits_ = credit_billed([span], until)
    if period is None or not credits_:
        return span if period is not None else None
    gross = span.fee.gross_minor + credits_[0].gross_minor
    net = span.fee.net_minor + credits_[0].amount_minor
    return BilledSpan(Fee(gross, gross - net), period, span.source)


def bill_final_usage(uow: UnitOfWork, subscription: "Subscription") -> None:
    """Bill what metered items used up to now, the present second included: no later bill does.

    The usage of a trial or a pause is free.
    """
    cuts = []
    for item in items_of(subscription):
        unbilled = unbilled_usage(subscription, item)
        if unbilled is None:
            continue
        end = unbilled.end
        if not is_free_time(subscription):
            end = end_of_counting(uow, item)
        if unbilled.start < end:
            cuts.append((item, Period(unbilled.start, end)))
    bill_usage(uow, subscription, cuts)
