"""Crossings: usage has reached an alert's threshold, which is told once.

A crossing's record exists once for what it is of, and holds its event in the same commit: so
whoever sees the crossing again, or at the same moment, tells of nothing.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypedDict

from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.outbox import EventDraft, batch_ahead
from meterline.services.metering.alert_types import terms_of, type_of, usage_terms
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.metering.headrooms import UsageKey

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Alert,
        AlertRecovered,
        AlertTriggered,
        Customer,
        TestClock,
    )

TRIGGER_KIND: Final = "billing.alert_triggered"
"""The kind of the records, also of recoveries."""

type Action = Literal["triggered", "recovered"]
ACTIONS: Final[tuple[Action, ...]] = ("triggered", "recovered")


class StoredNotification(TypedDict):
    """The record of something told: the event, and the object that it told of.

    Commits of a former release did not name the event where they had others before it.
    """

    id: str
    action: Action
    created: int
    event: str | None
    subscription: str | None
    told: "AlertTriggered | AlertRecovered"


class BillingPeriod(NamedTuple):
    """A period whose usage of a meter is billed together, UTC seconds, and whose it is."""

    start: int
    end: int
    subscription: str


@frozen
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


@frozen
class Watched:
    """An alert of a customer, and the period whose usage it is compared with; None for life."""

    alert: "Alert"
    customer: str
    period: BillingPeriod | None = None

    def record_id(self, action: "Action" = "triggered") -> str:
        """The id of the record that it was told of."""
        parts: list[str | int] = [] if self.period is None else ["period", self.period.start]
        if self.period is not None and type_of(self.alert).is_by_subscription:
            parts.append(self.period.subscription)
        if action != "triggered":
            parts.append(action)
        return derived_object_id(TRIGGER_KIND, self.alert["id"], self.customer, *parts)


@frozen
class Finding:
    """What an alert's usage was found to be, and when the latest of it was accepted."""

    watched: Watched
    value: Decimal
    accepted_at: int | None = None

    @property
    def is_crossed(self) -> bool:
        """Whether it has reached the threshold."""
        return self.value >= threshold_of(self.watched)


def recurs(alert: "Alert") -> bool:
    """Whether an alert begins anew with each billing period."""
    return usage_terms(alert)["recurrence"] == "billing_period"


def threshold_of(watched: Watched) -> Decimal:
    """What usage has to reach for an alert to be told."""
    alert = watched.alert
    return Decimal(type_of(alert).threshold(terms_of(alert)))


@frozen
class Told:
    """What of some alerts has been told already."""

    records: Collection[str]

    def has(self, watched: Watched, action: "Action" = "triggered") -> bool:
        """Whether an alert's crossing, or recovery, has been told."""
        return watched.record_id(action) in self.records

    def may_recover(self, watched: Watched) -> bool:
        """Whether an alert that recurs has been triggered in its period, and no more."""
        is_open = self.has(watched) and not self.has(watched, "recovered")
        return watched.period is not None and is_open


def read_told(ctx: Context, watched: Iterable[Watched]) -> Told:
    """What of these alerts has been told, read as last committed."""
    ids = [
        one.record_id(action)
        for one in watched
        for action in (ACTIONS if one.period is not None else ACTIONS[:1])
    ]
    return Told(ctx.store.get_many(ids).keys())


def tell(ctx: Context, finding: Finding, action: "Action") -> bool:
    """Record that an alert's threshold is reached, or usage below it again, and emit it; ``ctx`` is
    on the customer's time. False if it has been told before.
    """
    watched = finding.watched
    record_id = watched.record_id(action)
    ahead = batch_ahead(record_id, finding.accepted_at)
    fields = _fields(ctx, finding, action)
    stored: StoredNotification = {
        "id": record_id,
        "action": action,
        "created": ctx.now,
        "event": ahead.first_event,
        "subscription": watched.period.subscription if watched.period else None,
        "told": fields,
    }
    record = Document(
        kind=TRIGGER_KIND,
        livemode=ctx.livemode,
        body=stored,
        parent=notifications_of(watched.alert["id"], watched.customer),
    )
    try:
        drafts = [EventDraft(f"billing.alert.{action}", fields)]
        ctx.save(Change(puts=[record]), drafts, ahead=ahead)
    except Conflict:
        return False
    return True


def notifications_of(alert_id: str, customer_id: str) -> str:
    """What the records of an alert and a customer are listed under."""
    return f"{alert_id}/{customer_id}"


def _fields(ctx: Context, finding: Finding, action: "Action") -> "AlertTriggered | AlertRecovered":
    """What is told; of an alert of Stripe's what Stripe's tells."""
    watched = finding.watched
    fields: AlertTriggered = {
        "object": TRIGGER_KIND,
        "alert": watched.alert,
        "created": ctx.now,
        "customer": watched.customer,
        "livemode": ctx.livemode,
        "value": int(finding.value),
    }
    if watched.period is None:
        return fields
    told_of: Any = type_of(watched.alert).told_of(
        terms_of(watched.alert), watched.period.subscription
    )
    fields |= told_of
    starts_at, ends_at, _ = watched.period
    fields["aggregation_period"] = {"starts_at": starts_at, "ends_at": ends_at}
    if action == "triggered":
        fields["triggered_at"] = ctx.now
        return fields
    return {**fields, "object": "billing.alert_recovered"}


def on_customers_clock(ctx: Context, customer_id: str) -> Context:
    """``ctx`` at the time that the customer's test clock shows, also while it advances."""
    customer: Document[Customer] | None = ctx.store.get(customer_id)
    clock_id = None if customer is None else customer.body.get("test_clock")
    clock: Document[TestClock] | None = ctx.store.get(clock_id) if clock_id else None
    if clock is None or clock.body.get("deleted"):
        return ctx
    return ctx.at(clock.body["frozen_time"])
