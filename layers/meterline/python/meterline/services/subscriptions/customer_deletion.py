"""Deleting customers, which cancels their subscriptions."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.services.base.context import Context
from meterline.services.base.limits import without_member
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.base.outbox import EventDraft
from meterline.services.billing.schedule_bodies import KIND as SCHEDULE
from meterline.services.billing.schedule_bodies import canceled, schedule_document
from meterline.services.billing.subscription_bodies import is_ended
from meterline.services.billing.unit_of_work import (
    open_unit_of_work,
    running_subscriptions,
    scheduled_of,
)
from meterline.services.credits.top_ups import canceled_with
from meterline.services.customers.customer_state import remembered_when_deleted
from meterline.services.customers.customers import KIND, clock_customers_set
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.store.base.documents import Body, Change, Conflict, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Deleted


_AT_ONCE = 50
"""Schedules that one commit cancels."""


def delete_customer(ctx: Context, customer_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - route
    """Delete a customer for good, and cancel its subscriptions; the stub says "deleted".

    A deletion that dies half way can be repeated: the customer goes last, on condition that no
    subscription of it was begun meanwhile.
    """
    document = find(ctx, KIND, customer_id)
    ctx = on_customers_time(ctx, document)
    for subscription_id in running_subscriptions(document.body):
        _cancel_if_running(replace(ctx, receipt=None), subscription_id)
    document = find(ctx, KIND, customer_id)
    _cancel_scheduled(replace(ctx, receipt=None), document)
    document = find(ctx, KIND, customer_id)
    if running_subscriptions(document.body) or scheduled_of(document.body):
        raise Conflict(customer_id)
    stub: Deleted = {"id": customer_id, "object": KIND, "deleted": True}
    remembered = {"created": document.created} | remembered_when_deleted(document.body)
    remains: Any = {**stub, **remembered}
    deleted = replace(document, body=remains)
    rules, told = canceled_with(ctx, document.body)
    events = [*told, EventDraft("customer.deleted", document.body)]
    clock_id = document.body["test_clock"]
    members_set = (
        without_member(ctx, clock_customers_set(clock_id), customer_id) if clock_id else []
    )
    ctx.save(Change(puts=[deleted, *members_set, *rules]), events, result_id=customer_id)
    return stub


def _cancel_scheduled(ctx: Context, customer: "Document[Customer]") -> None:
    """Cancel what has not begun, some schedules at a time."""
    scheduled = scheduled_of(customer.body)
    for place in range(0, len(scheduled), _AT_ONCE):
        customer = find(ctx, KIND, customer.id)
        uow = open_unit_of_work(ctx, customer)
        for document in uow.read(scheduled[place : place + _AT_ONCE]).values():
            given_up = canceled(document.body, ctx.now)
            uow.put(schedule_document(given_up, document))
            uow.emit(f"{SCHEDULE}.canceled", given_up)
        uow.save()


def _cancel_if_running(ctx: Context, subscription_id: str) -> None:
    subscription = ctx.store.get(subscription_id)
    if subscription is not None and not is_ended(subscription.body):
        cancel_subscription(ctx, subscription_id, {})
