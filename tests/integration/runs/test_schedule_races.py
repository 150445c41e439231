"""A phase that changes and a request about its schedule at once: one is first, both are done.

A request whose clock is behind comes before the phase; one that comes at the same second, after it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from meterline.api.operations import post
from meterline.api.routes.catching_up import caught_up
from meterline.services.base.context import Context
from meterline.services.schedules.create import create_schedule
from meterline.services.schedules.ends import cancel_schedule, release_schedule
from meterline.services.schedules.update import update_schedule
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.pauses import pause_subscription
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Body
from tests.engines import Engine
from tests.factories.objects import NOW, context, customer, licence, listed, product, stored
from tests.integration.runs.test_races import meanwhile
from tests.integration.runs.worlds import DAY

START = NOW // DAY * DAY
CHANGE = START + 10 * DAY

BEFORE, AFTER = 3_000, 6_000
"""The prices of the two phases."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule that changes the price of its subscription ten days after its start."""

    schedule: str
    subscription: str
    prices: list[str]

    @property
    def items(self) -> list[tuple[int, int]]:
        """Unit amount and quantity of what the subscription sells."""
        items = stored(self.subscription)["items"]["data"]
        return [(item["price"]["unit_amount"], item["quantity"]) for item in items]

    @property
    def statuses(self) -> tuple[str, str]:
        """Of schedule and subscription."""
        return stored(self.schedule)["status"], stored(self.subscription)["status"]

    def totals(self) -> list[int]:
        """What was billed, the first invoice first."""
        invoices = sorted(listed("invoice"), key=lambda one: (one["created"], one["id"]))
        return [invoice["total"] for invoice in invoices]


@pytest.fixture
def planned(dynamodb: Engine) -> Planned:  # noqa: ARG001 - the tables
    plan = product("Plan", at=START)
    prices = [licence(amount, at=START, product=plan) for amount in (BEFORE, AFTER)]
    phases = [
        {"items": [{"price": prices[0]}], "end_date": CHANGE},
        {"items": [{"price": prices[1]}], "proration_behavior": "always_invoice"},
    ]
    wanted = {"customer": customer(at=START), "start_date": START, "phases": phases}
    made = create_schedule(context(START), wanted)
    return Planned(made["id"], str(made["subscription"]), prices)


type Verb = Callable[[Planned, Context], object]


def _asked(verb: Callable[..., Any], ctx: Context, object_id: str, params: Body) -> object:
    """A request as the API has it done."""
    operation = caught_up(post("/v1/any/{id}", "subscription_schedule", verb))
    return operation.run(ctx, object_id, params)


def put_off(planned: Planned, ctx: Context) -> object:
    """Let the phase that runs at an instant last 25 days from the start."""
    is_first = ctx.now < CHANGE
    start = START if is_first else CHANGE
    price = planned.prices[0] if is_first else planned.prices[1]
    phases = [
        {"items": [{"price": price}], "start_date": start, "end_date": START + 25 * DAY},
        {"items": [{"price": planned.prices[0], "quantity": 2}], "proration_behavior": "none"},
    ]
    return _asked(update_schedule, ctx, planned.schedule, {"phases": phases})


def release(planned: Planned, ctx: Context) -> object:
    return _asked(release_schedule, ctx, planned.schedule, {})


def cancel(planned: Planned, ctx: Context) -> object:
    return _asked(cancel_schedule, ctx, planned.schedule, {"invoice_now": False})


def end(planned: Planned, ctx: Context) -> object:
    return _asked(cancel_subscription, ctx, planned.subscription, {})


def pause(planned: Planned, ctx: Context) -> object:
    return _asked(pause_subscription, ctx, planned.subscription, {})


def double(planned: Planned, ctx: Context) -> object:
    """Two seats, by a change of the subscription itself."""
    [item] = stored(planned.subscription)["items"]["data"]
    change = {"items": [{"id": item["id"], "quantity": 2}], "proration_behavior": "none"}
    return _asked(update_subscription, ctx, planned.subscription, change)


FIRST: list[tuple[Verb, tuple[str, str], list[tuple[int, int]]]] = [
    (put_off, ("active", "active"), [(BEFORE, 1)]),
    (release, ("released", "active"), [(BEFORE, 1)]),
    (cancel, ("canceled", "canceled"), [(BEFORE, 1)]),
    (pause, ("active", "paused"), [(AFTER, 1)]),
    (end, ("canceled", "canceled"), [(BEFORE, 1)]),
    (double, ("active", "active"), [(AFTER, 1)]),
]


@pytest.mark.parametrize(("verb", "statuses", "items"), FIRST)
def test_a_phase_that_loses_to_a_request_is_what_that_left(
    planned: Planned,
    monkeypatch: pytest.MonkeyPatch,
    verb: Verb,
    statuses: tuple[str, str],
    items: list[tuple[int, int]],
) -> None:
    with meanwhile(monkeypatch, lambda: verb(planned, context(CHANGE - 1))):
        do_due_work(context(CHANGE), planned.subscription)
    assert (planned.statuses, planned.items) == (statuses, items)
    billed = planned.totals()
    assert do_due_work(context(CHANGE + 1), planned.subscription) == []
    assert planned.totals() == billed


LATER: list[tuple[Verb, tuple[str, str], list[tuple[int, int]]]] = [
    (put_off, ("active", "active"), [(AFTER, 1)]),
    (release, ("released", "active"), [(AFTER, 1)]),
    (cancel, ("canceled", "canceled"), [(AFTER, 1)]),
    (pause, ("active", "paused"), [(AFTER, 1)]),
    (end, ("canceled", "canceled"), [(AFTER, 1)]),
    (double, ("active", "active"), [(AFTER, 2)]),
]


@pytest.mark.parametrize("is_raced", [False, True])
@pytest.mark.parametrize(("verb", "statuses", "items"), LATER)
def test_a_request_at_the_second_of_a_phase_comes_after_it_and_the_phase_once(
    planned: Planned,
    monkeypatch: pytest.MonkeyPatch,
    verb: Verb,
    statuses: tuple[str, str],
    items: list[tuple[int, int]],
    is_raced: bool,  # noqa: FBT001 - a case: a worker enters the phase at the same moment
) -> None:
    ctx = context(CHANGE)
    if is_raced:
        with meanwhile(monkeypatch, lambda: do_due_work(ctx, planned.subscription)):
            verb(planned, ctx)
    else:
        verb(planned, ctx)
    assert (planned.statuses, planned.items) == (statuses, items)
    [_, change] = planned.totals()[:2]
    assert 0 < change < AFTER - BEFORE, "the rest of a month of the difference"
    assert len(planned.totals()) == 2
    assert do_due_work(ctx, planned.subscription) == []


def test_a_schedule_that_begins_while_it_is_canceled_begins_no_subscription(
    planned: Planned, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = [{"items": [{"price": planned.prices[0]}]}]
    wanted = {"customer": customer(at=START), "start_date": CHANGE, "phases": phases}
    made = create_schedule(context(START), wanted)["id"]
    canceling = meanwhile(monkeypatch, lambda: cancel_schedule(context(CHANGE - 1), made, {}))
    with canceling:
        do_due_work(context(CHANGE), made)
    assert (stored(made)["status"], stored(made)["subscription"]) == ("canceled", None)
    assert len(listed("subscription")) == 1
