"""What a range comes to again and again while parts follow in time."""

from dataclasses import replace
from decimal import Decimal

from meterline.core.metering.aggregation import ZERO, Aggregate, Combination, Measure, result
from meterline.core.metering.distinct import Union
from meterline.core.metering.samples import Growing


class Running:
    """What a meter reports of a range from ``start`` (UTC seconds) up to later and later instants.

    The same as ``result`` of what ``told`` makes of all parts, in time with their number: that
    would sort all samples, or copy all values told apart, for each instant.
    """

    def __init__(self, measure: Measure, start: int) -> None:
        """Begin without events."""
        self._measure = measure
        self._start = start
        self._values: Union | None = None
        self._samples = Growing()
        self._rest = Combination(Measure(measure.formula))

    def add(self, part: Aggregate) -> None:
        """Take the events of a part in, none of them a level."""
        if part.distinct is not None:
            self._values = self._values or Union()
            self._values.add(part.distinct)
        if part.samples is not None:
            self._samples.add(part.samples.sums.items())
        self._rest.add(replace(part, distinct=None, samples=None))

    def until(self, end: int) -> tuple[Decimal, int]:
        """What was used up to an instant, and how many events made it up."""
        whole = self._rest.whole()
        return self._number(whole, end), whole.count

    def _number(self, whole: Aggregate, end: int) -> Decimal:
        if not (whole.count or whole.total):
            return ZERO
        if self._values is not None:
            return self._values.number
        if self._measure.has_samples and self._measure.percentage is not None:
            return self._samples.counting(self._start, end, self._measure.percentage)
        return result(whole, self._measure.formula)
