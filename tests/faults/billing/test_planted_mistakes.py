"""Random weeks prove something only if they notice mistakes: these are planted."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from meterline.services.work import message_tries
from meterline.store.base import batches, models
from meterline.store.base.clients import dynamodb
from tests.faults.billing.test_random_runs import make_prices, run_weeks
from tests.faults.billing.world import World
from tests.faults.mistakes.mistake import Mistake, by_name

SEEDS = (*range(4, 8), *range(12, 16), *range(20, 24))
"""All of them under load."""


def work_given_up_for_what_passes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(message_tries, "passes", lambda _: False)


def a_read_that_forgets_what_was_left_undone(patch: pytest.MonkeyPatch) -> None:
    def once(table: str, keys: Sequence[Any]) -> Iterator[Any]:
        request = {table: {"Keys": keys, "ConsistentRead": True}}
        yield from dynamodb().batch_get_item(RequestItems=request)["Responses"].get(table, ())

    assert models.batch_get is batches.batch_get  # type: ignore[attr-defined]
    patch.setattr(models, "batch_get", once)


MISTAKES = [
    Mistake(work_given_up_for_what_passes, "dead letters"),
    Mistake(a_read_that_forgets_what_was_left_undone, "invoices"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_random_weeks_notice(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    prices = make_prices(memory_world)
    beginning = memory_world.state()

    def run(number: int) -> None:
        memory_world.restore(beginning)
        run_weeks(memory_world, SEEDS[number], prices)

    mistake.must_be_noticed(monkeypatch, run, len(SEEDS))
