"""Samples: what was used in each five minutes, of which a percentile is told (``percentile``).

A sample is the sum of the values in one of the five minutes of UTC, also where a range cuts it;
where nothing was used it is 0. As traffic is billed by its 95th percentile: the greatest samples
are left out, as many whole ones as the percentage allows, and the greatest of the others counts.
Sums add up over cells, hours and days, and there are twelve an hour: so this is exact whatever
comes late or is cancelled, and bounded whatever the number of events.
"""

from collections.abc import Iterable, Mapping
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
        left_out = int(number * (_ALL - percentage) // _ALL)
        return replace(self, number=number, left_out=left_out)

    @property
    def counting(self) -> Decimal:
        """The greatest sample that is not left out."""
        if not self.number:
            raise ValueError("samples tell a percentile of a range alone")
        sums = sorted(self.sums.values(), reverse=True)
        above = sum(value > 0 for value in sums)
        if self.left_out < above:
            return sums[self.left_out]
        place = self.left_out - (self.number - len(sums))
        return sums[place] if place >= above else ZERO


def number_of_samples(start: int, end: int) -> int:
    """How many samples a range (UTC seconds, ``end`` exclusive) has, with those that it cuts."""
    return -(-end // SAMPLE_SECONDS) - start // SAMPLE_SECONDS


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
