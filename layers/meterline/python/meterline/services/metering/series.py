"""A customer's usage of a meter, or of a part of it, as it is read: from which cells."""

from collections.abc import Iterator
from dataclasses import field, replace

from meterline.core.base.frozen import frozen
from meterline.core.metering.aggregation import Measure
from meterline.core.metering.dimensions import WHOLE, Cells, Conditions, grouped, matching
from meterline.services.metering.allowance import Allowance
from meterline.store.metering.cells import cells_between
from meterline.store.metering.usage import BucketKey

type Labelled = tuple[dict[str, str], "Series"]
"""Usage that has the same values of some dimensions, and these values."""


@frozen
class Series:
    """One customer's usage of one meter: all of it, or some of its cells; what is read of it may
    have to keep within an ``allowance``.
    """

    livemode: bool
    meter: str
    customer: str
    measure: Measure
    cells: tuple[str, ...] = (WHOLE,)
    allowance: Allowance | None = field(default=None, compare=False)

    @property
    def combining(self) -> Measure:
        """How parts combine: with a window, they are the events that count, one a window."""
        return Measure(self.measure.formula)

    def read_parts(self, number: int) -> None:
        """Note that so many parts of it are read; raises BillingError where that is too much."""
        if self.allowance is not None:
            self.allowance.take(number)

    def key(self, hour: int) -> BucketKey:
        """The key of one of its buckets; it is of a single cell."""
        [cell] = self.cells
        return BucketKey(self.livemode, self.meter, self.customer, hour, cell)

    def by_cell(self) -> Iterator["Series"]:
        """Its cells, each by itself."""
        return (replace(self, cells=(cell,)) for cell in self.cells)

    def between(self, start: int, end: int) -> "Series":
        """The same usage, with the cells that it has from ``start`` to ``end`` (UTC seconds)."""
        return self.of(start, end, {})

    def of(self, start: int, end: int, conditions: Conditions) -> "Series":
        """The part of the usage that meets all conditions, which are on dimensions of its meter."""
        keys = self.measure.dimensions
        if not keys:
            return self
        return replace(self, cells=tuple(matching(self._cells(start, end), keys, conditions)))

    def broken_down(self, start: int, end: int, breakdown: "Breakdown") -> list[Labelled]:
        """A part of the usage by the values of some dimensions, in the order of these."""
        keys = self.measure.dimensions
        if not keys:
            return [({}, self)]
        cells = self._cells(start, end)
        meant = {cell: cells[cell] for cell in matching(cells, keys, breakdown.conditions)}
        return [
            (values, replace(self, cells=tuple(some)))
            for values, some in grouped(meant, keys, breakdown.keys)
        ]

    def _cells(self, start: int, end: int) -> Cells:
        """The cells that have usage in a range: also by a level that began before it."""
        since = 0 if self.measure.has_levels else start
        return cells_between(self.livemode, self.meter, self.customer, since, end)


@frozen
class Breakdown:
    """Which part of usage is meant, and the dimensions that it is told apart by."""

    conditions: Conditions = field(default_factory=dict)
    keys: tuple[str, ...] = ()


EVERYTHING = Breakdown()
