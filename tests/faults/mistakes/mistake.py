"""A planted mistake, and the run in which it must be noticed."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.faults.simulation import Simulation

WRONG_USAGE = "usage is what its events add up to"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Breaks one rule of the mechanism, where it is counted so, and over so many days.

    ``noticed_by`` is the simulator's rule that must notice it: that the code fails in some other
    way does not count. Some need a rare run, so seeds are tried from ``first`` on, and the earlier
    ones at the end.
    """

    plant: Callable[[pytest.MonkeyPatch], None]
    noticed_by: str = WRONG_USAGE
    formula: str = "sum"
    days: int = 1
    has_dimensions: bool = False
    first: int = 0

    @property
    def name(self) -> str:
        """The name of what plants it."""
        return str(self.plant.__name__)

    def simulation(self, seed: int) -> Simulation:
        """A run in which it can show."""
        return Simulation(seed, self.formula, days=self.days, has_dimensions=self.has_dimensions)
