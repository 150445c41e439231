"""Headroom: how far usage may go before it has to be compared with a threshold again.

Each change of a counter shows what its whole hour holds. What is left up to the threshold is
divided among hours: as long as each of them has grown by less than its share, all of them together
cannot have reached it, whatever is delivered twice, late or in another order. Nothing has to be
noted when usage grows, for an hour is compared with what it held when the usage was last added up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Final

from meterline.core.base.frozen import frozen
from meterline.core.base.money import exact_product
from meterline.core.metering.aggregation import EXACT, ZERO, Aggregate, Formula, Measure

PAST_HOURS: Final = 24
"""So many hours before the latest one may still grow."""

MOST_HOURS: Final = PAST_HOURS + 1 + 14 * 24
"""And so many in all: a fortnight is ahead."""

_USUAL_HOURS: Final = 2
"""A share is as much as so many of the busiest hours, while there is enough left."""

_LEAST_PAST_HOURS: Final = 2
"""Of so many hours before the latest one usage mostly still comes, however little is left."""

_PART_OF_PAST: Final = 4
"""Hours before the latest one together get at most one in so many parts of what is left."""

_DOWN = Context(prec=40, rounding=ROUND_FLOOR)
_ADDED_UP = frozenset({Formula.SUM, Formula.COUNT})
_EACH_BY_ITSELF = frozenset({Formula.MAX, Formula.MIN, Formula.LAST})


@frozen
class Headroom:
    """Usage stays below its threshold while every hour is less than ``share`` above its level.

    ``levels`` are what hours held when the usage was added up, 0 where they are not named;
    ``hours`` are those that may grow, None for all. Those from ``since`` on may grow by ``ahead``.
    """

    formula: Formula
    share: Decimal
    hours: range | None = None
    levels: Mapping[int, Decimal] = field(default_factory=dict)
    since: int | None = None
    ahead: Decimal = ZERO

    def share_of(self, hour: int) -> Decimal:
        """How much an hour may grow, if it is among those that may."""
        return self.share if self.since is None or hour < self.since else self.ahead

    def holds(self, hour: int, level: Decimal | None) -> bool:
        """Whether an hour may be at this level; no level is one that cannot be told."""
        if self.hours is not None and hour not in self.hours:
            return False
        if self.share.is_infinite():
            return True
        if level is None:
            return False
        return EXACT.subtract(level, self.levels.get(hour, ZERO)) < self.share_of(hour)


@frozen
class Left:
    """What is left to thresholds: the lowest of them, and the least that any of them is away."""

    threshold: Decimal
    rest: Decimal

    @classmethod
    def of(cls, ahead: Iterable[tuple[Decimal, Decimal]]) -> "Left | None":
        """What is left to thresholds that are ahead of a total each; None without any."""
        pairs = list(ahead)
        if not pairs:
            return None
        lowest = min(threshold for threshold, _ in pairs)
        return cls(lowest, min(EXACT.subtract(*pair) for pair in pairs))


def is_remembered(measure: Measure) -> bool:
    """Whether hours tell by themselves that usage of this measure stays below a threshold.

    Averages, distinct values and events that count once a window depend on all hours together; what
    adds up, and which value is the last, on all cells of an hour.
    """
    return adds_up(measure) or (measure.formula in _EACH_BY_ITSELF and shows_falls(measure))


def shows_falls(measure: Measure) -> bool:
    """Whether usage falls only where an hour of a counter holds less than before.

    An event may count in the place of one of another hour, or of another cell, that was more.
    """
    is_last_of_cells = measure.formula is Formula.LAST and bool(measure.dimensions)
    return measure.window is None and not is_last_of_cells


def adds_up(measure: Measure) -> bool:
    """Whether the usage is the sum of what its hours hold, each in one counter."""
    return not measure.window and not measure.dimensions and measure.formula in _ADDED_UP


def level_before_any(formula: Formula) -> Decimal | None:
    """What an hour contributes that has never had events; None where any event may lower usage."""
    if formula in _ADDED_UP:
        return ZERO
    return Decimal("-Infinity") if formula is Formula.MAX else None


def level_of(hour: Aggregate, formula: Formula) -> Decimal | None:
    """What an hour contributes; None where only all hours can tell.

    Of a greatest, least or last value nothing can be told once an hour has lost all its events.
    """
    match formula:
        case Formula.SUM:
            return hour.total
        case Formula.COUNT:
            return Decimal(hour.count)
        case Formula.MAX | Formula.MIN:
            return hour.extreme if hour.count else None
        case Formula.LAST:
            return hour.chosen.value if hour.chosen is not None and hour.count else None
        case _:
            return None


def unbounded(measure: Measure, within: range | None = None) -> Headroom:
    """The headroom where there is no threshold ahead, in the hours ``within``, None for all."""
    return Headroom(measure.formula, Decimal("Infinity"), within)


def headroom(
    measure: Measure,
    left: Left,
    hour: int,
    levels: Mapping[int, Decimal],
    within: range | None = None,
) -> Headroom:
    """The headroom of usage that has so much ``left``, ``hour`` being the latest that has changed.

    ``levels`` are what the hours of ``hours_around(hour)`` that have usage held when that was
    added up. Of hours other than those ``within`` (None for all) nothing is known.

    Usage comes mostly for the latest hour that has any, and those after it. Each hour gets the same
    share; if there are few, those before the latest get less. ``hour`` itself may get none.
    """
    if not adds_up(measure):
        return Headroom(measure.formula, left.threshold, within)
    latest = max([hour, *levels])
    many = _hours_ahead(left.rest, max(levels.values(), default=ZERO))
    known = _both(hours_around(hour), within)
    hours = _both(range(latest - _hours_past(many), latest + many), known)
    past = len(_both(hours, range(hours.start, latest)))
    ahead = len(hours) - past
    parts = max(past + ahead, _PART_OF_PAST * past, 1)
    rest = exact_product(left.rest, Decimal(parts - past))
    return Headroom(
        measure.formula,
        _DOWN.divide(left.rest, Decimal(parts)),
        hours,
        {place: level for place, level in levels.items() if place in hours},
        latest,
        _DOWN.divide(rest, Decimal(parts * (ahead or 1))),
    )


def hours_around(hour: int) -> range:
    """The hours whose levels have to be known for a headroom."""
    return range(hour - PAST_HOURS, hour - PAST_HOURS + MOST_HOURS)


def _both(hours: range, within: range | None) -> range:
    """The hours of two ranges that both have."""
    if within is None:
        return hours
    return range(max(hours.start, within.start), min(hours.stop, within.stop))


def _hours_ahead(left: Decimal, busiest: Decimal) -> int:
    """Among how many hours, the latest and those after it, what is left is divided: fewer, the
    sooner it will be used up.
    """
    most = MOST_HOURS - PAST_HOURS
    if busiest <= 0:
        return most
    usable = exact_product(left, Decimal(_PART_OF_PAST - 1))
    full = _DOWN.divide(usable, exact_product(busiest, Decimal(_PART_OF_PAST * _USUAL_HOURS)))
    return max(1, min(most, int(full)))


def _hours_past(ahead: int) -> int:
    """How many hours before the latest one may grow besides."""
    return max(_LEAST_PAST_HOURS, min(PAST_HOURS, ahead // (_PART_OF_PAST - 1)))
