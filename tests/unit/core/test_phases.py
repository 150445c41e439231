"""Where phases of schedules end, which items go on, and when an end is announced."""

import pytest

from meterline.core.base.periods import Interval, IntervalUnit
from meterline.core.schedules.phases import Sold, duration_end, notice_at, paired
from tests.unit.core.instants import at

DAY = 86_400


@pytest.mark.parametrize(
    ("start", "unit", "times", "anchor", "end"),
    [
        ("2024-01-31", "month", 1, "2024-01-31", "2024-02-29"),
        ("2024-02-29", "month", 1, "2024-01-31", "2024-03-31"),
        ("2024-02-29", "month", 1, "2024-02-29", "2024-03-29"),
        ("2024-02-29", "year", 1, "2024-01-31", "2025-02-28"),
        ("2024-02-15", "month", 1, "2024-01-31", "2024-03-15"),
        ("2024-02-15", "week", 2, "2024-01-31", "2024-02-29"),
        ("2024-02-15", "day", 3, "2024-01-31", "2024-02-18"),
        ("2023-12-31", "month", 2, "2024-01-31", "2024-02-29"),
    ],
)
def test_a_duration_stays_in_step_with_the_cycle_that_it_begins_with(
    start: str, unit: str, times: int, anchor: str, end: str
) -> None:
    interval = Interval(IntervalUnit(unit))
    assert duration_end(at(start), interval, times, at(anchor)) == at(end)


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ("a1", "a1", [0]),
        ("a1", "a2", [0]),
        ("a1", "b1", [None]),
        ("a1 b1", "b1 a2", [1, 0]),
        ("a1 a2", "a2 a3", [1, 0]),
        ("a1", "a2 a1", [None, 0]),
        ("", "a1", [None]),
        ("a1 b1", "", []),
    ],
)
def test_an_item_goes_on_at_its_price_else_as_the_one_of_its_product(
    before: str, after: str, places: list[int | None]
) -> None:
    def sold(text: str) -> list[Sold]:
        return [Sold(price=name, product=name[0]) for name in text.split()]

    assert paired(sold(before), sold(after)) == places


def test_an_end_is_announced_a_week_before_or_at_once() -> None:
    assert notice_at(0, 30 * DAY) == 23 * DAY
    assert notice_at(0, 3 * DAY) == 0
