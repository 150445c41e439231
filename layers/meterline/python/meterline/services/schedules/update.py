"""Updating schedules: their settings, and all phases from the current one on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.unset import merged_metadata
from meterline.services.base.context import Context
from meterline.services.billing.schedule_bodies import (
    KIND,
    agreed_in,
    attached,
    current_place,
    in_phase,
    schedule_document,
)
from meterline.services.billing.subscription_bodies import is_ended, subscription_document
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.invoices.drafting import issue_on
from meterline.services.schedules.begin import begin_on
from meterline.services.schedules.ends import check_running, load_schedule, subscription_of
from meterline.services.schedules.new_schedules import with_default_settings
from meterline.services.schedules.phase_changes import next_phase
from meterline.services.schedules.phase_params import params_of_update
from meterline.services.schedules.phase_requests import (
    Cycle,
    Named,
    check_first_end,
    check_settings,
    refusals_of,
    requested_phases,
    try_phases,
)
from meterline.services.subscriptions.update import Amended, amend
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        Subscription,
        SubscriptionSchedule,
        SubscriptionSchedulePhase,
    )


def update_schedule(ctx: Context, schedule_id: str, params: Body) -> "SubscriptionSchedule":
    """Change a schedule. ``phases`` are all that are current or to come; those before stay.

    What changes of the current phase is changed of the subscription at once, prorated as the
    request's own ``proration_behavior`` says.
    """
    uow, document = load_schedule(ctx, schedule_id)
    before = document.body
    texts = "`not_started, active` status"
    check_running(before, "update", f" It must be in {texts} to be updated.")
    subscription = subscription_of(uow, before)
    if subscription is None:
        changed = replan_schedule(uow, before, params)
        if changed["phases"][0]["start_date"] <= uow.ctx.now:
            changed = begin_on(uow, changed).schedule
    else:
        decided = revise_schedule(uow, before, subscription.body, params)
        changed = decided.schedule
        for invoice in decided.invoices:
            issue_on(uow, invoice)
        uow.put(subscription_document(decided.subscription, subscription))
        kind = "deleted" if is_ended(decided.subscription) else "updated"
        former = subscription.body if kind == "updated" else None
        if decided.subscription != subscription.body:
            uow.emit(f"customer.subscription.{kind}", decided.subscription, former)
    uow.put(schedule_document(changed, document))
    _emit(uow, before, changed)
    uow.save(result_id=schedule_id)
    return changed


class Revised:
    """An active schedule after an update: its subscription, and the invoices made at once."""

    def __init__(self, schedule: "SubscriptionSchedule", amended: Amended) -> None:
        self.schedule = schedule
        self.subscription: Subscription = amended.subscription
        self.invoices: list[Invoice] = [amended.invoice] if amended.invoice is not None else []

    def go_on(self, uow: UnitOfWork) -> None:
        """Enter the phases that begin by now."""
        while self._is_over(uow.ctx.now):
            amended, self.schedule = next_phase(uow, self.subscription, self.schedule)
            self.subscription = amended.subscription
            self.invoices += [amended.invoice] if amended.invoice is not None else []

    def _is_over(self, now: int) -> bool:
        current = self.schedule["current_phase"]
        return (
            current is not None and current["end_date"] <= now and not is_ended(self.subscription)
        )


def replan_schedule(
    uow: UnitOfWork, schedule: "SubscriptionSchedule", params: Body
) -> "SubscriptionSchedule":
    """Decide on an update of a schedule that has not begun."""
    uow.agreed = agreed_in(schedule)
    check_settings(uow, params, schedule)
    changed = _with_settings(schedule, params)
    if "phases" in params:
        requests = params["phases"]
        former = schedule["phases"][0]["start_date"]
        start = _instant(requests[0].get("start_date", former), uow.ctx.now)
        cycle = Cycle(start, anchor=start)
        phases = requested_phases(uow, changed, Named(requests), cycle)
        check_first_end(phases, uow.ctx.now)
        changed |= {"phases": phases}
    try_phases(uow, changed, changed["phases"])
    return changed


def revise_schedule(
    uow: UnitOfWork, schedule: "SubscriptionSchedule", subscription: "Subscription", params: Body
) -> Revised:
    """Decide on an update of an active schedule; updates and their previews both do it here."""
    uow.agreed = agreed_in(schedule)
    former = schedule["phases"][current_place(schedule)], schedule["default_settings"]
    check_settings(uow, params, schedule)
    changed, index = _with_settings(schedule, params), 0
    if "phases" in params:
        past = schedule["phases"][: current_place(schedule)]
        index = _place_of_current(params["phases"], past)
        named = Named(_after_past(params["phases"], index), index)
        changed = _rephased(uow, changed, subscription, named)
    behavior = params.get("proration_behavior", "create_prorations")
    change = params_of_update(uow, subscription, changed, former)
    with refusals_of(f"phases[{index}]"):
        amended = amend(uow, subscription, change | {"proration_behavior": behavior})
        managed = attached(amended.subscription, changed, uow.ctx.now)
        revised = Revised(changed, replace(amended, subscription=managed))
        revised.go_on(uow)
    return revised


def _rephased(
    uow: UnitOfWork,
    schedule: "SubscriptionSchedule",
    subscription: "Subscription",
    named: Named,
) -> "SubscriptionSchedule":
    """An active schedule with other phases from the current one on.

    The first of them is the current one, or begins now in its place: that then ends.
    """
    now, place = uow.ctx.now, current_place(schedule)
    current, past = schedule["phases"][place], schedule["phases"][:place]
    start = _start_of(named, now)
    cuts = start == now and current["start_date"] < now
    if start != current["start_date"] and not cuts:
        raise BillingError(
            "The first phase must be the current one, with the start_date"
            f" {current['start_date']}, or begin `now` in its place.",
            param=f"phases[{named.place}][start_date]",
        )
    anchor, currency = subscription["billing_cycle_anchor"], subscription["currency"]
    cycle = Cycle(start, anchor, currency)
    phases = requested_phases(uow, schedule, named, cycle)
    if phases[0]["end_date"] < now:
        raise BillingError(
            "The current phase cannot have ended before now: end it with end_date=now.",
            param=f"phases[{named.place}][end_date]",
        )
    try_phases(uow, schedule, phases, place=named.place)
    ended = [current | {"end_date": now}] if cuts else []
    return in_phase(schedule, [*past, *ended, *phases], place)


def _with_settings(schedule: "SubscriptionSchedule", params: Body) -> "SubscriptionSchedule":
    changed: SubscriptionSchedule = schedule | {
        "default_settings": with_default_settings(schedule["default_settings"], params),
        "end_behavior": params.get("end_behavior", schedule["end_behavior"]),
        "metadata": merged_metadata(schedule["metadata"], params.get("metadata")),
    }
    return changed


def _place_of_current(requests: Sequence[Body], past: "Sequence[SubscriptionSchedulePhase]") -> int:
    """The place of the current phase among those of a request.

    Phases that are over can be left out; they stay as they were.
    """
    over = {phase["start_date"] for phase in past}
    for index, request in enumerate(requests):
        if request.get("start_date") not in over:
            return index
    raise BillingError("Pass the current phase, and all phases that come after it.", param="phases")


def _after_past(requests: Sequence[Body], index: int) -> list[Body]:
    """The phases of a request from the current one on; it begins where one that is passed before
    it is said to have ended.
    """
    current = requests[index]
    if index and "start_date" not in current and "end_date" in requests[index - 1]:
        current = {**current, "start_date": requests[index - 1]["end_date"]}
    return [current, *requests[index + 1 :]]


def _start_of(named: Named, now: int) -> int:
    """Where the first of some phases begins: the current phase is known by it."""
    param = f"phases[{named.place}][start_date]"
    if "start_date" not in named.requests[0]:
        raise BillingError(
            f"Missing required param: {param}. The current phase is known by it.",
            code="parameter_missing",
            param=param,
        )
    return _instant(named.requests[0]["start_date"], now)


def _instant(requested: int | str, now: int) -> int:
    return now if requested == "now" else int(requested)


def _emit(uow: UnitOfWork, before: "SubscriptionSchedule", after: "SubscriptionSchedule") -> None:
    """Emit what became of a schedule that was updated."""
    if after["status"] == "released":
        uow.emit(f"{KIND}.released", after)
    else:
        uow.emit(f"{KIND}.updated", after, before)
