"""The phases that a request asks for: their prices, their ends, and whether they can be entered."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import SECONDS_PER_DAY, Interval, IntervalUnit, Period
from meterline.core.base.unset import UNSET
from meterline.core.billing.invoicing import BillingMode
from meterline.core.schedules.phases import LONGEST_SECONDS, MOST_PHASES, duration_end
from meterline.services.billing.engine_taxes import requested_automatic_tax
from meterline.services.billing.inline_prices import with_inline_prices
from meterline.services.billing.line_taxes import requested_rates
from meterline.services.billing.schedule_bodies import agreed_in
from meterline.services.billing.subscription_bodies import ItemTerms
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.customers.account_tax_ids import named_tax_ids
from meterline.services.schedules.new_schedules import new_phase, new_phase_item
from meterline.services.schedules.phase_params import anchor_of, days_until_due, params_of_start
from meterline.services.subscriptions.create import start_subscription
from meterline.services.subscriptions.requested_items import item_terms, own_interval
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import SubscriptionSchedule, SubscriptionSchedulePhase

_SHORTEST_DAYS = {"day": 1, "week": 7, "month": 28, "year": 365}


@frozen
class Cycle:
    """Where the first of some phases begins, and the anchor and currency that it goes on with."""

    start: int
    anchor: int
    currency: str | None = None


@frozen
class Named:
    """Phases of a request, the first of which stands at ``place`` in its list."""

    requests: Sequence[Body]
    place: int = 0


def requested_phases(
    uow: UnitOfWork, schedule: "SubscriptionSchedule", named: Named, cycle: Cycle
) -> "list[SubscriptionSchedulePhase]":
    """The phases that a request asks for, one after another; refused if one cannot be entered.

    Prices that it describes are made on the unit of work.
    """
    if len(named.requests) > MOST_PHASES:
        raise BillingError(
            f"A schedule can have at most {MOST_PHASES} current and future phases.", param="phases"
        )
    phases: list[SubscriptionSchedulePhase] = []
    for index, request in enumerate(named.requests, start=named.place):
        _check_touches(request, cycle.start, uow.ctx.now, f"phases[{index}]")
        request = _in_instants(request, uow.ctx.now)  # noqa: PLW2901
        phase = _requested(uow, schedule, request, cycle, f"phases[{index}]")
        phases.append(phase)
        cycle = replace(
            cycle,
            start=phase["end_date"],
            anchor=_anchor_after(schedule, phase, cycle.anchor),
            currency=phase["currency"],
        )
    return phases


def check_first_end(phases: "Sequence[SubscriptionSchedulePhase]", now: int) -> None:
    """Refuse a schedule whose first phase would be over before it begins."""
    if phases[0]["end_date"] <= now:
        raise BillingError(
            "The first phase of a schedule must end in the future: leave out phases that are over.",
            param="phases[0][end_date]",
        )


def check_settings(
    uow: UnitOfWork, params: Body, stored: "SubscriptionSchedule | None" = None
) -> None:
    """Refuse settings for all phases that no subscription could have; what is ``stored`` stands."""
    settings = params.get("default_settings", {})
    with refusals_of("default_settings"):
        requested_automatic_tax(settings)
        named = settings.get("invoice_settings", {}).get("account_tax_ids", UNSET)
        shown = None if stored is None else stored["default_settings"]["invoice_settings"]
        kept = (shown and shown["account_tax_ids"]) or ()
        named_tax_ids(uow.ctx, named, kept, "invoice_settings[account_tax_ids]")


def try_phases(
    uow: UnitOfWork,
    schedule: "SubscriptionSchedule",
    phases: "Sequence[SubscriptionSchedulePhase]",
    *,
    place: int = 0,
) -> None:
    """Refuse phases that could not be entered, each as the start of a subscription.

    The first of them stands at ``place`` in the request. Nothing of the attempts is kept, but for
    what is then agreed on.
    """
    for index, phase in enumerate(phases, start=place):
        start = max(phase["start_date"], uow.ctx.now)
        if start < phase["end_date"]:
            params = params_of_start(schedule, phase | {"start_date": start}, start)
            with refusals_of(f"phases[{index}]"):
                start_subscription(uow.attempt(uow.ctx.at(start)), params)
    planned: SubscriptionSchedule = schedule | {"phases": list(phases)}
    uow.agreed |= agreed_in(planned)


@contextmanager
def refusals_of(param: str) -> Iterator[None]:
    """Refusals of what a phase asks for, under the names that it has in the request."""
    try:
        yield
    except BillingError as refusal:
        name = refusal.param
        if name is not None and name != "plan":
            first, bracket, rest = name.partition("[")
            refusal.param = f"{param}[{first}]{bracket}{rest}"
        raise


def _in_instants(request: Body, now: int) -> Body:
    """A phase of a request that says no more ``now``."""
    words = {name: now for name in ("end_date", "trial_end") if request.get(name) == "now"}
    return request | words


def _check_touches(request: Body, start: int, now: int, param: str) -> None:
    """Refuse a phase that does not begin where the one before it ends."""
    requested = request.get("start_date", start)
    if (now if requested == "now" else requested) != start:
        raise BillingError(
            f"The phases of a schedule must touch: this one begins where the one before it ends,"
            f" at {start}.",
            param=f"{param}[start_date]",
        )


def _requested(
    uow: UnitOfWork, schedule: "SubscriptionSchedule", request: Body, cycle: Cycle, param: str
) -> "SubscriptionSchedulePhase":
    _check_anchor(request, param)
    items = with_inline_prices(uow, request["items"], f"{param}[items]")
    charges = request.get("add_invoice_items", ())
    charges = with_inline_prices(uow, charges, f"{param}[add_invoice_items]")
    mode = BillingMode(schedule["billing_mode"]["type"])
    currency = request.get("currency", cycle.currency)
    with refusals_of(param):
        terms = item_terms(uow, items, mode, currency)
    sold_in = terms[0].price["currency"]
    if cycle.currency not in (None, sold_in):
        raise BillingError(
            f"All phases of a schedule must have one currency; this one is in {sold_in}, those"
            f" before it in {cycle.currency}.",
            param=f"{param}[currency]",
        )
    end = _end(request, terms, cycle, param)
    _check_trial(request, Period(cycle.start, end), param)
    taxed = _taxed(uow, request | {"items": items, "add_invoice_items": charges}, param)
    phase_items = [
        new_phase_item(item, term.quantity)
        for item, term in zip(taxed["items"], terms, strict=True)
    ]
    phase = new_phase(taxed, phase_items, sold_in, cycle.start, end)
    _check_collection(schedule, phase, param)
    return phase


def _taxed(uow: UnitOfWork, request: Body, param: str) -> Body:
    """A phase of a request with the tax rates that it names."""

    def with_rates(holder: Body, name: str, where: str) -> Body:
        if name not in holder:
            return holder
        return holder | {name: requested_rates(uow, holder[name], (), f"{where}[{name}]")}

    taxed = with_rates(request, "default_tax_rates", param)
    for part in ("items", "add_invoice_items"):
        taxed[part] = [
            with_rates(dict(holder), "tax_rates", f"{param}[{part}][{index}]")
            for index, holder in enumerate(taxed[part])
        ]
    return taxed


def _end(request: Body, terms: list[ItemTerms], cycle: Cycle, param: str) -> int:
    """Where a phase ends: at an instant, after a duration, or after periods of its prices."""
    if "end_date" in request:
        end = int(request["end_date"])
        if end <= cycle.start:
            raise BillingError(
                f"The end_date of a phase must be after its start, {cycle.start}.",
                param=f"{param}[end_date]",
            )
        name, length = "end_date", end - cycle.start
    else:
        name = "duration" if "duration" in request else "iterations"
        interval, times = _duration(request, terms)
        length = times * _SHORTEST_DAYS[interval.unit] * interval.count * SECONDS_PER_DAY
        if length <= LONGEST_SECONDS:
            end = duration_end(cycle.start, interval, times, cycle.anchor)
    if length > LONGEST_SECONDS:
        raise BillingError("A phase can last at most 20 years.", param=f"{param}[{name}]")
    return end


def _duration(request: Body, terms: list[ItemTerms]) -> tuple[Interval, int]:
    """An interval, and how often it is repeated; without a word, one period of the prices."""
    duration: Mapping[str, Any] | None = request.get("duration")
    if duration is not None:
        return Interval(IntervalUnit(duration["interval"])), duration.get("interval_count", 1)
    return own_interval(term.price for term in terms), request.get("iterations", 1)


def _anchor_after(
    schedule: "SubscriptionSchedule", phase: "SubscriptionSchedulePhase", anchor: int
) -> int:
    """The anchor of the billing cycle after a phase has moved it, if it has."""
    if phase["trial_end"] is not None:
        return phase["trial_end"]
    restarts = anchor_of(schedule["default_settings"], phase) == "phase_start"
    return phase["start_date"] if restarts else anchor


def _check_anchor(request: Body, param: str) -> None:
    trials = request.get("trial") or "trial_end" in request
    if trials and request.get("billing_cycle_anchor") == "phase_start":
        raise BillingError(
            "A phase with a trial cannot set its anchor to phase_start: the end of the trial is the"
            " anchor.",
            param=f"{param}[billing_cycle_anchor]",
        )


def _check_trial(request: Body, span: Period, param: str) -> None:
    trial_end = request.get("trial_end")
    if not isinstance(trial_end, int):
        return
    if request.get("trial") and trial_end != span.end:
        raise BillingError(
            "A phase that is a trial as a whole ends with it: leave out trial_end.",
            param=f"{param}[trial_end]",
        )
    if not span.start < trial_end <= span.end:
        raise BillingError(
            f"The trial_end of a phase must lie within the phase, after {span.start} and up to"
            f" {span.end}.",
            param=f"{param}[trial_end]",
        )


def _check_collection(
    schedule: "SubscriptionSchedule", phase: "SubscriptionSchedulePhase", param: str
) -> None:
    settings = schedule["default_settings"]
    method = phase["collection_method"] or settings["collection_method"]
    if method == "send_invoice" and days_until_due(settings, phase) is None:
        raise BillingError(
            "You must provide invoice_settings[days_until_due], of the phase or in"
            " default_settings, when collection_method is send_invoice.",
            code="parameter_missing",
            param=f"{param}[invoice_settings][days_until_due]",
        )
