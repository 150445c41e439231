"""Ending schedules: released from their subscription, or canceled with it."""

from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.unset import UNSET
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.schedule_bodies import (
    KIND,
    RUNNING,
    canceled,
    detached,
    released,
    schedule_document,
)
from meterline.services.billing.subscription_bodies import phase_changes_at, subscription_document
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.drafting import issue_on
from meterline.services.subscriptions.cancel import cancel_on
from meterline.services.subscriptions.clearing import stop_invoices
from meterline.services.subscriptions.schedule_steps import check_not_overdue
from meterline.services.subscriptions.update import amend
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription, SubscriptionSchedule
    from meterline.store.base.documents import Document


def release_schedule(ctx: Context, schedule_id: str, params: Body) -> "SubscriptionSchedule":
    """Leave the subscription of a schedule to itself, as it is now.

    An end that the schedule has set is taken back, unless ``preserve_cancel_date``.
    """
    uow, document = load_schedule(ctx, schedule_id)
    check_running(document.body, "release", "")
    left = released(document.body, uow.ctx.now)
    subscription = subscription_of(uow, document.body)
    if subscription is not None:
        before = subscription.body
        changed = before
        if before["cancel_at"] is not None and not params.get("preserve_cancel_date"):
            changed = amend(uow, before, {"cancel_at": UNSET}).subscription
        changed = detached(changed)
        uow.put(subscription_document(changed, subscription))
        uow.emit("customer.subscription.updated", changed, before)
    uow.put(schedule_document(left, document))
    uow.emit(f"{KIND}.released", left)
    uow.save(result_id=schedule_id)
    return left


def cancel_schedule(ctx: Context, schedule_id: str, params: Body) -> "SubscriptionSchedule":
    """Cancel a schedule, and its subscription if it has begun one.

    Unless told otherwise, unused time is credited and what is left is billed at once.
    """
    uow, document = load_schedule(ctx, schedule_id)
    texts = "`not_started, active` status"
    check_running(document.body, "cancel", f" It must be in {texts} to be canceled.")
    gone = canceled(document.body, uow.ctx.now)
    uow.put(schedule_document(gone, document))
    subscription = subscription_of(uow, document.body)
    if subscription is not None:
        _cancel(uow, subscription, {"prorate": True, "invoice_now": True} | params)
    uow.emit(f"{KIND}.canceled", gone)
    uow.save(result_id=schedule_id)
    return gone


def load_schedule(
    ctx: Context, schedule_id: str
) -> "tuple[UnitOfWork, Document[SubscriptionSchedule]]":
    """A schedule, and a unit of work on its customer at the customer's time."""
    document = find(ctx, "subscription_schedule", schedule_id, status=404)
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    return open_unit_of_work(on_customers_time(ctx, customer), customer), document


def subscription_of(
    uow: UnitOfWork, schedule: "SubscriptionSchedule"
) -> "Document[Subscription] | None":
    """The subscription that a schedule manages, with nothing overdue; None before it begins."""
    if schedule["subscription"] is None:
        return None
    document = find(uow.ctx, "subscription", schedule["subscription"])
    check_not_overdue(document.body, phase_changes_at(document.body), uow.ctx.now)
    return document


def _cancel(uow: UnitOfWork, document: "Document[Subscription]", params: Body) -> None:
    """End a subscription as its own cancellation does."""
    before = document.body
    ended, invoice = cancel_on(uow, before, params)
    ended = stop_invoices(uow, ended, before["latest_invoice"])
    if invoice is not None:
        issue_on(uow, invoice)
    uow.put(subscription_document(ended, document))
    uow.emit("customer.subscription.deleted", ended)


def check_running(schedule: "SubscriptionSchedule", verb: str, more: str) -> None:
    """Refuse a verb on a schedule that is over; ``more`` says what else there is to say."""
    if schedule["status"] not in RUNNING:
        raise BillingError(
            f"You cannot {verb} a subscription schedule that is currently in the"
            f" `{schedule['status']}` status.{more}",
        )
