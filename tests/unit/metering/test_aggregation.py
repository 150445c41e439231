"""Formulas, and that partial results combine to the whole."""

from decimal import Decimal
from functools import reduce

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
    combine,
    depends_on,
    result,
    without,
)

COMBINED = [formula for formula in Formula if formula is not Formula.WEIGHTED_SUM]
"""Parts of these may lie between each other; of levels: ``test_levels``."""

ADDITIVE = (Formula.SUM, Formula.COUNT, Formula.AVG, Formula.PERCENTILE)

VALUES = st.decimals(min_value=-(10**9), max_value=10**9, places=3)
ROWS = st.lists(
    st.builds(
        Row,
        identity=st.binary(min_size=16, max_size=16),
        timestamp=st.integers(0, 3_599),
        value=VALUES,
        accepted_at=st.integers(0, 50),
    ),
    unique_by=lambda row: row.identity,
    max_size=12,
)


def rows(*values: str) -> list[Row]:
    return [
        Row(bytes([n]) * 16, timestamp=n, value=Decimal(value), accepted_at=100 - n)
        for n, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("formula", "values", "expected"),
    [
        ("sum", ["20", "10", "10", "0"], "40"),
        ("sum", ["1.5", "1.5", "1"], "4"),
        ("sum", ["0.1", "0.2"], "0.3"),
        ("sum", ["5", "-7"], "-2"),
        ("count", ["20", "10", "0"], "3"),
        ("last", ["20", "10", "5"], "5"),
        ("max", ["10", "20", "15"], "20"),
        ("max", ["-3", "-5"], "-3"),
        ("min", ["10", "20", "15"], "10"),
        ("avg", ["10", "10", "10", "50"], "20"),
        ("avg", ["1", "1", "2"], "1.333333333333"),
        ("unique_count", ["7", "8", "7"], "2"),
        ("unique_count", [], "0"),
        ("sum", [], "0"),
        ("last", [], "0"),
        ("avg", [], "0"),
    ],
)
def test_each_formula(formula: str, values: list[str], expected: str) -> None:
    measure = Measure(Formula(formula))
    assert result(aggregate(rows(*values), measure), measure.formula) == Decimal(expected)


def test_sums_stay_exact_far_beyond_binary_fractions() -> None:
    measure = Measure(Formula.SUM)
    whole = aggregate(rows("999999999999999", "0.000000000000001"), measure)
    assert str(result(whole, Formula.SUM)) == "999999999999999.000000000000001"


def test_with_a_window_only_the_latest_received_event_counts() -> None:
    measure = Measure(Formula.SUM, Window.HOUR)
    whole = aggregate(rows("1", "2", "3"), measure)
    assert whole.chosen
    assert whole.chosen.value == 1


@given(ROWS, ROWS, st.sampled_from(COMBINED), st.sampled_from([None, *Window]))
def test_disjoint_parts_combine_to_the_whole(
    one: list[Row], other: list[Row], formula: Formula, window: Window | None
) -> None:
    measure = Measure(formula, window)
    known = {row.identity for row in one}
    other = [row for row in other if row.identity not in known]
    whole = aggregate([*one, *other], measure)
    parts = combine(aggregate(one, measure), aggregate(other, measure), measure)
    assert parts == whole
    assert combine(whole, NOTHING, measure) == whole == combine(NOTHING, whole, measure)


@given(st.lists(ROWS, max_size=5), st.sampled_from(COMBINED), st.sampled_from([None, *Window]))
def test_parts_that_come_one_after_another_combine_as_two_do(
    parts: list[list[Row]], formula: Formula, window: Window | None
) -> None:
    measure = Measure(formula, window)
    wholes = [aggregate(rows, measure) for rows in parts]
    combined = Combination(measure)
    for whole in wholes:
        combined.add(whole)
    assert combined.whole() == reduce(
        lambda one, other: combine(one, other, measure), wholes, NOTHING
    )


@given(ROWS.filter(bool), st.sampled_from(Formula), st.sampled_from([None, *Window]))
def test_an_event_that_the_whole_does_not_depend_on_can_be_taken_out_again(
    events: list[Row], formula: Formula, window: Window | None
) -> None:
    measure = Measure(formula, window)
    whole = aggregate(events, measure)
    is_additive = window is None and formula in ADDITIVE
    if depends_on(whole, events[0]):
        assert not is_additive
    else:
        assert without(whole, events[0], measure) == aggregate(events[1:], measure)
