"""Events on their way to endpoints, destinations and the event bus, while workers die at any call
and messages are lost or come twice: each gets each event at least once, and records say no more
than what happened.

A failing seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest

from meterline.services.events import fan_out, payloads, publishing
from meterline.services.events.deliveries import after_attempt, new_delivery
from meterline.services.work import webhook_workers
from meterline.store.base.settings import settings
from meterline.store.billing.repository import BillingStore
from meterline.store.events import event_bus
from meterline.store.events.replies import Reply
from meterline.store.work import queues
from tests.faults.billing.delivery_run import BUS, OK, Run
from tests.faults.billing.seeds import SHARES, live_alone, live_each
from tests.faults.billing.world import World
from tests.faults.load import Load
from tests.faults.mistakes.mistake import Mistake, by_name

STEPS = 24
TROUBLE = 0.05


class Sns:
    """A topic that takes everything."""

    def publish_batch(self, **_: Any) -> Any:
        """Take them."""
        return {}


def _in_turn(calls: Sequence[Any], sender: Any) -> Iterator[tuple[Any, Reply]]:
    for made, work in webhook_workers._sendings(calls, sender):  # noqa: SLF001 - less its threads
        yield from zip(made, work(), strict=True)


type Deliver = Callable[[World, int], None]


@pytest.fixture
def deliver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deliver]:
    """Delivers as a seed tells."""
    monkeypatch.setattr(publishing, "sns", Sns)
    # One after another, so that the same seed always meets the same trouble.
    for module in (publishing, fan_out):
        monkeypatch.setattr(module, "in_parallel", lambda calls: [call() for call in calls])
    monkeypatch.setattr(webhook_workers, "_made", _in_turn)
    monkeypatch.setenv("METERLINE_EVENT_BUS_NAME", BUS)
    settings.cache_clear()

    def run(world: World, seed: int) -> None:
        chance = Random(seed)
        story = Run(world, chance)
        load = Load(chance, TROUBLE, frozenset())
        world.wire.at, world.wire.refusal = story.at, load.refusal
        monkeypatch.setattr(queues, "_send", story.send)
        monkeypatch.setattr(event_bus, "eventbridge", lambda: story)
        story.begin()
        steps = (story.emit, story.publish, story.deliver, story.deliver, story.sweep, story.wait)
        story.emit()
        for _ in range(STEPS):
            chance.choice(steps)()
        load.is_calm = True
        story.finish()
        story.check()

    yield run
    settings.cache_clear()


@pytest.mark.parametrize("share", range(SHARES))
def test_every_event_reaches_each_endpoint_and_no_record_says_more_than_what_happened(
    request: pytest.FixtureRequest, memory_world: World, deliver: Deliver, share: int
) -> None:
    live_each(request, memory_world, deliver, share)


# ---------------------------------------------------------------- mistakes that must be noticed
def deliveries_that_are_stored_anew(patch: pytest.MonkeyPatch) -> None:
    def store(delivery: Any) -> None:
        stored = BillingStore(livemode=False).get(delivery.id)
        BillingStore(livemode=False).put(replace(delivery, version=stored.version if stored else 0))

    patch.setattr(fan_out, "_store", store)


def deliveries_that_nothing_finds_again(patch: pytest.MonkeyPatch) -> None:
    new = new_delivery
    patch.setattr(
        fan_out, "new_delivery", lambda *one, **more: replace(new(*one, **more), due_at=None)
    )


def a_failure_of_storing_that_nobody_hears_of(patch: pytest.MonkeyPatch) -> None:
    def store(delivery: Any) -> None:
        with suppress(Exception):
            BillingStore(livemode=False).put(delivery)

    patch.setattr(fan_out, "_store", store)


def success_that_is_recorded_before_the_call(patch: pytest.MonkeyPatch) -> None:
    def made(calls: Sequence[Any], sender: Any) -> Iterator[tuple[Any, Reply]]:
        for call in calls:
            yield call, OK
            list(_in_turn([call], sender))

    patch.setattr(webhook_workers, "_made", made)


def an_outcome_that_a_race_overwrites(patch: pytest.MonkeyPatch) -> None:
    def write(ctx: Any, delivery: Any, attempt: Any) -> None:
        latest = ctx.store.get(delivery.id)
        changed = after_attempt(delivery, attempt, now=ctx.wall_clock)
        ctx.store.put(replace(changed, version=latest.version))

    patch.setattr(webhook_workers, "_write", write)


def failures_that_plan_nothing(patch: pytest.MonkeyPatch) -> None:
    after = after_attempt

    def never_again(delivery: Any, attempt: Any, **more: Any) -> Any:
        changed = after(delivery, attempt, **more)
        return replace(changed, due_at=None)

    patch.setattr(webhook_workers, "after_attempt", never_again)


def retries_without_an_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("meterline.services.events.deliveries.wait_after", lambda *_one, **_more: 60)


def entries_that_are_taken_for_put_with_their_call(patch: pytest.MonkeyPatch) -> None:
    put = Run.put_events

    def all_put(run: Run, **call: Any) -> Any:
        answer = put(run, **call)
        return answer | {"Entries": [{"EventId": "1"} for _ in answer["Entries"]]}

    patch.setattr(Run, "put_events", all_put)


def replies_of_the_bus_in_another_order(patch: pytest.MonkeyPatch) -> None:
    put = Run.put
    patch.setattr(Run, "put", lambda run, entries: put(run, entries)[::-1])


def a_call_of_the_bus_without_an_answer_that_is_a_success(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(event_bus, "_code_of", lambda _: None)


def snapshots_for_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(payloads, "takes_thin_events", lambda _: False)
    patch.setattr(payloads, "asks_for", lambda *_: True)
    patch.setattr(fan_out, "asks_for", lambda _, event: event["type"] == "customer.created")


MISTAKES = [
    Mistake(deliveries_that_are_stored_anew, "untrue|sent again|never ends", first=11),
    Mistake(deliveries_that_nothing_finds_again, "forgotten", first=12),
    Mistake(a_failure_of_storing_that_nobody_hears_of, "forgotten", first=16),
    Mistake(success_that_is_recorded_before_the_call, "sent again|untrue|forgotten"),
    Mistake(an_outcome_that_a_race_overwrites, "sent again", first=65),
    Mistake(failures_that_plan_nothing, "forgotten", first=2),
    Mistake(retries_without_an_end, "too often|never ends", first=2),
    Mistake(entries_that_are_taken_for_put_with_their_call, "untrue", first=8),
    Mistake(replies_of_the_bus_in_another_order, "untrue", first=8),
    Mistake(a_call_of_the_bus_without_an_answer_that_is_a_success, "untrue", first=8),
    Mistake(snapshots_for_everybody, "form"),
]

SEEDS_OF_A_MISTAKE = 60


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_deliveries_notice(
    memory_world: World, deliver: Deliver, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(
        monkeypatch, partial(live_alone, memory_world, deliver), SEEDS_OF_A_MISTAKE
    )
