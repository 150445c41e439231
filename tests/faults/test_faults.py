"""Whatever fails, usage is exactly that of the accepted events that were not cancelled.

A failing seed comes again with ``pytest tests/faults --fault-seed SEED``; for a longer run say
``--fault-seeds 100000``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.faults.simulation import Simulation

FORMULAS = (
    *("sum", "sum", "sum", "sum", "count", "avg", "last", "max", "min", "unique_count"),
    *("sum:hour", "last:day", "unique_count:hour", "weighted_sum", "percentile"),
)


SHARES = 8
"""The seeds are dealt out to as many tests, so that several processes can run them."""


@pytest.mark.parametrize("share", range(SHARES))
def test_usage_is_exact_under_every_seed(
    simulate: Callable[[Simulation], None], request: pytest.FixtureRequest, share: int
) -> None:
    for seed in seeds_of(request.config, share):
        with told_how_to_repeat(seed):
            simulate(Simulation(seed, FORMULAS[seed % len(FORMULAS)]))


@pytest.mark.parametrize("share", range(SHARES))
def test_parts_of_usage_are_exact_under_every_seed(
    simulate: Callable[[Simulation], None], request: pytest.FixtureRequest, share: int
) -> None:
    for seed in seeds_of(request.config, share, one_in=10):
        formula = FORMULAS[seed % len(FORMULAS)]
        days = 3 if formula in ADDED_UP and seed % 2 else 1
        with told_how_to_repeat(seed):
            simulate(Simulation(seed, formula, days=days, has_dimensions=True))


ADDED_UP = ("sum", "sum", "count", "avg", "max", "min", "weighted_sum")


@pytest.mark.parametrize("share", range(SHARES))
def test_days_are_what_their_hours_add_up_to_under_every_seed(
    simulate: Callable[[Simulation], None], request: pytest.FixtureRequest, share: int
) -> None:
    for seed in seeds_of(request.config, share):
        with told_how_to_repeat(seed):
            simulate(Simulation(seed, ADDED_UP[seed % len(ADDED_UP)], days=3))


def seeds_of(config: pytest.Config, share: int, *, one_in: int = 1) -> Sequence[int]:
    """The seeds of a share, or a part of them; the first has the one that is asked for, if any."""
    asked = config.getoption("--fault-seed")
    if asked is not None:
        return [asked] * (share == 0)
    return range(share, config.getoption("--fault-seeds") // one_in, SHARES)


@contextmanager
def told_how_to_repeat(seed: int) -> Iterator[None]:
    """What fails inside says how the seed is run again."""
    try:
        yield
    except Exception as error:
        error.add_note(f"again with: pytest tests/faults/test_faults.py --fault-seed {seed}")
        raise
