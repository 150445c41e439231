"""Published and collected cases of usage by windows: polar, lago and openmeter."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from meterline.core.base.money import format_decimal
from meterline.core.metering.aggregation import Formula, Measure, Row, aggregate, result
from meterline.core.metering.calendar_windows import Grouping, window_around

DAYS = ["2025-01-01", "2025-01-02", "2025-01-03"]


def at(text: str) -> int:
    """UTC seconds of an instant, or of a day's start."""
    return int(datetime.fromisoformat(text + ("T00:00Z" if len(text) == 10 else "Z")).timestamp())


def event(place: int, instant: str, value: str) -> Row:
    return Row(place.to_bytes(16), timestamp=at(instant), value=Decimal(value))


def by_window(
    events: Sequence[Row], formula: Formula, grouping: Grouping, zone: str = "UTC"
) -> dict[tuple[int, int], str]:
    """What the events of each window come to; empty windows are left out."""
    windows: dict[tuple[int, int], list[Row]] = {}
    for row in events:
        windows.setdefault(window_around(row.timestamp, grouping, ZoneInfo(zone)), []).append(row)
    return {
        window: format_decimal(result(aggregate(rows, Measure(formula)), formula))
        for window, rows in sorted(windows.items())
    }


@pytest.mark.parametrize(
    ("case", "formula", "values", "windows", "total"),
    [
        ("aggregation 006", "max", [["10", "20"], [], ["15", "5"]], ["20", "15"], "20"),
        ("aggregation 008", "sum", [["10", "20"], [], ["15", "5"]], ["30", "20"], "50"),
        ("aggregation 010", "avg", [["10", "10", "10"], [], ["50"]], ["10", "50"], "20"),
    ],
)
def test_each_day_and_all_of_them(
    case: str, formula: str, values: list[list[str]], windows: list[str], total: str
) -> None:
    rows = [
        event(10 * place + number, DAYS[place], value)
        for place, of_day in enumerate(values)
        for number, value in enumerate(of_day)
    ]
    found = by_window(rows, Formula(formula), Grouping.DAY)
    assert list(found.values()) == windows, case
    whole = result(aggregate(rows, Measure(Formula(formula))), Formula(formula))
    assert whole == Decimal(total), case


FIVE_EACH = ["2023-05-06T00:00", "2023-05-06T00:01", "2023-05-06T01:00", "2023-05-07"]


@pytest.mark.parametrize(
    ("case", "grouping", "expected"),
    [
        (
            "aggregation 026",
            Grouping.HOUR,
            [
                ("2023-05-06T00:00", "2023-05-06T01:00", "1000"),
                ("2023-05-06T01:00", "2023-05-06T02:00", "500"),
                ("2023-05-07", "2023-05-07T01:00", "500"),
            ],
        ),
        (
            "aggregation 027",
            Grouping.DAY,
            [("2023-05-06", "2023-05-07", "1500"), ("2023-05-07", "2023-05-08", "500")],
        ),
    ],
)
def test_five_customers_of_a_hundred_each(
    case: str, grouping: Grouping, expected: list[tuple[str, str, str]]
) -> None:
    """And each customer alone has 400 (case aggregation 029)."""
    rows = [
        event(5 * place + customer, instant, "100")
        for place, instant in enumerate(FIVE_EACH)
        for customer in range(5)
    ]
    found = by_window(rows, Formula.SUM, grouping)
    assert found == {(at(start), at(end)): value for start, end, value in expected}, case
    for customer in range(5):
        own = rows[customer::5]
        assert result(aggregate(own, Measure(Formula.SUM)), Formula.SUM) == Decimal(400)


def test_the_day_on_which_clocks_fall_back_has_25_hours() -> None:
    """Case aggregation 031: a hundred each morning in Los Angeles."""
    mornings = [f"2025-{day}T17:00" for day in ("10-30", "10-31", "11-01")]
    mornings += [f"2025-11-0{day}T18:00" for day in range(2, 6)]
    rows = [event(place, instant, "100") for place, instant in enumerate(mornings)]
    found = by_window(rows, Formula.SUM, Grouping.DAY, "America/Los_Angeles")
    starts = [f"2025-{day}T07:00" for day in ("10-30", "10-31", "11-01", "11-02")]
    starts += [f"2025-11-0{day}T08:00" for day in range(3, 7)]
    assert list(found) == [(at(a), at(b)) for a, b in pairwise(starts)]
    assert set(found.values()) == {"100"}
