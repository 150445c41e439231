"""Random weeks prove something only if they notice mistakes: these are planted."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from meterline.services.work import message_tries
from meterline.store.base import batches, models
from meterline.store.base.clients import dynamodb
from tests.faults.billing.test_random_runs import Prices, make_prices, run_weeks
from tests.faults.billing.world import State, World

SEEDS = (*range(4, 8), *range(12, 16), *range(20, 24))
"""All of them under load."""

type Break = Callable[[pytest.MonkeyPatch], None]


def work_given_up_for_what_passes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(message_tries, "passes", lambda _: False)


def a_read_that_forgets_what_was_left_undone(patch: pytest.MonkeyPatch) -> None:
    def once(table: str, keys: Sequence[Any]) -> Iterator[Any]:
        request = {table: {"Keys": keys, "ConsistentRead": True}}
        yield from dynamodb().batch_get_item(RequestItems=request)["Responses"].get(table, ())

    assert models.batch_get is batches.batch_get  # type: ignore[attr-defined]
    patch.setattr(models, "batch_get", once)


def _run_all(world: World, beginning: State, prices: Prices) -> None:
    for seed in SEEDS:
        world.restore(beginning)
        run_weeks(world, seed, prices)


@pytest.mark.parametrize(
    ("mistake", "noticed_as"),
    [
        (work_given_up_for_what_passes, "dead letters"),
        (a_read_that_forgets_what_was_left_undone, "invoices"),
    ],
)
def test_random_weeks_notice(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Break, noticed_as: str
) -> None:
    prices = make_prices(memory_world)
    beginning = memory_world.state()
    mistake(monkeypatch)
    with pytest.raises(Exception, match=noticed_as):
        _run_all(memory_world, beginning, prices)
