"""The pass of reconciliation: once a week over the stored events, in pieces that fit a function.

A pass compares what was received or cancelled since the pass before: each event once, long before
it expires, so that what is missing can still be counted. Each invocation goes on where the last one
stopped. A difference is emitted as an event of ours, once for each state of a counter, and never
repaired unasked: it means that something is broken, and its cause comes first.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.base.frozen import frozen
from meterline.core.metering.aggregation import Aggregate, hour_result
from meterline.observability import logger
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.outbox import EventDraft
from meterline.services.base.workers import worker_context
from meterline.services.metering.gather import Gathered, Places, gather, whole_table
from meterline.services.metering.reconcile import Comparison, Difference, compare
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.base.settings import settings
from meterline.store.metering.event_scan import EventScan
from meterline.store.metering.reconciliations import Progress, read_progress, save_progress
from meterline.store.metering.usage import HOUR_SECONDS

if TYPE_CHECKING:
    from meterline.core.base.wire import UsageDifference, UsageOfHour

SEGMENTS = 8
"""Parts of the table that are read side by side; changing it begins anew with all events."""

_DAY_SECONDS = 86_400
PASS_SECONDS = 7 * _DAY_SECONDS
"""A scan costs by the size of the table: daily, it would cost more than all else together."""

SETTLING_SECONDS = 3_600
"""Events younger than an hour may be on their way; an alarm watches streams that lag."""

SPARE_SECONDS = 7 * _DAY_SECONDS
"""A pass that is not done so long before its oldest event expires is a failure: somebody must still
find the cause, and repair.
"""

BUDGET_SECONDS = 480
"""An invocation begins no round after this; its last one may take as long as one and a half."""

SCAN_SECONDS = 120
"""A round gathers no longer than this."""

FIRST_EVENTS = 250_000
MOST_EVENTS = 1_000_000
"""A round gathers so many events, some 400 bytes each; more at a time read busy hours less often.
"""

QUICK_SECONDS = 100
"""After a round that was quicker the next one may be larger."""

MOST_REPORTED = 100
"""So many differences of a round are emitted; the metric counts them all."""

KIND: Final = "meterline.usage_difference"
_KEPT_SECONDS = 90 * 86_400


@frozen
class Reconciled:
    """What an invocation did, whether the pass is done, and whether it will be done too late."""

    events: int
    buckets: int
    differences: int
    unreadable: int
    is_done: bool
    is_late: bool


class ReconciliationLate(Exception):  # noqa: N818 - an outcome: what was compared is noted
    """Events are about to expire that were not compared."""


def reconcile(now: int, *, monotonic: Callable[[], float] = time.monotonic) -> Reconciled:
    """Go on with the pass, or begin the week's (``now``: wall clock, UTC seconds)."""
    started = monotonic()
    before = progress = _begun(read_progress(SEGMENTS), now)
    most_events = FIRST_EVENTS
    while not progress.finished_at and monotonic() < started + BUDGET_SECONDS:
        round_started = monotonic()
        progress = _round(progress, now, most_events, monotonic)
        if monotonic() < round_started + QUICK_SECONDS:
            most_events = min(2 * most_events, MOST_EVENTS)
    is_late = not progress.finished_at and now > _oldest(progress) + _most_age() - SPARE_SECONDS
    if is_late:
        logger.error("reconciliation is late", started_at=progress.started_at)
    return Reconciled(
        events=progress.events - before.events,
        buckets=progress.buckets - before.buckets,
        differences=progress.differences - before.differences,
        unreadable=progress.unreadable - before.unreadable,
        is_done=bool(progress.finished_at),
        is_late=is_late,
    )


def emit(difference: Difference) -> bool:
    """Store a difference together with its event; False if that was emitted for the counter as it
    is.
    """
    ctx = worker_context(livemode=difference.key.livemode)
    body = _body(ctx, difference)
    document = Document(
        kind=KIND,
        livemode=ctx.livemode,
        body=body,
        parent=body["customer"],
        expires_at=ctx.wall_clock + _KEPT_SECONDS,
    )
    try:
        ctx.save(Change(puts=[document]), [EventDraft(f"{KIND}.found", body)])
    except Conflict:
        return False
    return True


def _round(
    progress: Progress, now: int, most_events: int, monotonic: Callable[[], float]
) -> Progress:
    """The progress after one more round of the pass, which is stored."""
    scan = EventScan(progress.received_before, progress.received_from, SEGMENTS)
    until = monotonic() + SCAN_SECONDS
    places: Places = {int(segment): cursor for segment, cursor in progress.places.items()}
    gathered, places = gather(
        scan, places, most_events=most_events, has_time=lambda: monotonic() < until
    )
    compared = compare(gathered.groups)
    for difference in compared.differences[:MOST_REPORTED]:
        emit(difference)
    after = _after(progress, gathered, places, compared, now)
    save_progress(SEGMENTS, after)
    return after


def _begun(progress: Progress, now: int) -> Progress:
    """The pass to go on with: the one under way, or a new one when the last began a week ago.

    A new one goes on in time where the last one ended.
    """
    is_over = progress.finished_at and now - progress.started_at >= PASS_SECONDS
    if progress.started_at and not is_over:
        return progress
    places = {
        str(segment): cursor for segment, cursor in whole_table(EventScan(0, 0, SEGMENTS)).items()
    }
    return Progress(
        started_at=now,
        received_from=progress.received_before,
        received_before=(now - SETTLING_SECONDS) * 1_000_000,
        places=places,
    )


def _after(
    progress: Progress, gathered: Gathered, places: Places, compared: Comparison, now: int
) -> Progress:
    return replace(
        progress,
        places={str(segment): cursor for segment, cursor in places.items()},
        finished_at=0 if places else now,
        events=progress.events + gathered.events,
        buckets=progress.buckets + len(gathered.groups) - compared.unreadable,
        differences=progress.differences + len(compared.differences),
        unreadable=progress.unreadable + gathered.unreadable + compared.unreadable,
    )


def _oldest(progress: Progress) -> int:
    """When a pass's oldest event may have been received; the first pass takes what it finds."""
    return progress.received_from // 1_000_000 or progress.started_at


def _most_age() -> int:
    return settings().event_retention_days * _DAY_SECONDS


def _body(ctx: Context, difference: Difference) -> "UsageDifference":
    """The difference as its event shows it, under an id of the counter's state.

    What a round showed of it is no part of the id: another may show more.
    """
    key = difference.key
    counted, recounted = (
        _numbers(whole, difference) for whole in (difference.counted, difference.recounted)
    )
    return {
        "id": derived_object_id(KIND, *key, difference.version, str(counted)),
        "object": KIND,
        "created": ctx.now,
        "customer": key.customer,
        "counted": counted,
        "end_time": key.start + HOUR_SECONDS,
        "livemode": key.livemode,
        "meter": key.meter,
        "missing_events": len(difference.missing),
        "recounted": recounted,
        "start_time": key.start,
        "wrong_events": len(difference.wrong),
    }


def _numbers(whole: Aggregate, difference: Difference) -> "UsageOfHour":
    """The events of the hour and their value by the meter's formula, a decimal string."""
    return {
        "event_count": whole.count,
        "value": format(hour_result(whole, difference.measure.formula), "f"),
    }
