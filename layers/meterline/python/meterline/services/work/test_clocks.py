"""Test clocks: a time of their own for a few customers, and advancing it.

Advancing does everything that falls due on the way, in order, each at its own instant, with the
services that the sweep of the wall clock uses too (contract section 9).
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Interval, IntervalUnit, add_intervals
from meterline.core.kinds.registry import kinds
from meterline.observability import log_failure
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.limits import deleted_set, members
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.base.progress import DuePoint, DueStep, NoProgress
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.catalog.price_terms import interval_of
from meterline.services.customers.customers import clock_customers_set, prefix_claim
from meterline.services.invoices.numbers import number_claim
from meterline.services.metering.count_progress import wait_until_caught_up
from meterline.services.work.amount_watch import look_on_arrival, tell_spend_so_far
from meterline.services.work.due_passes import do_due_step
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Body, Change, Claim, Document
from meterline.store.work.queues import DueMessage, enqueue

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Deleted, TestClock

KIND: Final = "test_helpers.test_clock"
_KEPT_SECONDS = 30 * 86_400
_WITHOUT_SUBSCRIPTIONS = Interval(IntervalUnit.YEAR, 2)
_INTERVALS_AT_ONCE = 2


@frozen
class _Step:
    """How many documents were written, and whether the time ran out before the work did."""

    done: int
    is_cut_short: bool = False


def create_test_clock(ctx: Context, params: Body) -> "TestClock":
    """Create a clock that stands at ``frozen_time``; test mode only."""
    if ctx.livemode:
        raise BillingError("Test clocks can only be used in test mode. Use a test mode key.")
    body: TestClock = {
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


def advance_test_clock(ctx: Context, clock_id: str, params: Body) -> "TestClock":
    """Start advancing a clock to ``frozen_time``; a worker does the work and sets it ready."""
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

    A run that fails or dies half way is repeated: its finished work is no longer due, and each
    instant that is left is decided as it would have been. When ``has_time`` says no, a new message
    gets the rest, if anything was done; else the run has failed (NoProgress). A deleted clock loses
    its customers.
    """
    document: Document[TestClock] | None = ctx.store.get(clock_id)
    if document is None or document.due_at is None:
        return
    due_step = DueStep(clock_id, DuePoint(document.due_at), _due_point_of)
    do_due_step(ctx, document, due_step, partial(_run, has_time=has_time))


def fail_test_clock(ctx: Context, clock_id: str, error: Exception) -> bool:
    """Give up an advancing clock whose work failed with ``error`` at every try.

    It stays where it was before, and can only be deleted. False if it is not advancing.
    """
    clock: Document[TestClock] | None = ctx.store.get(clock_id)
    if clock is None or clock.body.get("deleted") or clock.body["status"] != "advancing":
        return False
    log_failure("test clock failed", error, clock=clock_id)
    _stop(ctx, clock, "internal_failure", clock.body["frozen_time"])
    return True


def delete_test_clock(ctx: Context, clock_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - route
    """Delete a clock; a worker then deletes its customers and all that belongs to them.

    The clock is gone for every reader at once. Its stub stays due until the work is done, so the
    sweep takes it up again if the worker dies.
    """
    document = find(ctx, KIND, clock_id)
    answer: Deleted = {"id": clock_id, "object": KIND, "deleted": True}
    stub: Any = {**answer, "created": document.created}
    deleted = replace(document, body=stub, due_at=ctx.wall_clock)
    events = [EventDraft("test_helpers.test_clock.deleted", document.body)]
    ctx.save(Change(puts=[deleted]), events, result_id=clock_id)
    enqueue([DueMessage(ctx.livemode, KIND, clock_id)])
    return answer


def _due_point_of(clock: "Document[TestClock]") -> DuePoint | None:
    return None if clock.due_at is None else DuePoint(clock.due_at)


def _run(
    ctx: Context, clock: "Document[TestClock]", has_time: Callable[[], bool]
) -> list["Document[TestClock]"]:
    if clock.body.get("deleted"):
        return _bury(ctx, clock, has_time)
    return _advance(ctx, clock, has_time)


def _advance(
    ctx: Context, clock: "Document[TestClock]", has_time: Callable[[], bool]
) -> list["Document[TestClock]"]:
    target = clock.body["status_details"]["advancing"]["target_frozen_time"]
    customers = members(ctx, clock_customers_set(clock.id))
    wait_until_caught_up(customers, livemode=ctx.livemode, now=ctx.wall_clock)
    # Usage that was sent before may be of a period that ends on the way.
    for customer in ctx.store.get_many(customers).values():
        tell_spend_so_far(ctx.at(clock.body["frozen_time"]), customer)
    done, step = 0, _Step(done=1)
    while step.done and not step.is_cut_short:
        step = _do(ctx, ctx.store.due_on(clock.id, target), target, has_time)
        done += step.done
    if not step.is_cut_short:
        # What thresholds make without a grace period is due at once.
        step = _do(ctx, _bill_thresholds(ctx.at(target), customers), target, has_time)
        done += step.done
    if step.is_cut_short:
        return _leave_rest(ctx, clock, done)
    return _stop(ctx, clock, "ready", target)


def _leave_rest(
    ctx: Context, clock: "Document[TestClock]", done: int
) -> list["Document[TestClock]"]:
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


def _stop(
    ctx: Context,
    clock: "Document[TestClock]",
    status: Literal["ready", "internal_failure"],
    frozen_time: int,
) -> list["Document[TestClock]"]:
    """Set a clock ready, or failed, at a time; nothing more is due for it."""
    body = clock.body | {"status": status, "status_details": {}, "frozen_time": frozen_time}
    events = [EventDraft(f"test_helpers.test_clock.{status}", body)]
    stopped = replace(clock, body=body, due_at=None)
    ctx.save(Change(puts=[stopped]), events)
    return [stopped]


def _bill_thresholds(ctx: Context, customers: Iterable[str]) -> list[tuple[int, str]]:
    """Bill the thresholds that are crossed as a clock arrives; their invoices as an agenda."""
    stored = ctx.store.get_many(customers).values()
    return sorted(
        (ctx.now, invoice) for customer in stored for invoice in look_on_arrival(ctx, customer)
    )


def _do(
    ctx: Context, agenda: list[tuple[int, str]], target: int, has_time: Callable[[], bool]
) -> _Step:
    """Do what is due, given in order, and what that makes due up to ``target``, while there is
    time.

    What the index shows as due may lag behind the last commits. So this run remembers what they
    made due, and the caller looks again until nothing turns up.
    """
    done = 0
    while agenda:
        if not has_time():
            return _Step(done, is_cut_short=True)
        due_at, object_id = heapq.heappop(agenda)
        written = do_due_work(ctx.at(due_at), object_id)
        done += len(written)
        for document in written:
            if document.due_at is not None and document.due_at <= target:
                heapq.heappush(agenda, (document.due_at, document.id))
    return _Step(done)


def _check_advance(ctx: Context, clock: "TestClock", target: int) -> None:
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
    frozen = clock["frozen_time"]
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


def _latest_target(ctx: Context, clock: "TestClock") -> int:
    """How far the clock can go at once: by calendar intervals (23 November gives 23 January)."""
    frozen = clock["frozen_time"]
    limits = [
        add_intervals(frozen, interval, _INTERVALS_AT_ONCE)
        for interval in _intervals(ctx, clock["id"])
    ]
    return min(limits, default=add_intervals(frozen, _WITHOUT_SUBSCRIPTIONS, 1))


def _intervals(ctx: Context, clock_id: str) -> Iterator[Interval]:
    """The intervals of the running subscriptions of a clock's customers.

    A deleted customer, which is no longer on the clock's set, has none that runs.
    """
    for customer_id in members(ctx, clock_customers_set(clock_id)):
        for subscription in ctx.store.each("subscription", parent=customer_id):
            if subscription.due_at is not None:
                for item in items_of(subscription.body):
                    yield interval_of(item["price"])


def _remains(ctx: Context, clock_id: str, kind: str) -> Iterator[Document]:
    """All objects of a kind that are stored for the customers of a clock, invisible ones too."""
    for customer in _customers(ctx, clock_id):
        yield from ctx.store.remains(kind, customer.id)


def _customers(ctx: Context, clock_id: str) -> list["Document[Customer]"]:
    """The customers of a clock: those on its set, and what the index shows of deleted ones."""
    shown = {customer.id: customer for customer in ctx.store.each("customer", parent=clock_id)}
    return list((shown | ctx.store.get_many(members(ctx, clock_customers_set(clock_id)))).values())


def _bury(
    ctx: Context, clock: "Document[TestClock]", has_time: Callable[[], bool]
) -> list["Document[TestClock]"]:
    """Delete what a deleted clock's customers have, then the customers, then the clock's stub.

    Each step finds what the steps before have left, so a burial that dies half way can be repeated.
    Counted usage stays, as the evidence of accepted events; events stay for their 30 days.
    """
    done = 0
    for kind in [kind.name for kind in kinds() if kind.belongs_to_customer]:
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
    """The claims that are released with an object: the number of a final invoice."""
    is_final = document.kind == "invoice" and document.body["status"] != "draft"
    return [number_claim(document.body)] if is_final else []
