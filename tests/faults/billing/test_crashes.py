"""Wherever a process of the scheduled half dies, the retry of its trigger completes the same work.

Each piece of work is run once undisturbed; then, for every call that it makes to AWS, it is run
again from the same beginning and dies just before that call reaches AWS, and once more just after.
Its trigger invokes it again. At the end every item of every table, and everything that was sent or
published, must be what the undisturbed run left, byte for byte.
"""

from collections.abc import Callable
from typing import Any

import pytest

from meterline.core.billing import pending_batches
from meterline.store.base import listing_notes
from meterline.store.base.notes import notes_in
from meterline.store.billing import parts
from tests.faults.billing.wire import Moment, Wire, dies_at
from tests.faults.billing.works import credit_grants, invoices, schedules, streams
from tests.faults.billing.works.work import Work
from tests.faults.billing.world import State, World

WORKS = [
    invoices.renewal,
    invoices.large_renewal,
    invoices.large_finalisation,
    invoices.finalisation,
    credit_grants.finalisation_by_units,
    credit_grants.credited_finalisation,
    credit_grants.credited_void,
    credit_grants.credited_note,
    credit_grants.credit_expiry,
    invoices.notice,
    invoices.overdue,
    invoices.expiry,
    invoices.late,
    invoices.given_up,
    invoices.stopping,
    schedules.schedule_start,
    schedules.phase_change,
    schedules.phases_to_the_end,
    streams.clock_advance,
    streams.clock_deletion,
    streams.dispatch,
    streams.alert,
    streams.threshold,
    streams.publication,
]


@pytest.mark.crashes
@pytest.mark.parametrize("prepare", WORKS, ids=lambda one: one.__name__)
def test_work_that_dies_at_any_call_ends_as_if_it_had_not(
    world: World, prepare: Callable[[World], Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_batches, "MOST_ITEMS", 7)
    monkeypatch.setattr(parts, "INLINE_LINES", 20)
    monkeypatch.setattr(parts, "PART_BYTES", 1_000)
    work = prepare(world)
    beginning = world.state()
    undisturbed = _outcome(world, work, Wire().at)
    calls = len(world.wire.calls)
    assert calls >= 2, "nothing happened"
    assert undisturbed != (beginning, []), "nothing happened"
    for moment in (Moment(call, after) for call in range(calls) for after in (False, True)):
        world.restore(beginning)
        outcome = _outcome(world, work, dies_at(moment))
        assert outcome == undisturbed, f"differs when it dies at {moment}"


def _outcome(
    world: World, work: Work, at: Callable[[Moment, str], None]
) -> tuple[State, list[str]]:
    world.wire.at = at
    world.until_done(_by_a_new_process(work.trigger))
    return _told_apart(world.state()), work.sent()


def _by_a_new_process(trigger: Callable[[], Any]) -> Callable[[], Any]:
    """A trigger of work whose process knows nothing of how much was listed lately."""

    def begin() -> Any:
        listing_notes.PROCESS.allowances.clear()
        return trigger()

    return begin


def _told_apart(state: State) -> State:
    """The state without what nobody reads: parts that no invoice names, which its next change
    removes, search rows of values that an object has no more, which readers pass over, how often
    a total of old usage was forgotten, and what is remembered of thresholds: a look that comes
    again remembers what the next one would have.
    """
    billing: dict[tuple[str, ...], Any] = state["billing"]
    named = {
        (pk, name)
        for (pk, _), item in billing.items()
        for name in item.get("parts", {}).get("SS", ())
    }
    kept = {
        key: {name: value for name, value in item.items() if name not in notes_in(item)}
        for key, item in billing.items()
        if (not key[1].startswith("lines#") or key in named) and not _misleads(key, billing)
    }
    usage = {
        key: {name: value for name, value in item.items() if name != "generation"}
        for key, item in state["usage"].items()
    }
    return state | {"billing": kept, "usage": usage}


def _misleads(key: tuple[str, ...], billing: dict[tuple[str, ...], Any]) -> bool:
    """Whether a row of the search leads to an object that does not have its value."""
    mode, kind, *rest = key[0].split("#")
    if kind != "term":
        return False
    found = billing.get((f"{mode}#{key[1].partition('#')[2]}", "#"), {})
    return rest[-1] not in found.get("terms", {}).get("SS", ())
