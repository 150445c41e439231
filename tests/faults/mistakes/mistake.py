"""A planted mistake, and the runs in which it must be noticed."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.faults.simulation import Simulation

WRONG_USAGE = "usage is what its events add up to"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Breaks one rule of the product, where ``plant`` does.

    ``noticed_by`` is what the rule says that must notice it, a regular expression: that the code
    fails in some other way does not count. Some mistakes need a rare run, so seeds are tried from
    ``first`` on, and the earlier ones at the end.
    """

    plant: Callable[[pytest.MonkeyPatch], None]
    noticed_by: str
    first: int = 0

    @property
    def name(self) -> str:
        """The name of what plants it."""
        return str(self.plant.__name__)

    def must_be_noticed(
        self, patch: pytest.MonkeyPatch, run: Callable[[int], object], seeds: int
    ) -> None:
        """Plant it, and run one of so many seeds after the other until a rule notices it."""
        self.plant(patch)
        said: Counter[str] = Counter()
        for seed in (*range(self.first, self.first + seeds), *range(self.first)):
            try:
                run(seed)
            except Exception as error:  # noqa: BLE001 - what is no broken rule is counted, and told
                said[_first_line(error)] += 1
                if isinstance(error, AssertionError) and re.search(self.noticed_by, str(error)):
                    print(self.name, seed, error)
                    return
        pytest.fail(f"{self.name} broke no rule in {seeds} seeds: {said}")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition('\n')[0]}"


@dataclass(frozen=True, slots=True)
class Miscount(Mistake):
    """Breaks a rule of counting, where it is counted so, and over so many days."""

    noticed_by: str = WRONG_USAGE
    formula: str = "sum"
    days: int = 1
    has_dimensions: bool = False

    def simulation(self, seed: int) -> Simulation:
        """A run in which it can show."""
        return Simulation(seed, self.formula, days=self.days, has_dimensions=self.has_dimensions)


def by_name(mistake: Mistake) -> str:
    """What the test of a mistake is called."""
    return mistake.name
