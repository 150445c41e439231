"""How the events of a meter combine into one number, by its formula and its event time window."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import (
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    localcontext,
)
from enum import StrEnum
from functools import partial, reduce
from itertools import pairwise
from typing import NamedTuple

from meterline.core.base.frozen import frozen
from meterline.core.base.money import exact_product
from meterline.core.metering.distinct import Distinct, Union, distinct
from meterline.core.metering.samples import Adding, Samples, added, samples

ZERO = Decimal(0)
EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])
"""Sums in this context are exact or fail loudly; values have at most 15 digits and 15 places."""

_FEW = 8

AVERAGE_PLACES = Decimal(1).scaleb(-12)


class Formula(StrEnum):
    """What a meter makes of the values of its events (the first three are Stripe's)."""

    SUM = "sum"
    COUNT = "count"
    LAST = "last"
    MAX = "max"
    MIN = "min"
    AVG = "avg"
    UNIQUE_COUNT = "unique_count"
    WEIGHTED_SUM = "weighted_sum"
    PERCENTILE = "percentile"


class Window(StrEnum):
    """A meter with a window counts only the latest received event of each UTC hour or day."""

    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """The length of the window."""
        return 3_600 if self is Window.HOUR else 86_400


@frozen
class Measure:
    """A meter's way of counting; it never changes after the meter was created.

    ``dimensions`` are the payload keys that tell its usage apart, into cells that are counted each
    by itself. So the measure that is stored with an event leaves them out, and the ``percentage``
    of a percentile, which matters where one is told.
    """

    formula: Formula
    window: Window | None = None
    dimensions: tuple[str, ...] = ()
    percentage: Decimal | None = None

    @property
    def is_ordered(self) -> bool:
        """Whether the order of receipt matters, so that rows must keep it."""
        return self.window is not None or self.formula is Formula.LAST or self.has_levels

    @property
    def has_digests(self) -> bool:
        """Whether values are digests of texts, which are compared and never added."""
        return self.formula is Formula.UNIQUE_COUNT

    @property
    def has_levels(self) -> bool:
        """Whether a value is a level that lasts until the next one (``core.metering.levels``)."""
        return self.formula is Formula.WEIGHTED_SUM

    @property
    def has_samples(self) -> bool:
        """Whether values add up to samples of five minutes (``core.metering.samples``)."""
        return self.formula is Formula.PERCENTILE and self.window is None


class Row(NamedTuple):
    """What counting keeps of an event.

    ``identity`` is the event's 16 bytes, ``timestamp`` its time (UTC seconds), ``accepted_at`` its
    receipt (UTC microseconds, 0 where the measure needs no order). ``cancels`` marks the row
    that takes the event out again; as a ``tombstone`` it keeps out an event that never counted.
    """

    identity: bytes
    timestamp: int
    value: Decimal
    accepted_at: int = 0
    cancels: bool = False
    tombstone: bool = False


def rows_from(
    identities: Iterable[bytes],
    timestamps: Iterable[int],
    values: Iterable[Decimal],
    acceptances: Iterable[int],
    cancels: Iterable[bool],
    tombstones: Iterable[bool],
) -> list[Row]:
    """Rows from their columns, as many as the shortest has: much faster than one by one."""
    columns = zip(identities, timestamps, values, acceptances, cancels, tombstones, strict=False)
    return list(map(_row_from, columns))


_row_from: Callable[[tuple[object, ...]], Row] = partial(tuple.__new__, Row)


@frozen
class Aggregate:
    """The partial result of a set of events; partial results of disjoint sets combine.

    ``extreme`` is the greatest or least value (``max``, ``min``); ``chosen`` is the latest event by
    time (``last``) or by receipt (with a window). ``distinct`` are the values told apart
    (``unique_count``); ``samples`` what each five minutes come to (``percentile``). They stay None
    where the measure does not ask.

    Of levels (``weighted_sum``) ``total`` is what they come to from the second ``first``, in which
    the first event is, to the latest by time, which is ``chosen``.
    """

    count: int = 0
    total: Decimal = ZERO
    extreme: Decimal | None = None
    chosen: Row | None = None
    distinct: Distinct | None = None
    first: int | None = None
    samples: Samples | None = None

    @property
    def is_of_one_second(self) -> bool:
        """Whether these are levels that all begin in the same second."""
        return self.chosen is not None and self.first == self.chosen.timestamp


NOTHING = Aggregate()


def aggregate(rows: Iterable[Row], measure: Measure) -> Aggregate:
    """The aggregate of distinct, not cancelled events."""
    events = list(rows)
    if measure.has_digests:
        return _aggregate_of_digests(events, measure)
    if measure.has_levels:
        return _aggregate_of_levels(events)
    values = [row.value for row in events]
    total = _total(values)
    extreme: Decimal | None = None
    chosen: Row | None = None
    if measure.formula in (Formula.MAX, Formula.MIN):
        extreme = (max if measure.formula is Formula.MAX else min)(values, default=None)
    if measure.is_ordered:
        chosen = max(events, key=_by_receipt if measure.window else _by_time, default=None)
    found = samples((row.timestamp, row.value) for row in events) if measure.has_samples else None
    return Aggregate(len(events), total, extreme, chosen, samples=found)


def _total(values: list[Decimal]) -> Decimal:
    if len(values) <= _FEW:  # to enter a context takes as long as so many additions
        return reduce(EXACT.add, values, ZERO)
    with localcontext(EXACT):
        return sum(values, ZERO)


def _aggregate_of_digests(events: list[Row], measure: Measure) -> Aggregate:
    if measure.window:
        return Aggregate(len(events), chosen=max(events, key=_by_receipt, default=None))
    values = distinct(row.value for row in events) if events else None
    return Aggregate(len(events), distinct=values)


def _aggregate_of_levels(events: list[Row]) -> Aggregate:
    rows = sorted(events, key=_by_time)
    if not rows:
        return NOTHING
    with localcontext(EXACT):
        spans = (row.value * (later.timestamp - row.timestamp) for row, later in pairwise(rows))
        total = sum(spans, ZERO)
    return Aggregate(len(rows), total, chosen=rows[-1], first=rows[0].timestamp)


def apart(rows: Iterable[Row], measure: Measure) -> list[Aggregate]:
    """The aggregates of events that others may lie between: of levels one for each second, as only
    those combine with whatever comes; otherwise one of all.
    """
    if not measure.has_levels:
        return [aggregate(rows, measure)]
    of_second: dict[int, list[Row]] = {}
    for row in rows:
        of_second.setdefault(row.timestamp, []).append(row)
    return [aggregate(some, measure) for some in of_second.values()]


def is_behind(whole: Aggregate, rows: Iterable[Row]) -> bool:
    """Whether rows are all later than the events of ``whole``, as levels ask for to be added."""
    return whole.chosen is None or all(row.timestamp > whole.chosen.timestamp for row in rows)


def combine(one: Aggregate, other: Aggregate, measure: Measure) -> Aggregate:
    """The aggregate of two disjoint sets of events.

    Of levels one set must be later than the other, or both of the same second; what they come to in
    spans (``levels.by_span``) adds up.
    """
    if measure.has_levels:
        return _combine_levels(one, other)
    return Aggregate(
        one.count + other.count,
        EXACT.add(one.total, other.total),
        _extreme(one.extreme, other.extreme, measure),
        _chosen(one.chosen, other.chosen, measure),
        _distinct(one.distinct, other.distinct),
        samples=added(one.samples, other.samples) if measure.has_samples else None,
    )


def _combine_levels(one: Aggregate, other: Aggregate) -> Aggregate:
    if one.chosen is None or other.chosen is None:
        return _with_told(*((one, other) if one.chosen is None else (other, one)))
    early, late = (one, other) if _by_time(one.chosen) < _by_time(other.chosen) else (other, one)
    last, first = _present(early.chosen), _present(late.first)
    count, total = early.count + late.count, early.total
    if last.timestamp < first:
        lasted = exact_product(last.value, Decimal(first - last.timestamp))
        total = EXACT.add(EXACT.add(total, lasted), late.total)
    elif not (early.is_of_one_second and late.is_of_one_second):
        raise ValueError("levels that lie between each other do not combine")
    return Aggregate(count, total, chosen=late.chosen, first=early.first)


def _with_told(told: Aggregate, other: Aggregate) -> Aggregate:
    """What levels were told to come to in some span, with what they come to in another."""
    if told == NOTHING:
        return other
    if other.chosen is not None:
        raise ValueError("levels of a span do not combine with events")
    return Aggregate(told.count + other.count, EXACT.add(told.total, other.total))


class Combination:
    """The aggregate of disjoint sets of events that come one after another.

    It takes time with their number, where combining one by one would copy the values told apart.
    Sets of levels may come in any order: they are combined in that of time.
    """

    def __init__(self, measure: Measure, whole: Aggregate = NOTHING) -> None:
        """Begin with the events of ``whole``."""
        self._measure = measure
        self._adds_up = _only_adds_up(measure)
        self._count = 0
        self._total = ZERO
        self._values: Union | None = None
        self._samples: Adding | None = None
        self._rest = NOTHING
        self._levels: dict[int, Aggregate] = {}
        self.add(whole)

    def add(self, part: Aggregate) -> None:
        """Take the events of a part in."""
        if self._adds_up:
            self._count += part.count
            self._total = EXACT.add(self._total, part.total)
            return
        if part.distinct is not None:
            self._values = self._values or Union()
            self._values.add(part.distinct)
            part = replace(part, distinct=None)
        if part.samples is not None:
            self._samples = self._samples or Adding()
            self._samples.add(part.samples.sums.items())
            part = replace(part, samples=None)
        if part.first is not None:
            before = self._levels.get(part.first, NOTHING)
            self._levels[part.first] = combine(before, part, self._measure)
        else:
            self._rest = combine(self._rest, part, self._measure)

    def whole(self) -> Aggregate:
        """The aggregate of all parts so far."""
        if self._adds_up:
            return Aggregate(self._count, self._total)
        if self._levels:
            parts = (self._levels[first] for first in sorted(self._levels))
            return reduce(partial(combine, measure=self._measure), parts)
        values, found = self._values, self._samples
        if values is None and found is None:
            return self._rest
        return replace(
            self._rest,
            distinct=values.whole() if values else None,
            samples=found.whole() if found else None,
        )


def _only_adds_up(measure: Measure) -> bool:
    """Whether counts and totals are all that a measure asks for."""
    return measure.window is None and measure.formula in (Formula.SUM, Formula.COUNT, Formula.AVG)


def depends_on(whole: Aggregate, row: Row) -> bool:
    """Whether only the other events can tell what ``whole`` is without ``row``, one of its events.

    So it is with the greatest or least value, with the event that counts, with one of the values
    told apart, and with a level, unless another one of its second takes its place.
    """
    if whole.first is not None and not whole.is_of_one_second:
        return True
    if whole.distinct is not None:
        return int(row.value) <= whole.distinct.limit
    if whole.chosen is not None and row.identity == whole.chosen.identity:
        return True
    return row.value == whole.extreme


def without(whole: Aggregate, row: Row, measure: Measure) -> Aggregate:
    """``whole`` less one of its events, which it does not depend on."""
    is_added = not (measure.has_digests or measure.has_levels)
    total = EXACT.subtract(whole.total, row.value) if is_added else whole.total
    taken_out = samples([(row.timestamp, row.value.copy_negate())]) if measure.has_samples else None
    left = added(whole.samples, taken_out)
    return replace(whole, count=whole.count - 1, total=total, samples=left)


def told(whole: Aggregate, measure: Measure, start: int, end: int) -> Aggregate:
    """What the events of a range (UTC seconds, ``end`` exclusive) come to in it: of a percentile
    all samples of the range count, also those without events; others are as they are.
    """
    if whole.samples is None or measure.percentage is None:
        return whole
    return replace(whole, samples=whole.samples.told(start, end, measure.percentage))


def result(whole: Aggregate, formula: Formula) -> Decimal:
    """The number that a meter reports: 0 when there are no events; averages have 12 places.

    Levels must have been told of a range (``levels.by_span``), as they last also without events,
    and samples (``told``), as those count that have none.
    """
    return _result(whole, formula) if whole.count or whole.total else ZERO


def hour_result(whole: Aggregate, formula: Formula) -> Decimal:
    """What an hour comes to by itself, as reports of differences tell it: of a percentile the sum
    of its samples.
    """
    return result(whole, Formula.SUM if formula is Formula.PERCENTILE else formula)


def _result(whole: Aggregate, formula: Formula) -> Decimal:
    match formula:
        case Formula.SUM | Formula.WEIGHTED_SUM:
            return whole.total
        case Formula.COUNT:
            return Decimal(whole.count)
        case Formula.AVG:
            return _average(whole)
        case Formula.MAX | Formula.MIN:
            return _present(whole.extreme)
        case Formula.LAST:
            return _present(whole.chosen).value
        case Formula.UNIQUE_COUNT | Formula.PERCENTILE:
            return _by_values(whole, formula)


def _by_values(whole: Aggregate, formula: Formula) -> Decimal:
    """What depends on each value, or on each sample; samples that are all 0 are not kept."""
    if formula is Formula.UNIQUE_COUNT:
        return _present(whole.distinct).number
    return whole.samples.counting if whole.samples else ZERO


def _average(whole: Aggregate) -> Decimal:
    wide = Context(prec=80)
    mean = wide.quantize(wide.divide(whole.total, Decimal(whole.count)), AVERAGE_PLACES)
    return mean.normalize(wide) if mean else ZERO


def _extreme(one: Decimal | None, other: Decimal | None, measure: Measure) -> Decimal | None:
    if measure.formula not in (Formula.MAX, Formula.MIN):
        return None
    if one is None or other is None:
        return other if one is None else one
    return max(one, other) if measure.formula is Formula.MAX else min(one, other)


def _chosen(one: Row | None, other: Row | None, measure: Measure) -> Row | None:
    """The later of two events: by receipt with a window, else by time (then receipt)."""
    if not measure.is_ordered:
        return None
    if one is None or other is None:
        return other if one is None else one
    return max(one, other, key=_by_receipt if measure.window else _by_time)


def _distinct(one: Distinct | None, other: Distinct | None) -> Distinct | None:
    if one is None or other is None:
        return other if one is None else one
    return one.union(other)


def _by_receipt(row: Row) -> tuple[int, bytes]:
    return row.accepted_at, row.identity


def _by_time(row: Row) -> tuple[int, int, bytes]:
    return row.timestamp, row.accepted_at, row.identity


def _present[T](value: T | None) -> T:
    if value is None:
        raise ValueError("the aggregate does not hold what this formula needs")
    return value
