"""Test clocks: a time of their own for a few customers, and advancing it.

Advancing does everything that falls due on the way, in order, each at its own instant, with the
services that the sweep of the wall clock uses too (contract section 9).
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Interval, IntervalUnit, add_intervals
from meterline.core.kinds.registry import kinds
from meterline.observability import log_failure
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.limits import deleted_set, members
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.base.progress import DuePoint, DueStep, NoProgress
from meterline.services.catalog.price_terms import interval_of
from meterline.services.customers.customers import clock_customers_set, prefix_claim
from meterline.services.invoices.numbers import number_claim
from meterline.services.metering.count_progress import wait_until_caught_up
from meterline.services.subscriptions.thresholds import bill_crossed
from meterline.services.work.due_passes import do_due_step
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Body, Change, Claim, Document
from meterline.store.work.queues import DueMessage, enqueue

KIND = "test_helpers.test_clock"
_KEPT_SECONDS = 30 * 86_400
_WITHOUT_SUBSCRIPTIONS = Interval(IntervalUnit.YEAR, 2)
_INTERVALS_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class _Step:
    """How much was done of what the index showed, and whether the time did not suffice for it."""

    done: int
    is_cut_short: bool = False


def create_test_clock(ctx: Context, params: Body) -> Body:
    """Create a clock that stands at ``frozen_time``; test mode only."""
    if ctx.livemode:
        raise BillingError("Test clocks can only be used in test mode. Use a test mode key.")
    body: Body = {
        "id": new_object_id(KIND),
        "object": KIND,
        "created": ctx.now,
        "deletes_after": ctx.now + _KEPT_SECONDS,
        "frozen_time": params["frozen_time"],
        "livemode": ctx.livemode,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    document = Document(kind=KIND, livemode=ctx.livemode, body=body)
    events = [EventDraft("test_helpers.test_clock.created", body)]
    ctx.save(Change(puts=[document]), events, result_id=body["id"])
    return body


def advance_test_clock(ctx: Context, clock_id: str, params: Body) -> Body:
    """Start advancing a clock to ``frozen_time``; a worker does it, then it is ready again."""
    document = find(ctx, KIND, clock_id)
    target = int(params["frozen_time"])
    _check_advance(ctx, document.body, target)
    body = document.body | {
        "status": "advancing",
        "status_details": {"advancing": {"target_frozen_time": target}},
    }
    events = [EventDraft("test_helpers.test_clock.advancing", body)]
    ctx.save(
        Change(puts=[replace(document, body=body, due_at=ctx.wall_clock)]),
        events,
        result_id=clock_id,
    )
    enqueue([DueMessage(ctx.livemode, KIND, clock_id)])
    return body


def run_test_clock(
    ctx: Context, clock_id: str, has_time: Callable[[], bool] = lambda: True
) -> None:
    """Do what falls due up to the target of an advancing clock, then set it ready there.

    A run that fails or dies half way is repeated: what it has done is no longer due, and each
    instant that is left is decided as it would have been. When ``has_time`` says no, the rest is
    left to a new message, if anything was done; else the run has failed (NoProgress). A deleted
    clock loses its customers.
    """
    document = ctx.store.get(clock_id)
    if document is None or document.due_at is None:
        return
    due_step = DueStep(clock_id, DuePoint(document.due_at), _due_point_of)
    do_due_step(ctx, document, due_step, partial(_run, has_time=has_time))


def fail_test_clock(ctx: Context, clock_id: str, error: Exception) -> bool:
    """Give up an advancing clock whose work failed with ``error`` at every try.

    It stays where it was before, and can only be deleted. False if it is not advancing.
    """
    clock = ctx.store.get(clock_id)
    if clock is None or clock.body.get("deleted") or clock.body["status"] != "advancing":
        return False
    log_failure("test clock failed", error, clock=clock_id)
    _stop(ctx, clock, "internal_failure", int(clock.body["frozen_time"]))
    return True


def delete_test_clock(ctx: Context, clock_id: str, params: Body) -> Body:  # noqa: ARG001 - route
    """Delete a clock; a worker then deletes its customers and all that belongs to them.

    The clock is gone for every reader at once. Its stub stays due until the work is done, so the
    sweep takes it up again if the worker dies.
    """
    document = find(ctx, KIND, clock_id)
    remains: Body = {"id": clock_id, "object": KIND, "deleted": True}
    stub = replace(document, body=remains | {"created": document.created}, due_at=ctx.wall_clock)
    events = [EventDraft("test_helpers.test_clock.deleted", document.body)]
    ctx.save(Change(puts=[stub]), events, result_id=clock_id)
    enqueue([DueMessage(ctx.livemode, KIND, clock_id)])
    return remains


def _due_point_of(clock: Document) -> DuePoint | None:
    return None if clock.due_at is None else DuePoint(clock.due_at)


def _run(ctx: Context, clock: Document, has_time: Callable[[], bool]) -> list[Document]:
    if clock.body.get("deleted"):
        return _bury(ctx, clock, has_time)
    return _advance(ctx, clock, has_time)


def _advance(ctx: Context, clock: Document, has_time: Callable[[], bool]) -> list[Document]:
    target = int(clock.body["status_details"]["advancing"]["target_frozen_time"])
    customers = members(ctx, clock_customers_set(clock.id))
    wait_until_caught_up(customers, livemode=ctx.livemode, now=ctx.wall_clock)
    done, step = 0, _Step(done=1)
    while step.done:
        step = _run_due(ctx, clock, target, has_time)
        done += step.done
        if step.is_cut_short:
            return _leave_rest(ctx, clock, done)
    for customer in ctx.store.get_many(customers).values():
        bill_crossed(ctx.at(target), customer)
    return _stop(ctx, clock, "ready", target)


def _leave_rest(ctx: Context, clock: Document, done: int) -> list[Document]:
    """Leave the rest to a new message, if a part of the work was ``done``.

    The clock is due later than it was, so that runs which come no further end as failures.
    """
    if not done:
        message = f"{clock.id} had no time for any of its work"
        raise NoProgress(message)
    later = replace(clock, due_at=max(ctx.wall_clock, (clock.due_at or 0) + 1))
    ctx.save(Change(puts=[later]))
    enqueue([DueMessage(ctx.livemode, KIND, clock.id)])
    return [later]


def _stop(ctx: Context, clock: Document, status: str, frozen_time: int) -> list[Document]:
    """Set a clock ready, or failed, at a time; nothing more is due for it."""
    body = clock.body | {"status": status, "status_details": {}, "frozen_time": frozen_time}
    events = [EventDraft(f"test_helpers.test_clock.{status}", body)]
    stopped = replace(clock, body=body, due_at=None)
    ctx.save(Change(puts=[stopped]), events)
    return [stopped]


def _run_due(ctx: Context, clock: Document, target: int, has_time: Callable[[], bool]) -> _Step:
    """Do what the index shows as due, and what that makes due, in order, while there is time.

    The index may lag behind the last commits: what they made due is remembered here, and the caller
    looks again until nothing turns up.
    """
    agenda = ctx.store.due_on(clock.id, target)
    done = 0
    while agenda:
        if not has_time():
            return _Step(done, is_cut_short=True)
        due_at, object_id = heapq.heappop(agenda)
        made = do_due_work(ctx.at(due_at), object_id)
        done += len(made)
        for document in made:
            if document.due_at is not None and document.due_at <= target:
                heapq.heappush(agenda, (document.due_at, document.id))
    return _Step(done)


def _check_advance(ctx: Context, clock: Body, target: int) -> None:
    if clock["status"] == "internal_failure":
        raise BillingError(
            "The test clock failed while it was advancing and cannot be used any more. Delete it"
            " and create another one.",
        )
    if clock["status"] != "ready":
        raise BillingError(
            "The test clock is still advancing. Wait until it is ready to advance it again.",
            code="rate_limit",
            status=429,
        )
    frozen = int(clock["frozen_time"])
    if target <= frozen:
        raise BillingError(
            f"A test clock can only be advanced forward: frozen_time must be after {frozen}.",
            param="frozen_time",
        )
    latest = _latest_target(ctx, clock)
    if target > latest:
        raise BillingError(
            f"Cannot advance the test clock from {frozen} beyond {latest}: at most"
            " two intervals of its shortest subscription at a time, two years without one.",
            param="frozen_time",
        )


def _latest_target(ctx: Context, clock: Body) -> int:
    """How far the clock can go at once: by calendar intervals (23 November gives 23 January)."""
    frozen = int(clock["frozen_time"])
    limits = [
        add_intervals(frozen, interval, _INTERVALS_AT_ONCE)
        for interval in _intervals(ctx, clock["id"])
    ]
    return min(limits, default=add_intervals(frozen, _WITHOUT_SUBSCRIPTIONS, 1))


def _intervals(ctx: Context, clock_id: str) -> Iterator[Interval]:
    """The intervals of the running subscriptions of a clock's customers.

    A deleted customer, who is no longer on the clock's set, has none that runs.
    """
    for customer_id in members(ctx, clock_customers_set(clock_id)):
        for subscription in ctx.store.each("subscription", parent=customer_id):
            if subscription.due_at is not None:
                for item in subscription.body["items"]["data"]:
                    yield interval_of(item["price"])


def _remains(ctx: Context, clock_id: str, kind: str) -> Iterator[Document]:
    """The same as it is stored, also what is invisible."""
    for customer in _customers(ctx, clock_id):
        yield from ctx.store.remains(kind, customer.id)


def _customers(ctx: Context, clock_id: str) -> list[Document]:
    """The customers of a clock: those on its set, and what the index shows of deleted ones."""
    shown = {one.id: one for one in ctx.store.each("customer", parent=clock_id)}
    return list((shown | ctx.store.get_many(members(ctx, clock_customers_set(clock_id)))).values())


def _bury(ctx: Context, clock: Document, has_time: Callable[[], bool]) -> list[Document]:
    """Delete what a deleted clock's customers have, then them, then what is left of the clock.

    Each step finds what the steps before have left, so it can be repeated if it dies half way.
    Counted usage stays, as the evidence of accepted events; events stay for their 30 days.
    """
    done = 0
    for kind in [one.name for one in kinds() if one.belongs_to_customer]:
        for document in _remains(ctx, clock.id, kind):
            if not has_time():
                return _leave_rest(ctx, clock, done)
            ctx.save(Change(deletes=[document], releases=_claims_of(document)))
            done += 1
    for customer in _customers(ctx, clock.id):
        is_stub = customer.body.get("deleted")
        change = Change(
            deletes=[customer], releases=[] if is_stub else [prefix_claim(customer.body)]
        )
        events = [] if is_stub else [EventDraft("customer.deleted", customer.body)]
        ctx.save(change, events)
    ctx.save(Change(deletes=[clock, *deleted_set(ctx, clock_customers_set(clock.id))]))
    return []


def _claims_of(document: Document) -> list[Claim]:
    """What goes with an object: the number of a final invoice."""
    is_final = document.kind == "invoice" and document.body["status"] != "draft"
    return [number_claim(document.body)] if is_final else []
