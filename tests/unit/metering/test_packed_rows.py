"""Rows survive as bytes, and are as short as the cost of counting needs."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering import packed_rows
from meterline.core.metering.aggregation import Formula, Measure, Row
from meterline.core.metering.distinct import value_of

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
    tombstone=st.just(False),  # noqa: FBT003 - a column
)


def _with_tombstones(rows: list[Row]) -> list[Row]:
    """Every other cancelling row as a tombstone."""
    return [row._replace(tombstone=row.cancels and n % 2 == 0) for n, row in enumerate(rows)]


@given(st.lists(ROWS, max_size=20).map(_with_tombstones))
def test_rows_come_back_as_they_were(rows: list[Row]) -> None:
    data = packed_rows.pack(rows, START, LAST)
    assert list(packed_rows.unpack(data, START, LAST)) == rows


@given(st.lists(ROWS, max_size=20))
def test_without_order_the_time_of_receipt_is_left_out(rows: list[Row]) -> None:
    data = packed_rows.pack(rows, START, SUM)
    assert len(data) <= 3 + 31 * len(rows)
    expected = [row._replace(accepted_at=0) for row in rows]
    assert list(packed_rows.unpack(data, START, SUM)) == expected


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ("0", 18),
        ("1", 19),
        ("-128 127", 19),
        ("128", 20),
        ("1 -32768 32767", 20),
        ("2.5", 19),
        ("2.5 1000", 20),
        ("32768", 22),
        ("999999999999999", 26),
        ("999999999999999 0.000000000000001", 31),
    ],
)
def test_a_row_is_as_long_as_the_longest_number_needs(values: str, size: int) -> None:
    rows = [Row(bytes(16), START, Decimal(value)) for value in values.split()]
    data = packed_rows.pack(rows, START, SUM)
    assert len(data) == 3 + size * len(rows)
    assert packed_rows.row_bytes(data, SUM) == size


@given(st.lists(ROWS, min_size=1, max_size=20), st.integers(1, 25))
def test_bytes_are_split_between_rows(rows: list[Row], number: int) -> None:
    first, rest = packed_rows.split(packed_rows.pack(rows, START, LAST), number, LAST)
    assert packed_rows.unpack(first, START, LAST) == rows[:number]
    assert packed_rows.unpack(rest, START, LAST) == rows[number:]


def test_no_rows_are_no_bytes() -> None:
    assert packed_rows.pack([], START, SUM) == b""
    assert packed_rows.unpack(b"", START, SUM) == []


def test_digests_of_values_come_back_as_they_were() -> None:
    rows = [Row(bytes(16), START + n, value_of(f"user {n}"), cancels=n == 1) for n in range(3)]
    data = packed_rows.pack(rows, START, UNIQUE)
    assert len(data) == 3 + 34 * 3
    assert list(packed_rows.unpack(data, START, UNIQUE)) == rows


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(TypeError):
        packed_rows.pack([Row(bytes(16), START, Decimal("NaN"))], START, SUM)
