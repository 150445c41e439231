"""The pass of reconciliation: once a day over all stored events, in pieces that fit a function.

Each invocation goes on where the last one stopped; a pass that is done waits for the next day.
A difference is emitted as an event of ours, once for each state of a counter, and never repaired
unasked: it means that something is broken, and its cause comes first. The page that finds it first
reports what it saw: at least so many events are missing or wrong.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from meterline.core.metering.aggregation import Aggregate, result
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.outbox import EventDraft
from meterline.services.base.parallel import in_parallel
from meterline.services.base.workers import worker_context
from meterline.services.metering.reconcile import Difference, Recount, Remembered, reconcile_page
from meterline.store.base.documents import Body, Change, Conflict, Document
from meterline.store.metering.reconciliations import Progress, read_progress, save_progress
from meterline.store.metering.usage import HOUR_SECONDS

SEGMENTS = 4
"""Parts of the table that are compared side by side; changing it starts every pass anew."""

PASS_SECONDS = 86_400
SETTLING_SECONDS = 3_600
"""Events younger than an hour may be on their way; an alarm watches streams that lag."""

BUDGET_SECONDS = 200
"""An invocation begins no page after this; a page may take a while."""

MOST_REPORTED = 25
"""So many differences of a page are emitted; the metric counts them all."""

KIND = "meterline.usage_difference"
_KEPT_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What an invocation did, and whether the pass is done in all segments."""

    events: int
    buckets: int
    busy: int
    differences: int
    unreadable: int
    is_done: bool


def reconcile(now: int, *, monotonic: Callable[[], float] = time.monotonic) -> Reconciled:
    """Go on with the pass, or begin the day's (``now``: wall clock, UTC seconds)."""
    deadline = monotonic() + BUDGET_SECONDS

    def has_time() -> bool:
        return monotonic() < deadline

    remembered = Remembered()
    work = [partial(_go_on, segment, now, has_time, remembered) for segment in range(SEGMENTS)]
    parts = in_parallel(work)
    return Reconciled(
        events=sum(after.events - before.events for before, after in parts),
        buckets=sum(after.buckets - before.buckets for before, after in parts),
        busy=sum(after.busy - before.busy for before, after in parts),
        differences=sum(after.differences - before.differences for before, after in parts),
        unreadable=sum(after.unreadable - before.unreadable for before, after in parts),
        is_done=all(after.finished_at for _, after in parts),
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


def _go_on(
    segment: int, now: int, has_time: Callable[[], bool], remembered: Remembered
) -> tuple[Progress, Progress]:
    """The progress of a segment before and after this invocation."""
    before = progress = _begun(read_progress(segment, SEGMENTS), now)
    while not progress.finished_at and has_time():
        found = reconcile_page(
            progress.cursor,
            segment=segment,
            segments=SEGMENTS,
            accepted_before=(now - SETTLING_SECONDS) * 1_000_000,
            remembered=remembered,
        )
        for difference in found.differences[:MOST_REPORTED]:
            emit(difference)
        progress = _after(progress, found, now)
        save_progress(segment, SEGMENTS, progress)
    return before, progress


def _begun(progress: Progress, now: int) -> Progress:
    """The pass to go on with: the one under way, or a new one when the last began a day ago."""
    is_over = progress.finished_at and now - progress.started_at >= PASS_SECONDS
    return Progress(started_at=now) if is_over or not progress.started_at else progress


def _after(progress: Progress, found: Recount, now: int) -> Progress:
    return replace(
        progress,
        cursor=found.following,
        finished_at=0 if found.following else now,
        events=progress.events + found.events,
        buckets=progress.buckets + found.buckets,
        busy=progress.busy + found.busy,
        differences=progress.differences + len(found.differences),
        unreadable=progress.unreadable + found.unreadable,
    )


def _body(ctx: Context, difference: Difference) -> Body:
    """The difference as its event shows it, under an id of the counter's state.

    Pages begin elsewhere on another day: what one of them showed is no part of the id.
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


def _numbers(whole: Aggregate, difference: Difference) -> Body:
    """The events of the hour and their value by the meter's formula, a decimal string."""
    return {
        "event_count": whole.count,
        "value": format(result(whole, difference.measure.formula), "f"),
    }
