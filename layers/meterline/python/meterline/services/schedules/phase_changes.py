"""What is due for a schedule: beginning it, entering its next phase, ending it, announcing that.

Each is decided as of its own instant, however late it is done, and committed once: the commit
depends on the schedule and its subscription being as they were read.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.observability import log_failure
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.services.billing.private_states import SubscriptionState
from meterline.services.billing.schedule_bodies import (
    KIND,
    agreed_in,
    attached,
    canceled,
    current_place,
    detached,
    end_set_by,
    expires_at,
    in_phase,
    released,
    schedule_document,
    starts_at,
)
from meterline.services.billing.subscription_bodies import (
    is_ended,
    phase_changes_at,
    subscription_document,
)
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.drafting import issue_on
from meterline.services.schedules.begin import begin_on
from meterline.services.schedules.phase_params import params_of_entry
from meterline.services.subscriptions.renewals import end_without_customer
from meterline.services.subscriptions.trial_reminder import with_trial_reminder
from meterline.services.subscriptions.update import Amended, amend
from meterline.store.base.documents import Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Subscription, SubscriptionSchedule


@frozen
class _Attached:
    """A subscription with the schedule that manages it, and their customer."""

    subscription: "Document[Subscription]"
    schedule: "Document[SubscriptionSchedule]"
    customer: "Document[Customer]"


def begin_schedule(ctx: Context, document: "Document[SubscriptionSchedule]") -> list[Document]:
    """Begin a schedule whose start has come.

    One that cannot begin any more, without its customer or its prices, is aborted.
    """
    start = starts_at(document.body)
    customer: Document[Customer] | None = ctx.store.get(document.body["customer"])
    assert start is not None, "asked only of one that is due to begin"  # noqa: S101
    if customer is None or customer.body.get("deleted"):
        gone = schedule_document(canceled(document.body, ctx.now), document)
        ctx.save(Change(puts=[gone]), [EventDraft(f"{KIND}.canceled", gone.body)])
        return [gone]
    uow = open_unit_of_work(ctx.at(start), customer)
    try:
        schedule = begin_on(uow, document.body).schedule
        uow.put(schedule_document(schedule, document))
        uow.emit(f"{KIND}.updated", schedule, document.body)
        return _save(uow, ctx)
    except BillingError as refusal:
        log_failure("schedule could not begin", refusal, schedule=document.id)
    uow = open_unit_of_work(ctx, customer)
    aborted = canceled(document.body, ctx.now)
    uow.put(schedule_document(aborted, document))
    uow.emit(f"{KIND}.aborted", aborted)
    return uow.save()


def change_phase(ctx: Context, document: "Document[Subscription]") -> list[Document]:
    """Enter the next phase of a subscription's schedule, or end the schedule after its last.

    A phase that cannot be entered, as its coupon was deleted for example, aborts the schedule: the
    subscription goes on as it is.
    """
    customer: Document[Customer] | None = ctx.store.get(document.body["customer"])
    schedule_id = document.body["schedule"]
    schedule: Document[SubscriptionSchedule] | None = (
        ctx.store.get(schedule_id) if schedule_id else None
    )
    if customer is None or customer.body.get("deleted") or schedule is None:
        return end_without_customer(ctx, document)
    managed = _Attached(document, schedule, customer)
    try:
        return _change_phase(ctx, managed)
    except BillingError as refusal:
        log_failure("phase could not be entered", refusal, schedule=schedule.id)
    return _abort(ctx, managed)


def announce_end(ctx: Context, document: "Document[Subscription]") -> list[Document]:
    """Emit that a schedule expires soon, once for each end that it is given."""
    state = SubscriptionState.of(document.body)
    assert state.schedule is not None, "asked only of one that has a schedule"  # noqa: S101
    told = replace(state, schedule={**state.schedule, "notice_at": None}).on(document.body)
    announced = subscription_document(told, document)
    schedule = ctx.store.get(str(document.body["schedule"]))
    events = [EventDraft(f"{KIND}.expiring", schedule.body)] if schedule else []
    ctx.save(Change(puts=[announced]), events)
    return [announced]


def next_phase(
    uow: UnitOfWork, subscription: "Subscription", schedule: "SubscriptionSchedule"
) -> "tuple[Amended, SubscriptionSchedule]":
    """Decide on the end of a schedule's current phase, at the present instant.

    The subscription after it, with the invoice that the change makes at once, and the schedule in
    its next phase, or after its last. Changes of phase and their previews are both decided here.
    """
    now, place = uow.ctx.now, current_place(schedule) + 1
    if place == len(schedule["phases"]):
        if end_set_by(schedule) is None:
            return Amended(detached(subscription), None), released(schedule, now)
        ending = subscription | {"cancel_at": expires_at(schedule)}
        return Amended(attached(ending, schedule, now), None), schedule
    uow.agreed = agreed_in(schedule)
    entered = in_phase(schedule, schedule["phases"], place)
    params = params_of_entry(uow, subscription, entered, schedule["phases"][place])
    amended = amend(uow, subscription, params)
    return replace(amended, subscription=attached(amended.subscription, entered, now)), entered


def _change_phase(ctx: Context, managed: _Attached) -> list[Document]:
    before = managed.subscription.body
    at = phase_changes_at(before)
    assert at is not None, "asked only of one whose phase is over"  # noqa: S101
    uow = open_unit_of_work(ctx.at(at), managed.customer)
    uow.is_scheduled = True
    amended, schedule = next_phase(uow, before, managed.schedule.body)
    if amended.invoice is not None:
        issue_on(uow, amended.invoice)
    changed = with_trial_reminder(uow, amended.subscription)
    uow.put_first(subscription_document(changed, managed.subscription))
    if is_ended(changed):
        uow.emit("customer.subscription.deleted", changed)
    else:
        uow.emit("customer.subscription.updated", changed, before)
    uow.put(schedule_document(schedule, managed.schedule))
    if schedule != managed.schedule.body:
        kind = "released" if schedule["status"] == "released" else "updated"
        uow.emit(f"{KIND}.{kind}", schedule, managed.schedule.body if kind == "updated" else None)
    return _save(uow, ctx)


def _abort(ctx: Context, managed: _Attached) -> list[Document]:
    uow = open_unit_of_work(ctx, managed.customer)
    left = detached(managed.subscription.body)
    aborted = canceled(managed.schedule.body, ctx.now)
    uow.put_first(subscription_document(left, managed.subscription))
    uow.put(schedule_document(aborted, managed.schedule))
    uow.emit("customer.subscription.updated", left, managed.subscription.body)
    uow.emit(f"{KIND}.aborted", aborted)
    return uow.save()


def _save(uow: UnitOfWork, ctx: Context) -> list[Document]:
    """Commit what was decided as of an instant; its events tell of it at the present one."""
    uow.ctx = ctx
    return uow.save()
