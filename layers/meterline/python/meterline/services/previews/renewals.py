"""The invoice at the end of a subscription's running period, or of the phase before it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.kinds.invoices import PREVIEW_PREFIX
from meterline.services.base.ids import new_id
from meterline.services.billing.invoice_bodies import InvoiceTerms
from meterline.services.billing.item_batches import ItemBatches
from meterline.services.billing.pending_items import PendingItems
from meterline.services.billing.subscription_bodies import phase_changes_at, renews
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.subscriptions.renewals import closing_period, draft_renewal
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, Subscription, SubscriptionSchedule
    from meterline.services.subscriptions.update import Amended


def is_recurring(params: Body) -> bool:
    """Whether the request asks only for what recurs: no prorations, no one-time charges."""
    return bool(params.get("preview_mode") == "recurring")


def at_renewal(uow: UnitOfWork, subscription: "Subscription") -> UnitOfWork:
    """The unit of work at the end of the subscription's running period."""
    return replace(uow, ctx=uow.ctx.at(closing_period(subscription).end))


def renewal_preview(uow: UnitOfWork, subscription: "Subscription") -> "Invoice | None":
    """The invoice at the end of the subscription's running period, which ``uow`` is at."""
    ended = closing_period(subscription)
    terms = InvoiceTerms(
        id=new_id(PREVIEW_PREFIX),
        created=ended.end,
        billing_reason="upcoming",
        period=ended,
        finalizes_at=None,
    )
    invoice, _ = draft_renewal(uow, subscription, terms)
    return invoice


def next_renewal(
    uow: UnitOfWork,
    subscription: "Subscription",
    params: Body,
    schedule: "SubscriptionSchedule | None" = None,
) -> "Invoice | None":
    """The invoice at the end of the subscription's running period.

    Phases of its ``schedule``, by default the one that is stored, change it at their instants; the
    invoice that such a change makes comes first.
    """
    for step in _phases(uow, subscription, schedule):
        if step.invoice is not None and not is_recurring(params):
            return step.invoice
        uow, subscription = step.uow, step.subscription
    return _renewal(uow, subscription, params) if renews(subscription) else None


@frozen
class Coming:
    """An invoice to come, and the decision that makes it."""

    uow: UnitOfWork
    invoice: "Invoice"


def invoices_of_period(uow: UnitOfWork, subscription: "Subscription") -> Iterator[Coming]:
    """The invoices that bill a subscription's running period, in their order: those of phases that
    are entered in it, and the renewal. A phase that restarts the cycle ends the period.

    What a caller takes from the customer of one of the decisions, the later ones do not have.
    """
    for step in _phases(uow, subscription, None):
        restarts = step.subscription["billing_cycle_anchor"] != subscription["billing_cycle_anchor"]
        uow, subscription = step.uow, step.subscription
        if step.invoice is not None:
            yield Coming(uow, step.invoice)
            if restarts:
                return
    later = at_renewal(uow, subscription) if renews(subscription) else None
    renewal = renewal_preview(later, subscription) if later is not None else None
    if later is not None and renewal is not None:
        yield Coming(later, renewal)


@frozen
class _Entered:
    """A subscription that has entered a phase, and what that bills at once."""

    uow: UnitOfWork
    subscription: "Subscription"
    invoice: "Invoice | None"


def _phases(
    uow: UnitOfWork, subscription: "Subscription", schedule: "SubscriptionSchedule | None"
) -> Iterator[_Entered]:
    """The phases that a subscription enters up to its next renewal; one that it cannot enter any
    more aborts its schedule.
    """
    schedule = schedule or _schedule_of(uow, subscription)
    while schedule is not None and schedule["status"] == "active" and renews(subscription):
        due, end = phase_changes_at(subscription), closing_period(subscription).end
        if due is None or due > end:
            break
        uow = replace(uow, ctx=uow.ctx.at(due), is_scheduled=True)
        if not _can_enter(uow, subscription, schedule):
            return
        amended, schedule = _next_phase(uow, subscription, schedule)
        subscription = amended.subscription
        yield _Entered(uow, subscription, amended.invoice)


def _can_enter(
    uow: UnitOfWork, subscription: "Subscription", schedule: "SubscriptionSchedule"
) -> bool:
    try:
        _next_phase(uow.attempt(uow.ctx), subscription, schedule)
    except BillingError:
        return False
    return True


def _next_phase(
    uow: UnitOfWork, subscription: "Subscription", schedule: "SubscriptionSchedule"
) -> "tuple[Amended, SubscriptionSchedule]":
    from meterline.services.schedules.phase_changes import (  # noqa: PLC0415 - few subscriptions have schedules
        next_phase,
    )

    return next_phase(uow, subscription, schedule)


def _schedule_of(uow: UnitOfWork, subscription: "Subscription") -> "SubscriptionSchedule | None":
    schedule_id = subscription["schedule"]
    if not schedule_id:
        return None
    stored: Document[SubscriptionSchedule] | None = uow.read([schedule_id]).get(schedule_id)
    return None if stored is None else stored.body


def _renewal(uow: UnitOfWork, subscription: "Subscription", params: Body) -> "Invoice | None":
    later = at_renewal(uow, subscription)
    if is_recurring(params):
        later.pending = PendingItems(ItemBatches(later.ctx, uow.stored_customer.id, []))
    return renewal_preview(later, subscription)
