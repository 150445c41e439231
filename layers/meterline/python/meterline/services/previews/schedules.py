"""The next invoice of a schedule: as it is, as an update would have it, or of a new one."""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.schedule_bodies import RUNNING, attached, in_phase
from meterline.services.billing.subscription_bodies import renews
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.previews.renewals import is_recurring, next_renewal
from meterline.services.schedules.begin import decide_start
from meterline.services.schedules.create import plan_schedule
from meterline.services.schedules.phase_requests import refusals_of
from meterline.services.schedules.update import replan_schedule, revise_schedule
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Invoice, SubscriptionSchedule


def schedule_subject(
    ctx: Context, params: Body
) -> "tuple[Context, Document[Customer], SubscriptionSchedule | None]":
    """The customer, and the schedule that is named, if one is."""
    if "schedule" in params:
        schedule = find(ctx, "subscription_schedule", params["schedule"], param="schedule").body
        if params.get("customer", schedule["customer"]) != schedule["customer"]:
            raise BillingError(
                f"The schedule {schedule['id']} does not belong to customer {params['customer']}.",
                param="schedule",
            )
        return ctx, find(ctx, "customer", schedule["customer"], param="customer"), schedule
    if "customer" not in params:
        raise BillingError(
            "Name the schedule, or the customer who is to have one.",
            code="parameter_missing",
            param="customer",
        )
    return ctx, find(ctx, "customer", params["customer"], param="customer"), None


def scheduled_invoice(
    uow: UnitOfWork, schedule: "SubscriptionSchedule | None", params: Body
) -> "Invoice | None":
    """The first invoice that a schedule makes, after the change that the request supposes."""
    details = params.get("schedule_details", {})
    if schedule is not None:
        _check_mode(schedule, details)
    if schedule is not None and schedule["status"] not in RUNNING:
        return None
    if schedule is not None and schedule["status"] == "active":
        return _of_active(uow, schedule, details, params)
    with refusals_of("schedule_details"):
        if schedule is None:
            first = (details.get("phases") or [{}])[0]
            start = {"start_date": first.get("start_date", "now")}
            planned = plan_schedule(uow, {"customer": uow.customer["id"], **start, **details})
        else:
            planned = replan_schedule(uow, schedule, details)
    begun = in_phase(planned, planned["phases"], 0)
    starts = max(planned["phases"][0]["start_date"], uow.ctx.now)
    later = replace(uow, ctx=uow.ctx.at(starts))
    created = decide_start(later, begun)
    if created.invoice is not None and not is_recurring(params):
        return created.invoice
    subscription = attached(created.subscription, begun, starts)
    return next_renewal(later, subscription, params, begun)


def _check_mode(schedule: "SubscriptionSchedule", details: Body) -> None:
    """Refuse another billing mode than that of the schedule, which no update changes."""
    mode = details.get("billing_mode", schedule["billing_mode"])["type"]
    if mode != schedule["billing_mode"]["type"]:
        raise BillingError(
            f"The billing mode of a schedule cannot be changed: it is {mode} for new ones only.",
            param="schedule_details[billing_mode]",
        )


def _of_active(
    uow: UnitOfWork, schedule: "SubscriptionSchedule", details: Body, params: Body
) -> "Invoice | None":
    subscription = find(uow.ctx, "subscription", str(schedule["subscription"])).body
    if details:
        with refusals_of("schedule_details"):
            revised = revise_schedule(uow, schedule, subscription, details)
        if revised.invoices and not is_recurring(params):
            return revised.invoices[0]
        schedule, subscription = revised.schedule, revised.subscription
    return next_renewal(uow, subscription, params, schedule) if renews(subscription) else None
