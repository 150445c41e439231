"""Watching usage for alerts: which thresholds a customer's usage of a meter has crossed.

Adding the usage up reads weeks of counters, so how far it is from the next threshold is remembered
(``core.metering.headroom``). What is remembered counts only while the alerts' sets are those it was
decided on, and only for the hours that it names; in any other case the usage is added up.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Measure
from meterline.core.metering.headroom import (
    Headroom,
    adds_up,
    headroom,
    hours_around,
    is_remembered,
    level_of,
    unbounded,
)
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.limits import members_and_state, set_id
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.metering.alerts import alerts_set
from meterline.services.metering.lifetime import lifetime_usage
from meterline.services.metering.usage_stream import UsageChange
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.metering.headrooms import (
    Remembered,
    UsageKey,
    forget_headroom,
    save_headroom,
)
from meterline.store.metering.usage import counters_between

if TYPE_CHECKING:
    from meterline.core.base.wire import Alert, AlertTriggered

TRIGGER_KIND: Final = "billing.alert_triggered"
PURPOSE = "alerts"
"""What headrooms of alerts are remembered under."""

type _Levels = dict[int, tuple[int, Decimal]]
"""Hours with the versions of their counters and what they held."""


def sets_watching(meter_id: str, customer_id: str) -> tuple[str, str]:
    """The ids of the sets of alerts that concern a customer's usage of a meter."""
    first, second = _names(meter_id, customer_id)
    return set_id(first), set_id(second)


def is_watched(ctx: Context, meter_id: str, customer_id: str) -> bool:
    """Whether there are alerts on a customer's usage of a meter."""
    return bool(members_and_state(ctx, *_names(meter_id, customer_id)).ids)


def watch_changes(
    ctx: Context, changes: Sequence[UsageChange], remembered: Remembered
) -> list[str]:
    """Trigger the alerts that changes of one customer's usage of a meter have crossed; their ids.

    ``remembered`` was read after the changes; where it shows that none can have crossed a
    threshold, nothing else is read. The record of a trigger exists once for an alert and customer,
    and holds the event in the same commit: so repeating the work, or doing it twice at once, emits
    one crossing.
    """
    key = changes[0].usage_key
    watching = members_and_state(ctx, *_names(key.meter, key.customer))
    if not watching.ids:
        return []
    known = remembered.headroom if remembered.basis == watching.state else None
    if known is not None and all(_holds(known, change) for change in changes):
        return []
    latest = max(change.bucket.hour for change in changes)
    return _look_again(ctx, key, latest, remembered)


def _holds(known: Headroom, change: UsageChange) -> bool:
    """Whether a change is within what is remembered.

    Of a replayed record nothing is: what was remembered may tell of alerts, or of a crossing, that
    the restored Billing table does not know.
    """
    return change.has_counter and known.holds(change.bucket.hour, change.level(known.formula))


def _look_again(ctx: Context, key: UsageKey, latest: int, remembered: Remembered) -> list[str]:
    """Add the usage up, trigger what it crosses, and remember how far the next threshold is.

    In this order: what is remembered is forgotten before alerts and usage are read, the sets are
    read before the usage, and nothing is remembered before all that was crossed is committed.
    """
    measure = measure_of(find(ctx, "billing.meter", key.meter).body)
    forgotten = _forgotten(key, measure, remembered)
    watching = members_and_state(ctx, *_names(key.meter, key.customer))
    waiting = list(_waiting(ctx, watching.ids, key.customer))
    if not waiting:
        save_headroom(key, PURPOSE, forgotten, watching.state, unbounded(measure))
        return []
    before = _levels(key, latest, measure)
    total = lifetime_usage(*key, measure, now=ctx.wall_clock)
    is_steady = _levels(key, latest, measure) == before
    crossed = [alert for alert in waiting if total >= alert["usage_threshold"]["gte"]]
    triggered = [alert["id"] for alert in crossed if _trigger(ctx, alert, key.customer, total)]
    ahead = [alert["usage_threshold"]["gte"] for alert in waiting if alert not in crossed]
    if not ahead:
        save_headroom(key, PURPOSE, forgotten, watching.state, unbounded(measure))
    elif is_remembered(measure) and is_steady:
        levels = {hour: level for hour, (_, level) in before.items()}
        room = headroom(measure, Decimal(min(ahead)), total, latest, levels)
        save_headroom(key, PURPOSE, forgotten, watching.state, room)
    return triggered


def _forgotten(key: UsageKey, measure: Measure, remembered: Remembered) -> Remembered:
    """What may be remembered next.

    Only where hours add up does it depend on what others have added up: then forgetting keeps them
    from remembering, also where nothing is remembered yet.
    """
    if remembered.headroom is None and not adds_up(measure):
        return remembered
    return forget_headroom(key, PURPOSE)


def _levels(key: UsageKey, latest: int, measure: Measure) -> _Levels:
    """What the hours that may still change hold.

    They are read before and after the usage is added up, and must not have changed: so what is
    remembered of an hour is what it held in the total.
    """
    if not adds_up(measure):
        return {}
    counters = counters_between(*key, hours_around(latest), measure)
    return {
        hour: (counter.version, level_of(counter.aggregate, measure.formula) or Decimal(0))
        for hour, counter in counters
    }


def _waiting(ctx: Context, alert_ids: Iterable[str], customer_id: str) -> "Iterator[Alert]":
    """The active ones of these alerts that have not been triggered for the customer.

    Read from the sets: what others have on the meter, or have archived, costs nothing.
    """
    found: list[Alert] = [document.body for document in ctx.store.get_many(alert_ids).values()]
    alerts = [alert for alert in found if alert["status"] == "active"]
    triggered = ctx.store.get_many(_trigger_id(alert["id"], customer_id) for alert in alerts)
    return (alert for alert in alerts if _trigger_id(alert["id"], customer_id) not in triggered)


def _trigger(ctx: Context, alert: "Alert", customer_id: str, total: Decimal) -> bool:
    """Record that the alert was triggered for the customer; False if it had been before."""
    fields: AlertTriggered = {
        "object": TRIGGER_KIND,
        "alert": alert,
        "created": ctx.now,
        "customer": customer_id,
        "livemode": ctx.livemode,
        "value": int(total),
    }
    record = Document(
        kind=TRIGGER_KIND,
        livemode=ctx.livemode,
        body={**fields, "id": _trigger_id(alert["id"], customer_id)},
        parent=alert["id"],
    )
    try:
        ctx.save(Change(puts=[record]), [EventDraft("billing.alert.triggered", fields)])
    except Conflict:
        return False
    return True


def _names(meter_id: str, customer_id: str) -> tuple[str, str]:
    return alerts_set(meter_id, customer_id), alerts_set(meter_id, None)


def _trigger_id(alert_id: str, customer_id: str) -> str:
    return derived_object_id(TRIGGER_KIND, alert_id, customer_id)
