"""Sweeps of an account under load: what is due is sent, and not much of it twice.

The schedule invokes a function at least once, so sweeps overlap at random calls; some die, some are
throttled and end. Nobody repeats them but the next minute. A sweep that is disturbed may send a
page of each partition again, never a backlog. A failing seed comes again with
``make test-runs ARGS=--run-seed=SEED``.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from meterline.services.work import sweep as sweeping
from meterline.services.work.sweep import OVERDUE_SECONDS, sweep
from meterline.store.base.batches import Throttled
from meterline.store.base.models import billing_item
from meterline.store.work import sweeps
from meterline.store.work.queues import DueMessage
from meterline.store.work.sweeps import DuePage, Progress, due_page
from tests.faults.billing.seeds import seeds_of
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import NOW, World
from tests.faults.load import Load
from tests.faults.mistakes.mistake import Mistake, by_name

MINUTE = 60
MINUTES = 8
"""Short enough that nothing is overdue and sent again for that."""

PAGE = 3
PARTITIONS = 2
LOAD = 0.05
OVERLAPS = 0.06
DEATHS = 0.03


class Minutes:
    """Some minutes of a seed: what falls due, and what disturbs the sweeps."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = Random(seed)
        self.load = Load(self.chance, LOAD, world.contended)
        self.sent: Counter[str] = Counter()
        self.due: set[str] = set()
        self.now = NOW
        self.disturbed = 0
        self.is_overlapping = False
        world.wire.refusal = self.load.refusal
        world.wire.at = self._disturb
        world.wire.share = lambda parts: self.chance.randint(1, parts)

    def enqueue(self, messages: Iterable[DueMessage]) -> int:
        """What a queue takes."""
        ids = [message.object_id for message in messages]
        self.sent.update(ids)
        return len(ids)

    def run(self) -> None:
        """Sweep every minute, at last undisturbed; compare what was due with what was sent."""
        for minute in range(MINUTES):
            now = NOW + minute * MINUTE
            self._fall_due(now)
            self._sweep(now)
        self.load.is_calm = True
        sweep(NOW + MINUTES * MINUTE, modes=[False])
        assert self.sent.keys() == self.due, "everything is sent"
        again = self.sent.total() - len(self.due)
        assert again <= self.disturbed * PAGE * PARTITIONS, "and no backlog twice"

    def _fall_due(self, now: int) -> None:
        for number in range(self.chance.choice((1, 4, 40))):
            name = f"sub_{now}x{number}"
            item = billing_item()(f"t#{name}", "#", kind="subscription", due_at=now - MINUTE // 2)
            item.due_pk = f"t#live#{self.chance.randrange(PARTITIONS)}"
            item.save()
            self.due.add(name)

    def _sweep(self, now: int) -> None:
        self.now = now
        try:
            self.world.wire.watch(lambda: sweep(now, modes=[False]))
        except (Died, ClientError, Throttled):
            self.disturbed += 1

    def _disturb(self, moment: Moment, _operation: str) -> None:
        """Another sweep begins and ends here, or this one dies."""
        if self.is_overlapping:
            return
        dice = self.chance.random()
        if dice < OVERLAPS:
            self._overlap()
        elif dice < OVERLAPS + DEATHS:
            raise Died(moment)

    def _overlap(self) -> None:
        self.disturbed += 1
        self.is_overlapping = True
        try:
            with self.load.calm():
                sweep(self.now, modes=[False])
        finally:
            self.is_overlapping = False


@pytest.fixture
def minutes(memory_world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Runs the minutes of a seed, with small pages, into queues that are always empty."""
    nothing = memory_world.state()
    monkeypatch.setattr(sweeping, "due_page", partial(due_page, limit=PAGE))
    assert MINUTES * MINUTE < OVERDUE_SECONDS

    def run(seed: int) -> None:
        memory_world.restore(nothing)
        story = Minutes(memory_world, seed)
        monkeypatch.setattr(sweeping, "enqueue", story.enqueue)
        story.run()

    return run


def test_sweeps_that_overlap_and_fail_send_everything_and_hardly_anything_twice(
    request: pytest.FixtureRequest, minutes: Callable[[int], None]
) -> None:
    for seed in seeds_of(request, 0, 1):
        try:
            minutes(seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def progress_that_overlapping_sweeps_save_over_each_other(patch: pytest.MonkeyPatch) -> None:
    def save(partition: str, progress: Progress) -> None:
        latest = sweeps.read_progress([partition])[partition].version
        sweeps.save_progress(partition, replace(progress, version=latest + 1))

    patch.setattr(sweeping, "save_progress", save)


def a_page_taken_for_the_last(patch: pytest.MonkeyPatch) -> None:
    def page(*place: Any, **_: Any) -> DuePage:
        return replace(due_page(*place, limit=PAGE), after=None)

    patch.setattr(sweeping, "due_page", page)


def progress_that_is_never_saved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sweeping, "save_progress", lambda *_: None)


MISTAKES = [
    Mistake(progress_that_overlapping_sweeps_save_over_each_other, "no backlog twice", first=8),
    Mistake(a_page_taken_for_the_last, "everything is sent"),
    Mistake(progress_that_is_never_saved, "no backlog twice"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_sweeps_that_overlap_notice(
    minutes: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, minutes, 40)
