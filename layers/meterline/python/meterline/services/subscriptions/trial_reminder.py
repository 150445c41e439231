"""The trial reminder: emitted three days before a trial ends."""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.services.billing.private_states import SubscriptionState
from meterline.services.billing.subscription_bodies import subscription_document, trial_notice_at
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.store.base.documents import Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription


def with_trial_reminder(uow: UnitOfWork, subscription: "Subscription") -> "Subscription":
    """A subscription that due work gives a trial: one that ends within days is announced at once,
    by the commit that begins it.
    """
    notice_at = trial_notice_at(subscription)
    if notice_at is None or notice_at > uow.ctx.now:
        return subscription
    state = SubscriptionState.of(subscription)
    told = replace(state, trial_end_told=subscription["trial_end"]).on(subscription)
    uow.emit("customer.subscription.trial_will_end", told)
    return told


def emit_trial_will_end(
    ctx: Context, document: "Document[Subscription]"
) -> list["Document[Subscription]"]:
    """Emit that a trial ends soon, once for each end that it is given (contract section 5.4).

    Does nothing if the event is not due. Returns the documents written, which fall due again later.
    """
    subscription = document.body
    notice_at = trial_notice_at(subscription)
    if notice_at is None or notice_at > ctx.now:
        return []
    state = SubscriptionState.of(subscription)
    body = replace(state, trial_end_told=subscription["trial_end"]).on(subscription)
    reminded = subscription_document(body, document)
    event = EventDraft("customer.subscription.trial_will_end", reminded.body)
    ctx.save(Change(puts=[reminded]), [event])
    return [reminded]
