"""Crossings: usage has reached an alert's threshold, which is told once.

A crossing's record exists once for what it is of, and holds its event in the same commit: so
whoever sees the crossing again, or at the same moment, tells of nothing.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.outbox import EventDraft
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.metering.headrooms import UsageKey

if TYPE_CHECKING:
    from meterline.core.base.wire import Alert, AlertTriggered, Customer, TestClock

TRIGGER_KIND: Final = "billing.alert_triggered"


class BillingPeriod(NamedTuple):
    """A period whose usage of a meter is billed together, UTC seconds, and whose it is."""

    start: int
    end: int
    subscription: str


@dataclass(frozen=True, slots=True)
class BillingPeriods:
    """The periods of a customer's usage of a meter: those that run, and of those that are over the
    ones that certain hours are of.

    Usage of the whole hours ``within`` is of those that run, and of no other.
    """

    running: Sequence[BillingPeriod] = ()
    over: Sequence[BillingPeriod] = ()
    within: range = field(default_factory=lambda: range(0))

    @property
    def all(self) -> list[BillingPeriod]:
        """All of them: periods that begin together are one, up to the first end."""
        earliest: dict[int, BillingPeriod] = {}
        for period in sorted([*self.running, *self.over]):
            earliest.setdefault(period.start, period)
        return list(earliest.values())


type PeriodsOf = Callable[[Context, UsageKey, Collection[int]], BillingPeriods]
"""Finds the billing periods of usage; of those that are over the ones that these hours are of."""


@dataclass(frozen=True, slots=True)
class Watched:
    """An alert of a customer, and the period whose usage it is compared with; None for life."""

    alert: "Alert"
    customer: str
    period: BillingPeriod | None = None

    @property
    def record_id(self) -> str:
        """The id of the record of its crossing."""
        of_period = () if self.period is None else ("period", self.period.start)
        return derived_object_id(TRIGGER_KIND, self.alert["id"], self.customer, *of_period)


def recurs(alert: "Alert") -> bool:
    """Whether an alert begins anew with each billing period."""
    return alert["usage_threshold"]["recurrence"] == "billing_period"


def not_yet_told(ctx: Context, watched: Iterable[Watched]) -> list[Watched]:
    """Those whose crossing has not been told."""
    by_record = {one.record_id: one for one in watched}
    told = ctx.store.get_many(by_record)
    return [one for record_id, one in by_record.items() if record_id not in told]


def tell_crossing(ctx: Context, watched: Watched, value: int) -> bool:
    """Record that a value has reached an alert's threshold, and emit it, at the customer's time.

    False if it has been told before.
    """
    ctx = _on_customers_clock(ctx, watched.customer)
    fields = _fields(ctx, watched, value)
    record = Document(
        kind=TRIGGER_KIND,
        livemode=ctx.livemode,
        body={**fields, "id": watched.record_id},
        parent=watched.alert["id"],
    )
    try:
        ctx.save(Change(puts=[record]), [EventDraft("billing.alert.triggered", fields)])
    except Conflict:
        return False
    return True


def _fields(ctx: Context, watched: Watched, value: int) -> "AlertTriggered":
    """What is told; of an alert of Stripe's what Stripe's tells."""
    fields: AlertTriggered = {
        "object": TRIGGER_KIND,
        "alert": watched.alert,
        "created": ctx.now,
        "customer": watched.customer,
        "livemode": ctx.livemode,
        "value": value,
    }
    if watched.period is not None:
        starts_at, ends_at, _ = watched.period
        fields["aggregation_period"] = {"starts_at": starts_at, "ends_at": ends_at}
        fields["triggered_at"] = ctx.now
    return fields


def _on_customers_clock(ctx: Context, customer_id: str) -> Context:
    """``ctx`` at the time that the customer's test clock shows, also while it advances."""
    customer: Document[Customer] | None = ctx.store.get(customer_id)
    clock_id = None if customer is None else customer.body.get("test_clock")
    clock: Document[TestClock] | None = ctx.store.get(clock_id) if clock_id else None
    if clock is None or clock.body.get("deleted"):
        return ctx
    return ctx.at(clock.body["frozen_time"])
