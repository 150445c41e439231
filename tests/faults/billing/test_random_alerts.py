"""Usage at random, watched by processes that die, repeat themselves and cut in on each other.

Events are counted, late ones too, and cancelled; alerts are made, put out of action and archived;
records of counters come once, again, or long after. Whatever happens, an alert that is active while
usage is at its threshold has one event, and no other has any. A failing seed comes again with
``make test-runs ARGS=--run-seed=SEED``.
"""

import itertools
from collections.abc import Callable, Collection
from functools import cache, partial
from random import Random
from typing import Any

import pytest

from meterline.core.metering.acceptance import measure_from_text
from meterline.core.metering.headroom import unbounded
from meterline.services.base.context import Context
from meterline.services.metering import alert_watch, alerts, crossings
from meterline.services.metering.alert_types import UsageThreshold, usage_terms
from meterline.services.metering.watch_list import (
    WatchList,
    read_watch_list,
    read_watch_list_beside,
)
from meterline.services.work import usage_watch
from meterline.store.base.documents import Document
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.headrooms import (
    Remembered,
    UsageKey,
    headroom_beside,
    save_headroom,
)
from tests.faults.billing.seeds import SHARES, live_alone, live_each
from tests.faults.billing.watched_life import HOUR, Life, Once
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import NOW, World
from tests.faults.mistakes.mistake import Mistake, by_name


def live(world: World, seed: int) -> Life:
    """The life that a seed tells, and whether all was right in the end."""
    chance = Random(seed)
    life = Life(world, chance, world.meter("tokens"), world.customer(at=NOW))
    assert world.engine.memory is not None
    world.engine.memory.on_change = life.changed
    life.live()
    return life


@pytest.mark.parametrize("share", range(SHARES))
def test_each_crossing_is_told_once_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World, share: int
) -> None:
    live_each(request, memory_world, live, share)


def alerts_that_change_unnoticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UsageThreshold, "counted", lambda *_: [])


def alerts_that_leave_the_customer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UsageThreshold, "written_beside", lambda *_: [])


def an_activation_that_touches_nothing(patch: pytest.MonkeyPatch) -> None:
    alerts_that_change_unnoticed(patch)
    alerts_that_leave_the_customer(patch)


def a_headroom_that_is_not_forgotten_first(patch: pytest.MonkeyPatch) -> None:
    def nothing(key: UsageKey) -> Remembered:
        return _remembered(BillingStore(key.livemode), key)

    patch.setattr(alert_watch, "forget_headroom", nothing)


def levels_read_after_the_total(patch: pytest.MonkeyPatch) -> None:
    levels = alert_watch._Look._levels  # noqa: SLF001 - the mutation is in there

    class Late(dict[int, Any]):
        """Equals whatever was read before, and is read when it is used."""

        def __init__(self, *args: Any) -> None:
            super().__init__()
            self.args = args

        def __eq__(self, _: object) -> bool:
            return True

        __hash__ = None

        def items(self) -> Any:
            return levels(*self.args).items()

    def late(*args: Any) -> Late:
        return Late(*args)

    patch.setattr(alert_watch._Look, "_levels", late)  # noqa: SLF001 - as above


def _remembered(store: BillingStore, key: UsageKey) -> Remembered:
    """What is remembered now, read as a batch reads it."""
    return headroom_beside(store.get_many([key.customer]).get(key.customer), key.meter)


def remembering_before_it_is_told(patch: pytest.MonkeyPatch) -> None:
    tell = crossings.tell

    def late(ctx: Context, finding: crossings.Finding, action: crossings.Action) -> bool:
        watched = finding.watched
        meter = usage_terms(watched.alert)["meter"]
        key = UsageKey(ctx.livemode, meter, watched.customer)
        seen = _remembered(BillingStore(ctx.livemode), key)
        state = read_watch_list(livemode=ctx.livemode).alerts_state(meter)
        room = unbounded(measure_from_text("sum"))
        save_headroom(key, seen, state, room)
        return tell(ctx, finding, action)

    patch.setattr(alert_watch, "tell", late)


def a_crossing_that_is_told_by_whoever_sees_it(patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()
    patch.setattr(crossings, "derived_object_id", lambda *_: f"alrttr_{next(numbers)}")


def a_watch_list_from_an_earlier_batch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage_watch, "read_watch_list", cache(read_watch_list))
    first_lists: dict[bool, WatchList] = {}

    def beside(
        store: BillingStore, object_ids: Collection[str]
    ) -> tuple[WatchList, dict[str, Document | None]]:
        latest, found = read_watch_list_beside(store, object_ids)
        return first_lists.setdefault(store.livemode, latest), found

    patch.setattr(usage_watch, "read_watch_list_beside", beside)


def alerts_that_are_entered_nowhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(UsageThreshold, "enter", lambda *_: None)


MISTAKES = [
    Mistake(alerts_that_change_unnoticed, "is missed"),
    Mistake(alerts_that_leave_the_customer, "is missed"),
    Mistake(a_crossing_that_is_told_by_whoever_sees_it, "told once"),
    Mistake(a_watch_list_from_an_earlier_batch, "is missed"),
    Mistake(alerts_that_are_entered_nowhere, "is missed"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_random_usage_notices(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(live_alone, memory_world, live), 20)


def _rests(world: World) -> None:
    """An alert that rests while usage crosses it, and another one far ahead."""
    world.clock.now = NOW
    name = f"meter{next(_names)}"
    life = Life(world, Random(0), world.meter(name), world.customer(at=NOW))
    assert world.engine.memory is not None
    world.engine.memory.on_change = life.changed
    life.make_alert(10_000)
    life.make_alert(50)
    *_, resting = life.alerts
    alerts.deactivate_alert(world.context(), resting, {})
    life.count(NOW, 60)
    life.watch_all(lambda *_: None)
    alerts.activate_alert(world.context(), resting, {})
    life.calm()


def test_an_alert_that_has_rested_is_told_with_the_next_usage(
    memory_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _rests(memory_world)
    mistake = Mistake(an_activation_that_touches_nothing, "is missed")
    mistake.must_be_noticed(monkeypatch, lambda _: _rests(memory_world), 1)


def _at_each_moment(world: World, disturb: Callable[[Life], None]) -> None:
    """Usage of 2, then of 62, with an alert at 100 and one that 62 crosses: watching the latter is
    disturbed once, at each of its calls in turn. Then all records are delivered, and one more.
    """
    for call, after in itertools.product(range(MOST_CALLS), (False, True)):
        world.clock.now = NOW
        name = f"meter{next(_names)}"
        life = Life(world, Random(0), world.meter(name), world.customer(at=NOW))
        assert world.engine.memory is not None
        world.engine.memory.on_change = life.changed
        life.make_alert(100)
        life.make_alert(55)
        life.count(NOW, 1)
        life.calm()
        life.count(NOW, 60)
        once = Once(Moment(call, after), partial(disturb, life))
        life.watch_all(once)
        if not once.is_over:
            return
        life.calm()
    raise AssertionError("more calls than were looked at")


_names = itertools.count()


MOST_CALLS = 40


def dying(life: Life) -> None:
    raise Died(life.meter)


def counting_more(life: Life) -> None:
    life.count(NOW, 40)


def counting_and_watching_more(life: Life) -> None:
    """A little in each of ten hours, so that what was remembered before lets it pass."""
    for hours in (-2, -1, *range(1, 9)):
        life.count(NOW + hours * HOUR, 4)
        life.watch_next()


DISTURBANCES = [dying, counting_more, counting_and_watching_more]


@pytest.mark.parametrize("disturb", DISTURBANCES)
def test_each_crossing_is_told_once_wherever_watching_is_disturbed(
    memory_world: World, disturb: Callable[[Life], None]
) -> None:
    _at_each_moment(memory_world, disturb)


ANYWHERE = [
    (Mistake(a_headroom_that_is_not_forgotten_first, "is missed"), counting_and_watching_more),
    (Mistake(levels_read_after_the_total, "is missed"), counting_more),
    (Mistake(remembering_before_it_is_told, "is missed"), dying),
]


@pytest.mark.parametrize(
    ("mistake", "disturb"), ANYWHERE, ids=[mistake.name for mistake, _ in ANYWHERE]
)
def test_disturbing_at_each_moment_notices(
    memory_world: World,
    monkeypatch: pytest.MonkeyPatch,
    mistake: Mistake,
    disturb: Callable[[Life], None],
) -> None:
    mistake.must_be_noticed(monkeypatch, lambda _: _at_each_moment(memory_world, disturb), 1)
