"""Recounting an hour part by part says what recounting it at once would."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering.aggregation import Aggregate, Formula, Measure, Row, aggregate
from meterline.core.metering.buckets import effective_rows
from meterline.core.metering.recount import Recount

SUM = Measure(Formula.SUM)


def row(number: int, value: int = 5, *, cancels: bool = False) -> Row:
    return Row(number.to_bytes(16), 100 + number, Decimal(value), cancels=cancels)


def recounted(
    rows: Sequence[Row], events: Sequence[Row], *, measure: Measure = SUM, part: int = 2
) -> Recount:
    """The rows of an hour as written, read back from the newest part on."""
    recount = Recount(events, measure)
    parts = [rows[start : start + part] for start in range(0, len(rows), part)]
    for some in reversed(parts):
        recount.add(some)
    return recount


def counted(*rows: Row) -> Aggregate:
    return aggregate(effective_rows(rows), SUM)


ONE, TWO, THREE = row(1), row(2), row(3)
TAKEN_OUT = row(1, cancels=True)

CASES = {
    "all there": ([ONE, TWO, THREE], [ONE, TWO, THREE], counted(ONE, TWO, THREE), True),
    "some of many": ([ONE, TWO, THREE], [TWO], counted(ONE, TWO, THREE), True),
    "missing": ([ONE, TWO], [THREE], counted(ONE, TWO), False),
    "wrong value": ([row(1, 6), TWO], [ONE], counted(row(1, 6), TWO), False),
    "wrong second": ([ONE._replace(timestamp=9)], [ONE], counted(ONE), False),
    "counted twice": ([ONE, TWO, ONE], [ONE], Aggregate(3, Decimal(15)), False),
    "cancelled": ([ONE, TWO, TAKEN_OUT], [TAKEN_OUT, TWO], counted(TWO), True),
    "cancelled since it was read": ([ONE, TWO, TAKEN_OUT], [ONE], counted(TWO), True),
    "cancellation missing": ([ONE, TWO], [TAKEN_OUT], counted(ONE, TWO), False),
    "does not add up": ([ONE, TWO], [ONE], Aggregate(2, Decimal(11)), False),
    "nothing": ([], [], Aggregate(), True),
}


@pytest.mark.parametrize("case", CASES)
def test_an_hour_agrees_when_its_events_have_one_row_each_and_all_add_up(case: str) -> None:
    rows, events, whole, agrees = CASES[case]
    assert recounted(rows, events).agrees_with(whole) == agrees


FORMULAS = [
    Measure(formula)
    for formula in (
        *(Formula.SUM, Formula.MAX, Formula.LAST, Formula.UNIQUE_COUNT, Formula.WEIGHTED_SUM),
        Formula.PERCENTILE,
    )
]


@given(
    st.lists(st.integers(0, 30), unique=True),
    st.lists(st.integers(0, 30)),
    st.sampled_from(FORMULAS),
    st.integers(1, 7),
)
def test_parts_of_any_size_say_the_same_as_the_whole(
    numbers: list[int], cancelled: list[int], measure: Measure, part: int
) -> None:
    rows = [row(number, number % 5) for number in numbers]
    rows += [row(number, cancels=True) for number in dict.fromkeys(cancelled)]
    whole = aggregate(effective_rows(rows), measure)
    assert recounted(rows, rows, measure=measure, part=part).agrees_with(whole)
