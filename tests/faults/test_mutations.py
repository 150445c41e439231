"""The simulator proves something only if it catches every way of getting counting wrong.

Each mutation breaks one rule of the mechanism; some seed among the first few hundred must notice.
"""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.faults.mistakes import accepting, cells, counting, days, levels, parcels
from tests.faults.mistakes.mistake import Mistake
from tests.faults.simulation import Simulation

SEEDS = 300

MISTAKES = [
    mistake
    for part in (counting, accepting, days, parcels, cells, levels)
    for mistake in part.MISTAKES
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_simulator_catches(
    mistake: Mistake, simulate: Callable[[Simulation], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake.plant(monkeypatch)
    noticed: Counter[str] = Counter()
    for seed in (*range(mistake.first, SEEDS), *range(mistake.first)):
        try:
            simulate(mistake.simulation(seed))
        except Exception as error:  # noqa: BLE001 - what is no broken rule is counted, and told
            noticed[getattr(error, "rule", repr(error))] += 1
            if noticed[mistake.noticed_by]:
                print(mistake.name, seed, error)
                return
    pytest.fail(f"{mistake.name} broke no rule in {SEEDS} seeds: {noticed}")
