"""Samples: what was used in each five minutes, of which a percentile is told (``percentile``).

A sample is the sum of the values in one of the five minutes of UTC, also where a range cuts it;
where nothing was used it is 0. As traffic is billed by its 95th percentile: the greatest samples
are left out, as many whole ones as the percentage allows, and the greatest of the others counts.
Sums add up over cells, hours and days, and there are twelve an hour: so this is exact whatever
comes late or is cancelled, and bounded whatever the number of events.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from meterline.core.base.frozen import frozen
from meterline.core.base.money import EXACT, ZERO

SAMPLE_SECONDS: Final = 300
PERCENTAGE_PLACES: Final = 3
_ALL: Final = Decimal(100)


@frozen
class Samples:
    """The samples other than 0, by the number of their five minutes since 1970.

    Once they were told of a range, ``number`` is how many that has, also such of 0, and
    ``left_out`` how many of the greatest do not count.
    """

    sums: Mapping[int, Decimal]
    number: int = 0
    left_out: int = 0

    def told(self, start: int, end: int, percentage: Decimal) -> "Samples":
        """These samples as those of a range (UTC seconds, ``end`` exclusive), all within it."""
        number = number_of_samples(start, end)
        return replace(self, number=number, left_out=_left_out(number, percentage))

    @property
    def counting(self) -> Decimal:
        """The greatest sample that is not left out."""
        if not self.number:
            raise ValueError("samples tell a percentile of a range alone")
        return _counting(sorted(self.sums.values()), self.number, self.left_out)


def _counting(ascending: Sequence[Decimal], number: int, left_out: int) -> Decimal:
    """The greatest of so many samples that is not left out; those not given are 0."""
    above = len(ascending) - bisect_right(ascending, ZERO)
    if left_out < above:
        return ascending[-1 - left_out]
    place = left_out - (number - len(ascending))
    return ascending[-1 - place] if place >= above else ZERO


def number_of_samples(start: int, end: int) -> int:
    """How many samples a range (UTC seconds, ``end`` exclusive) has, with those that it cuts."""
    return -(-end // SAMPLE_SECONDS) - start // SAMPLE_SECONDS


def _left_out(number: int, percentage: Decimal) -> int:
    """How many of the greatest samples a percentile leaves out."""
    return int(number * (_ALL - percentage) // _ALL)


@dataclass(slots=True)
class Adding:
    """Sums that parts add to, one after another, in time with their number."""

    _sums: dict[int, Decimal] = field(default_factory=dict)

    def add(self, sums: Iterable[tuple[int, Decimal]]) -> None:
        """Add to the sums of some five minutes."""
        for place, value in sums:
            before = self._sums.get(place)
            self._sums[place] = value if before is None else EXACT.add(before, value)

    def whole(self) -> Samples | None:
        """What it all comes to; None where no sample is other than 0."""
        sums = {place: value for place, value in self._sums.items() if value}
        return Samples(sums) if sums else None


@dataclass(slots=True)
class Growing:
    """The samples of a range that grows, kept in order: to tell their percentile again and again
    takes no time, where ``Samples`` would be sorted each time.
    """

    _sums: dict[int, Decimal] = field(default_factory=dict)
    _ascending: list[Decimal] = field(default_factory=list)

    def add(self, sums: Iterable[tuple[int, Decimal]]) -> None:
        """Add to the sums of some five minutes."""
        for place, value in sums:
            before = self._sums.get(place, ZERO)
            after = self._sums[place] = EXACT.add(before, value)
            if before:
                del self._ascending[bisect_left(self._ascending, before)]
            if after:
                insort(self._ascending, after)

    def counting(self, start: int, end: int, percentage: Decimal) -> Decimal:
        """The greatest sample of a range (UTC seconds, ``end`` exclusive) that is not left out."""
        number = number_of_samples(start, end)
        return _counting(self._ascending, number, _left_out(number, percentage))


def samples(values: Iterable[tuple[int, Decimal]]) -> Samples | None:
    """The samples of values and their seconds; None where none is other than 0."""
    adding = Adding()
    adding.add((second // SAMPLE_SECONDS, value) for second, value in values)
    return adding.whole()


def added(one: Samples | None, other: Samples | None) -> Samples | None:
    """The samples of two disjoint sets of events."""
    adding = Adding()
    for part in (one, other):
        if part is not None:
            adding.add(part.sums.items())
    return adding.whole()
