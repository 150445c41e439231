"""Whatever fails, usage is exactly that of the accepted events that were not cancelled.

A failing seed comes again with ``pytest tests/faults --fault-seed SEED``; for a longer run say
``--fault-seeds 100000``.
"""

from collections.abc import Callable

import pytest

from tests.faults.simulation import Simulation

FORMULAS = (
    *("sum", "sum", "sum", "sum", "count", "avg", "last", "max", "min", "unique_count"),
    *("sum:hour", "last:day", "unique_count:hour"),
)


SHARES = 8
"""The seeds are dealt out to as many tests, so that several processes can run them."""


@pytest.mark.parametrize("share", range(SHARES))
def test_usage_is_exact_under_every_seed(
    simulate: Callable[[Simulation], None], request: pytest.FixtureRequest, share: int
) -> None:
    one = request.config.getoption("--fault-seed")
    count = request.config.getoption("--fault-seeds")
    seeds = range(share, count, SHARES) if one is None else [one] * (share == 0)
    for seed in seeds:
        simulation = Simulation(seed, FORMULAS[seed % len(FORMULAS)])
        try:
            simulate(simulation)
        except Exception as error:
            error.add_note(f"again with: pytest tests/faults/test_faults.py --fault-seed {seed}")
            raise


ADDED_UP = ("sum", "sum", "count", "avg", "max", "min")


@pytest.mark.parametrize("share", range(SHARES))
def test_days_are_what_their_hours_add_up_to_under_every_seed(
    simulate: Callable[[Simulation], None], request: pytest.FixtureRequest, share: int
) -> None:
    one = request.config.getoption("--fault-seed")
    count = request.config.getoption("--fault-seeds")
    seeds = range(share, count, SHARES) if one is None else [one] * (share == 0)
    for seed in seeds:
        simulation = Simulation(seed, ADDED_UP[seed % len(ADDED_UP)], days=3)
        try:
            simulate(simulation)
        except Exception as error:
            error.add_note(f"again with: pytest tests/faults/test_faults.py --fault-seed {seed}")
            raise
