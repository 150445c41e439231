"""The simulator proves something only if it catches every way of getting counting wrong.

Each mutation breaks one rule of the mechanism; some seed among the first few hundred must notice.
"""

from collections.abc import Callable

import pytest

from tests.faults.mistakes import accepting, cells, counting, days, levels, parcels
from tests.faults.mistakes.mistake import Miscount, by_name
from tests.faults.simulation import Simulation

SEEDS = 300

MISTAKES = [
    mistake
    for part in (counting, accepting, days, parcels, cells, levels)
    for mistake in part.MISTAKES
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_the_simulator_catches(
    mistake: Miscount, simulate: Callable[[Simulation], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake.must_be_noticed(monkeypatch, lambda seed: simulate(mistake.simulation(seed)), SEEDS)
