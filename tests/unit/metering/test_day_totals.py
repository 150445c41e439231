"""The rules by which a day's total is never other than its hours."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering import day_totals
from meterline.core.metering.aggregation import Aggregate, Formula, Measure, Row, Window

DAY = 20_000
END = (DAY + 1) * 86_400
HOUR = 3_600
_FUNCTION_SECONDS = 900
"""No function runs for longer."""

_instants = st.integers(END - 86_400, END + 40 * 86_400)


@given(changed=_instants, added_up=_instants)
def test_what_is_changed_unmarked_has_arrived_before_anybody_adds_it_up(
    changed: int, added_up: int
) -> None:
    if not day_totals.is_late(DAY, changed) and day_totals.latest_settled(added_up) >= DAY:
        assert added_up - changed >= HOUR > _FUNCTION_SECONDS


@given(marked=_instants, changed=_instants, added_up=_instants)
def test_what_is_changed_by_the_light_of_a_mark_has_arrived_before_the_mark_is_ripe(
    marked: int, changed: int, added_up: int
) -> None:
    state = day_totals.mark(marked)
    if day_totals.serves(state, changed) and day_totals.is_open(state, added_up):
        assert added_up - changed > _FUNCTION_SECONDS


@pytest.mark.parametrize(
    ("since_its_end", "late", "settled"),
    [
        (0, False, False),
        (11 * HOUR - 1, False, False),
        (11 * HOUR, True, False),
        (12 * HOUR - 1, True, False),
        (12 * HOUR, True, True),
    ],
)
def test_changes_are_late_an_hour_before_a_day_settles(
    since_its_end: int,
    late: bool,  # noqa: FBT001 - a case
    settled: bool,  # noqa: FBT001 - a case
) -> None:
    now = END + since_its_end
    assert day_totals.is_late(DAY, now) == late
    assert (day_totals.latest_settled(now) >= DAY) == settled


def test_a_day_is_added_up_where_nothing_or_a_ripe_mark_is_stored_of_it() -> None:
    mark = day_totals.mark(END)
    assert day_totals.is_open(None, END)
    assert not day_totals.is_open(mark, END + HOUR - 1)
    assert day_totals.is_open(mark, END + HOUR)
    assert not day_totals.is_open("3 12.5", END + HOUR)


@pytest.mark.parametrize(
    "whole",
    [
        Aggregate(),
        Aggregate(3, Decimal("12.50")),
        Aggregate(2, Decimal("-0.000000000000001"), Decimal(-7)),
        Aggregate(10**9, Decimal("999999999999999999999.5"), Decimal("1E+2")),
        Aggregate(2, Decimal("-7200.5"), chosen=Row(b"", END - 1, Decimal("0.25")), first=END - 9),
    ],
)
def test_a_total_is_read_as_it_was_stored(whole: Aggregate) -> None:
    assert day_totals.total_of(day_totals.text_of(whole)) == whole


@pytest.mark.parametrize("state", [None, day_totals.mark(END)])
def test_nothing_and_a_mark_are_no_total(state: str | None) -> None:
    assert day_totals.total_of(state) is None


@pytest.mark.parametrize("formula", Formula)
@pytest.mark.parametrize("window", [None, *Window])
def test_days_have_totals_where_a_few_numbers_say_all(
    formula: Formula, window: Window | None
) -> None:
    without = {Formula.LAST, Formula.UNIQUE_COUNT, Formula.PERCENTILE}
    expected = window is None and formula not in without
    assert day_totals.has_day_totals(Measure(formula, window)) == expected
