"""Creating schedules: for a customer, or from a subscription that runs."""

from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.schedule_bodies import (
    KIND,
    attached,
    in_phase,
    schedule_document,
)
from meterline.services.billing.subscription_bodies import (
    is_ended,
    renews_at,
    subscription_document,
)
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.schedules.begin import begin_on
from meterline.services.schedules.new_schedules import billing_mode, new_schedule
from meterline.services.schedules.phase_requests import (
    Cycle,
    Named,
    check_first_end,
    check_settings,
    requested_phases,
    try_phases,
)
from meterline.services.subscriptions.create import usual_billing_mode
from meterline.services.subscriptions.schedule_steps import (
    check_not_overdue,
    phase_of,
    settings_of,
)
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription, SubscriptionSchedule

_ONLY_BESIDE = {"from_subscription", "metadata"}


def create_schedule(ctx: Context, params: Body) -> "SubscriptionSchedule":
    """Create a schedule; one that starts now or in the past begins its subscription at once.

    The first invoice stays a draft as that of a renewal does (contract section F).
    """
    if "from_subscription" in params:
        return _create_from_subscription(ctx, params)
    customer = find(ctx, "customer", _required(params, "customer"), param="customer", status=404)
    uow = open_unit_of_work(on_customers_time(ctx, customer), customer)
    schedule = plan_schedule(uow, params)
    if schedule["phases"][0]["start_date"] <= uow.ctx.now:
        schedule = begin_on(uow, schedule).schedule
    uow.put(schedule_document(schedule))
    uow.emit_first(f"{KIND}.created", schedule)
    uow.save(result_id=schedule["id"])
    return schedule


def plan_schedule(uow: UnitOfWork, params: Body) -> "SubscriptionSchedule":
    """A schedule as a request describes it, which has not begun yet."""
    now = uow.ctx.now
    requested = params.get("start_date", "now")
    start = now if requested == "now" else int(requested)
    mode = (params.get("billing_mode") or {}).get("type", usual_billing_mode(uow.ctx))
    check_settings(uow, params)
    schedule = new_schedule(uow.customer, billing_mode(mode, now), params, now)
    cycle = Cycle(start, anchor=start)
    phases = requested_phases(uow, schedule, Named(_required(params, "phases")), cycle)
    check_first_end(phases, now)
    try_phases(uow, schedule, phases)
    planned: SubscriptionSchedule = schedule | {"phases": phases}
    return planned


def _required(params: Body, name: str) -> Any:  # noqa: ANN401 - of any kind
    if name not in params:
        raise BillingError(
            f"Missing required param: {name}. A schedule needs a customer and phases, or"
            " from_subscription.",
            code="parameter_missing",
            param=name,
        )
    return params[name]


def _create_from_subscription(ctx: Context, params: Body) -> "SubscriptionSchedule":
    """A schedule of one phase, the running period of a subscription, which it then manages."""
    for name in params:
        if name not in _ONLY_BESIDE:
            raise BillingError(
                f"You cannot set {name} with from_subscription: update the schedule afterwards.",
                param=name,
            )
    document = find(ctx, "subscription", params["from_subscription"], param="from_subscription")
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    uow = open_unit_of_work(on_customers_time(ctx, customer), customer)
    _check_schedulable(document.body, uow.ctx.now)
    schedule = _schedule_of(uow, document.body, params)
    subscription = attached(document.body, schedule, uow.ctx.now)
    uow.put(schedule_document(schedule))
    uow.put(subscription_document(subscription, document))
    uow.emit(f"{KIND}.created", schedule)
    uow.emit("customer.subscription.updated", subscription, document.body)
    uow.save(result_id=schedule["id"])
    return schedule


def _check_schedulable(subscription: "Subscription", now: int) -> None:
    if is_ended(subscription):
        raise BillingError(
            "A canceled subscription cannot be scheduled.", param="from_subscription"
        )
    if subscription["schedule"]:
        raise BillingError(
            "You cannot migrate a subscription that is already attached to a schedule:"
            f" `{subscription['schedule']}`.",
            param="from_subscription",
        )
    if subscription["status"] in ("paused", "incomplete"):
        raise BillingError(
            f"A subscription that is {subscription['status']} has no running period to schedule.",
            param="from_subscription",
        )
    check_not_overdue(subscription, renews_at(subscription), now)


def _schedule_of(
    uow: UnitOfWork, subscription: "Subscription", params: Body
) -> "SubscriptionSchedule":
    """A schedule whose only phase is the running period; an end of the subscription is its own."""
    ends = {"end_behavior": "cancel" if subscription["cancel_at"] else "release"}
    mode = subscription["billing_mode"]["type"]
    now = uow.ctx.now
    schedule = new_schedule(uow.customer, billing_mode(mode, now), params | ends, now)
    end = subscription["cancel_at"] or renews_at(subscription)
    assert end is not None, "one that runs renews"  # noqa: S101
    start = max(item["current_period_start"] for item in subscription["items"]["data"])
    phase = phase_of(subscription, start, end)
    tax: Any = subscription["automatic_tax"]
    own: Any = settings_of(subscription) | {"automatic_tax": tax}
    settings = schedule["default_settings"] | own
    schedule |= {"default_settings": settings, "subscription": subscription["id"]}
    return in_phase(schedule, [phase], 0)
