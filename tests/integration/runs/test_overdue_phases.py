"""A change of phase whose work is late is billed as of its second, before what is asked since."""

from dataclasses import replace

import pytest

from meterline.api.operations import post
from meterline.api.routes.catching_up import caught_up
from meterline.services.schedules.create import create_schedule
from meterline.services.subscriptions.schedule_steps import PhaseOverdueError
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.due_work import do_due_work
from tests.engines import Engine
from tests.factories import objects

DAY = 86_400
START = 1_700_000_000 // DAY * DAY
CHANGE = START + 10 * DAY

UPDATE = caught_up(post("/v1/subscriptions/{id}", "subscription", update_subscription))


@pytest.fixture
def subscription(dynamodb: Engine) -> str:  # noqa: ARG001 - the tables
    """A subscription whose schedule changes its price ten days after the start."""
    product = objects.product("Plan", at=START)
    prices = [objects.licence(amount, at=START, product=product) for amount in (3_000, 6_000)]
    phases = [
        {"items": [{"price": prices[0]}], "end_date": CHANGE},
        {"items": [{"price": prices[1]}], "proration_behavior": "none"},
    ]
    wanted = {"customer": objects.customer(at=START), "start_date": "now", "phases": phases}
    return str(create_schedule(objects.context(START), wanted)["subscription"])


def amounts(subscription: str) -> list[int | None]:
    items = objects.stored(subscription)["items"]["data"]
    return [item["price"]["unit_amount"] for item in items]


def test_a_direct_change_waits_for_no_worker(subscription: str) -> None:
    late = objects.context(CHANGE + 30)
    [item] = objects.stored(subscription)["items"]["data"]
    change = {"items": [{"id": item["id"], "quantity": 2}], "proration_behavior": "none"}
    with pytest.raises(PhaseOverdueError):
        update_subscription(late, subscription, change)
    changed = UPDATE.run(late, subscription, change)
    assert amounts(subscription) == [6_000]
    assert changed["items"]["data"][0]["quantity"] == 2
    schedule = objects.stored(changed["schedule"])
    starts = [phase["start_date"] for phase in schedule["phases"]]
    assert starts == [START, CHANGE, CHANGE + 30]


@pytest.mark.parametrize("seconds_late", [0, 59, 3 * DAY])
def test_a_late_phase_begins_at_its_own_second_and_once(
    subscription: str, seconds_late: int
) -> None:
    ctx = objects.context(CHANGE + seconds_late)
    assert do_due_work(ctx, subscription)
    assert do_due_work(replace(ctx, now=ctx.now), subscription) == []
    assert amounts(subscription) == [6_000]
    schedule = objects.stored(objects.stored(subscription)["schedule"])
    assert schedule["current_phase"]["start_date"] == CHANGE


def test_no_phase_is_entered_before_its_second(subscription: str) -> None:
    assert do_due_work(objects.context(CHANGE - 1), subscription) == []
    assert amounts(subscription) == [3_000]
