"""A profile and the rows written after it say the same as all rows."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering.aggregation import (
    NOTHING,
    Combination,
    Formula,
    Measure,
    Row,
    Window,
    aggregate,
    apart,
)
from meterline.core.metering.buckets import effective_rows
from meterline.core.metering.second_profiles import (
    NeedsAllRows,
    Seconds,
    fold,
    has_profile,
    without_cancelled,
)

SUM = Measure(Formula.SUM)
PROFILED = [Measure(formula) for formula in Formula if formula is not Formula.UNIQUE_COUNT]


def counted(number: int, second: int, value: int = 1) -> Row:
    return Row(bytes([number]) * 16, second, Decimal(value), number)


def cancelled(row: Row, *, tombstone: bool = False) -> Row:
    return row._replace(cancels=True, tombstone=tombstone)


EVENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(-9, 99)), max_size=20).map(
    lambda pairs: [counted(n, second, value) for n, (second, value) in enumerate(pairs)]
)


def whole(seconds: Seconds, rows: Sequence[Row], measure: Measure) -> object:
    """The aggregate of everything; of numbers, not of how they are written."""
    parts = Combination(measure)
    for part in (*apart(rows, measure), *seconds.values()):
        parts.add(part)
    return parts.whole()


@pytest.mark.parametrize("measure", PROFILED)
@given(rows=EVENTS, first=st.integers(0, 20), second=st.integers(0, 20))
def test_whatever_part_is_in_the_profile_the_whole_is_the_same(
    measure: Measure, rows: list[Row], first: int, second: int
) -> None:
    cuts = sorted((first, second))
    seconds = fold(fold({}, rows[: cuts[0]], measure), rows[cuts[0] : cuts[1]], measure)
    left, later = without_cancelled(seconds, rows[cuts[1] :], measure)
    assert whole(left, later, measure) == aggregate(rows, measure)


@given(EVENTS, st.sets(st.integers(0, 19)), st.integers(0, 40))
def test_what_is_cancelled_later_leaves_its_second(
    events: list[Row], gone: set[int], cut: int
) -> None:
    rows = [*events, *(cancelled(row) for n, row in enumerate(events) if n in gone)]
    left, later = without_cancelled(fold({}, rows[:cut], SUM), rows[cut:], SUM)
    assert whole(left, later, SUM) == aggregate(effective_rows(rows), SUM)


def test_a_tombstone_takes_nothing_out() -> None:
    seconds = fold({}, [counted(1, 7)], SUM)
    left, later = without_cancelled(seconds, [cancelled(counted(2, 7), tombstone=True)], SUM)
    assert (left[7].count, later) == (1, [])


def test_a_row_that_is_seen_twice_counts_once() -> None:
    event, other = counted(1, 7), counted(2, 7)
    left, later = without_cancelled(fold({}, [event], SUM), [other, cancelled(event)] * 2, SUM)
    assert (left[7].count, later) == (0, [other])


@pytest.mark.parametrize("formula", [Formula.MAX, Formula.MIN, Formula.LAST, Formula.WEIGHTED_SUM])
def test_an_extreme_cannot_be_taken_out(formula: Formula) -> None:
    event = counted(1, 7)
    seconds = fold({}, [event], Measure(formula))
    with pytest.raises(NeedsAllRows):
        without_cancelled(seconds, [cancelled(event)], Measure(formula))
    assert fold({}, [event, cancelled(event)], Measure(formula)).get(7, NOTHING) == NOTHING


@pytest.mark.parametrize(
    "measure", [Measure(Formula.SUM, Window.HOUR), Measure(Formula.UNIQUE_COUNT)]
)
def test_there_are_no_profiles_of_windows_and_of_distinct_values(measure: Measure) -> None:
    assert not has_profile(measure)
