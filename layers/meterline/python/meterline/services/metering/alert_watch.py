"""Watching usage for alerts: which thresholds a customer's usage of a meter has crossed.

Adding the usage up reads weeks of counters, so how far it is from the next threshold is remembered
(``core.metering.headroom``). What is remembered counts only while the customer, whom each change
of an alert on that customer writes, and the state of the alerts for all (``watch_list``) are those
it was decided on, and only for the hours that it names; in any other case the usage is added up.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Formula, Measure
from meterline.core.metering.headroom import (
    Headroom,
    Left,
    adds_up,
    headroom,
    hours_around,
    is_remembered,
    level_of,
    shows_falls,
    unbounded,
)
from meterline.services.base.context import Context
from meterline.services.base.limits import members, set_id
from meterline.services.base.lookups import find
from meterline.services.metering.alert_types import alerts_set
from meterline.services.metering.crossings import (
    BillingPeriod,
    BillingPeriods,
    Finding,
    PeriodsOf,
    Watched,
    on_customers_clock,
    read_told,
    recurs,
    tell,
    threshold_of,
)
from meterline.services.metering.lifetime import lifetime_usage
from meterline.services.metering.usage_query import billed_usage
from meterline.services.metering.usage_stream import UsageChange
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.headrooms import (
    NOTHING,
    Remembered,
    UsageKey,
    forget_headroom,
    save_headroom,
)
from meterline.store.metering.usage import counters_between

if TYPE_CHECKING:
    from meterline.core.base.wire import Alert, Meter
    from meterline.store.base.documents import Document

type _Levels = dict[int, tuple[int, Decimal]]
"""Hours with the versions of their counters and what they held."""


def _no_periods(_ctx: Context, _key: UsageKey, _hours: Collection[int]) -> BillingPeriods:
    return BillingPeriods()


def sets_watching(meter_id: str, customer_id: str) -> tuple[str, str]:
    """The ids of the sets of alerts that concern a customer's usage of a meter."""
    first, second = _names(meter_id, customer_id)
    return set_id(first), set_id(second)


def watch_changes(
    ctx: Context,
    changes: Sequence[UsageChange],
    remembered: Remembered,
    state: str,
    periods_of: PeriodsOf = _no_periods,
) -> list[str]:
    """Trigger the alerts that changes of one customer's usage of a meter have crossed; their ids.

    ``remembered`` was read after the changes, and so was the ``state`` of the alerts for all; where
    they show that none can have crossed a threshold, nothing is read. ``periods_of`` finds the
    billing periods with which alerts recur. Repeating the work, or doing it twice at once, emits a
    crossing once (``crossings``).
    """
    key = changes[0].usage_key
    names = _names(key.meter, key.customer)
    if remembered.headroom is None and not members(ctx, *names):
        return []
    look = _Look(ctx, key, changes, state, periods_of)
    known = remembered.headroom if remembered.basis in (state, _with_periods(state)) else None
    if known is None or not all(_holds(known, change) for change in changes):
        return look.again(remembered)
    if remembered.basis != state and look.has_fallen(known.formula):
        return look.again(remembered)
    return []


def _with_periods(state: str) -> str:
    """What is decided on, where alerts recur: the periods are those of one state of the customer,
    which any change of a subscription writes.
    """
    return f"{state} periods"


def _holds(known: Headroom, change: UsageChange) -> bool:
    """Whether a change is within what is remembered.

    Of a replayed record nothing is: what was remembered may tell of alerts, or of a crossing, that
    the restored Billing table does not know.
    """
    return change.has_counter and known.holds(change.bucket.hour, change.level(known.formula))


@frozen
class _Look:
    """A look at a customer's usage of a meter, of which some hours have changed."""

    ctx: Context
    key: UsageKey
    changes: Sequence[UsageChange]
    state: str
    periods_of: PeriodsOf

    @property
    def latest(self) -> int:
        """The latest of the hours that have changed."""
        return max(change.bucket.hour for change in self.changes)

    def has_fallen(self, formula: Formula) -> bool:
        """Whether one of the hours may hold less than before: events were cancelled."""
        return any(change.may_have_fallen(formula) for change in self.changes)

    def again(self, remembered: Remembered) -> list[str]:
        """Add the usage up, tell what it crosses and what is below its threshold again, and
        remember how far the next threshold is; the ids of the alerts triggered.

        In this order: what is remembered is forgotten before alerts and usage are read, the sets
        are read before the usage, and nothing is remembered before all that was crossed is
        committed. If a period may have ended before its usage was added up, it may be usage of
        after it: then all is done again.
        """
        meter: Meter = find(self.ctx, "billing.meter", self.key.meter).body
        measure = measure_of(meter)
        forgotten = _forgotten(self.key, measure, remembered)
        alerts = _active(self.ctx, self._watching())
        periods, basis, customer = None, self.state, 0
        if any(recurs(alert) for alert in alerts):
            customer = self._customers_version()
            basis = _with_periods(self.state)
            hours = {change.bucket.hour for change in self.changes}
            periods = self.periods_of(self.ctx, self.key, hours)
            forgotten = _of_version(forgotten, customer)
        within = None if periods is None else periods.within
        is_shown = periods is None or shows_falls(measure)
        watched = list(self._watched(alerts, periods))
        told = read_told(self.ctx, watched)
        waiting = [one for one in watched if not told.has(one)]
        if not is_shown or self.has_fallen(measure.formula):
            self._tell_recoveries(meter, [one for one in watched if told.may_recover(one)])
        if not waiting and is_shown:
            self._remember(forgotten, basis, unbounded(measure, within))
        if not waiting:
            return []
        before = self._levels(measure)
        findings = self._findings(meter, waiting)
        is_steady = self._levels(measure) == before
        if periods is not None and self._customers_version() != customer:
            return self.again(remembered)
        crossed = [finding for finding in findings if finding.is_crossed]
        ctx = on_customers_clock(self.ctx, self.key.customer) if crossed else self.ctx
        triggered = [finding.watched for finding in crossed if tell(ctx, finding, "triggered")]
        self._tell_recoveries(meter, [one for one in triggered if one.period is not None])
        ahead = [finding for finding in findings if not finding.is_crossed]
        left = Left.of((threshold_of(finding.watched), finding.value) for finding in ahead)
        if left is None and is_shown:
            self._remember(forgotten, basis, unbounded(measure, within))
        elif left is not None and is_remembered(measure) and is_steady:
            levels = {hour: level for hour, (_, level) in before.items()}
            room = headroom(measure, left, self.latest, levels, within)
            self._remember(forgotten, basis, room)
        return [one.alert["id"] for one in triggered]

    def _watching(self) -> list[str]:
        """The alerts as they are now, whatever was read ahead.

        The customer tells of its own: so they are read after what is remembered beside it was
        forgotten. Those for all are read after their state: if they have changed in between, what
        is remembered is of a state that is over.
        """
        now = replace(self.ctx, store=BillingStore(self.ctx.livemode))
        return members(now, *_names(self.key.meter, self.key.customer))

    def _customers_version(self) -> int:
        """Which state of the customer is the latest, whatever was read ahead: each change of a
        period writes it.
        """
        customer = BillingStore(self.ctx.livemode).get(self.key.customer)
        return 0 if customer is None else customer.version

    def _tell_recoveries(self, meter: "Meter", watched: Sequence[Watched]) -> None:
        """Tell which of these, all triggered, are below their thresholds by now.

        Also of those just triggered: what was cancelled meanwhile was looked at when there was
        nothing to recover.
        """
        for finding in self._findings(meter, watched):
            if not finding.is_crossed:
                ctx = on_customers_clock(self.ctx, self.key.customer)
                tell(ctx, finding, "recovered")

    def _findings(self, meter: "Meter", watched: Sequence[Watched]) -> list[Finding]:
        """What the usage that each of these is compared with is now."""
        totals = {one: self._total(meter, one) for one in {each.period for each in watched}}
        accepted_at = max((change.accepted_at or 0 for change in self.changes), default=0)
        return [Finding(one, totals[one.period], accepted_at or None) for one in watched]

    def _watched(
        self, alerts: "Iterable[Alert]", periods: BillingPeriods | None
    ) -> Iterator[Watched]:
        """What the usage is compared with: by each alert its usage for life, or of each period."""
        spans = [] if periods is None else periods.all
        for alert in alerts:
            for period in spans if recurs(alert) else [None]:
                yield Watched(alert, self.key.customer, period)

    def _total(self, meter: "Meter", period: BillingPeriod | None) -> Decimal:
        if period is None:
            return lifetime_usage(*self.key, measure_of(meter), now=self.ctx.wall_clock)
        livemode, _, customer = self.key
        return billed_usage(meter, customer, period.start, period.end, livemode=livemode).quantity

    def _levels(self, measure: Measure) -> _Levels:
        """What the hours that may still change hold.

        They are read before and after the usage is added up, and must not have changed: so what is
        remembered of an hour is what it held in the total.
        """
        if not adds_up(measure):
            return {}
        counters = counters_between(*self.key, hours_around(self.latest), measure)
        return {
            hour: (counter.version, level_of(counter.aggregate, measure.formula) or Decimal(0))
            for hour, counter in counters
        }

    def _remember(self, forgotten: Remembered, basis: str, room: Headroom) -> None:
        if room.hours is None or room.hours:
            save_headroom(self.key, forgotten, basis, room)


def _forgotten(key: UsageKey, measure: Measure, remembered: Remembered) -> Remembered:
    """What may be remembered next.

    Only where hours add up does it depend on what others have added up: then forgetting keeps them
    from remembering, also where nothing is remembered yet.
    """
    if remembered.headroom is None and not adds_up(measure):
        return remembered
    return forget_headroom(key)


def _of_version(forgotten: Remembered, version: int) -> Remembered:
    """The same where the customer is the one of this version; else nothing may be remembered."""
    place = forgotten.place
    return forgotten if place is not None and place.version == version else NOTHING


def _active(ctx: Context, alert_ids: Iterable[str]) -> "list[Alert]":
    """The active ones of these alerts.

    Read from the sets: what others have on the meter, or have archived, costs nothing.
    """
    found: dict[str, Document[Alert]] = ctx.store.get_many(alert_ids)
    return [document.body for document in found.values() if document.body["status"] == "active"]


def _names(meter_id: str, customer_id: str) -> tuple[str, str]:
    return alerts_set(meter_id, customer_id), alerts_set(meter_id, None)
