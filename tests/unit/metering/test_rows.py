"""Rows survive as bytes, and are as short as the cost of counting needs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core import metering_rows
from meterline.core.aggregation import Formula, Measure, Row
from meterline.core.distinct import value_of

START = 1_700_157_600
SUM = Measure(Formula.SUM)
LAST = Measure(Formula.LAST)
UNIQUE = Measure(Formula.UNIQUE_COUNT)
MANTISSAS = st.integers(-(10**15) + 1, 10**15 - 1)
VALUES = st.builds(lambda n, places: Decimal(n).scaleb(-places), MANTISSAS, st.integers(0, 15))
ROWS = st.builds(
    Row,
    identity=st.binary(min_size=16, max_size=16),
    timestamp=st.integers(START, START + 3_599),
    value=VALUES,
    accepted_at=st.integers(0, 2**62),
    cancels=st.booleans(),
)


@given(st.lists(ROWS, max_size=20))
def test_rows_come_back_as_they_were(rows: list[Row]) -> None:
    data = metering_rows.pack(rows, START, LAST)
    assert list(metering_rows.unpack(data, START, LAST)) == rows


@given(st.lists(ROWS, max_size=20))
def test_without_order_the_time_of_receipt_is_left_out(rows: list[Row]) -> None:
    data = metering_rows.pack(rows, START, SUM)
    assert len(data) <= 26 * len(rows)
    expected = [row._replace(accepted_at=0) for row in rows]
    assert list(metering_rows.unpack(data, START, SUM)) == expected


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("0", 18),
        ("1", 20),
        ("-127", 20),
        ("128", 21),
        ("32767", 21),
        ("2.5", 20),
        ("999999999999999", 26),
    ],
)
def test_a_row_is_as_long_as_its_number(value: str, size: int) -> None:
    row = Row(bytes(16), START, Decimal(value))
    assert len(metering_rows.pack([row], START, SUM)) == size


def test_digests_of_values_come_back_as_they_were() -> None:
    rows = [Row(bytes(16), START + n, value_of(f"user {n}"), cancels=n == 1) for n in range(3)]
    data = metering_rows.pack(rows, START, UNIQUE)
    assert len(data) == 34 * 3
    assert list(metering_rows.unpack(data, START, UNIQUE)) == rows


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(TypeError):
        metering_rows.pack([Row(bytes(16), START, Decimal("NaN"))], START, SUM)
