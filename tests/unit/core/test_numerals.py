"""Whole numbers are read from any text, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.numerals import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("-12", -12),
        ("9" * 18, 999_999_999_999_999_999),
        ("0" * 5_000 + "7", 7),
        ("-" + "0" * 5_000 + "7", -7),
        ("0" * 5_000, 0),
        ("9" * 19, None),
        ("9" * 5_000, None),
        ("", None),
        ("-", None),
        ("--1", None),
        ("+1", None),
        ("1.0", None),
        ("1e3", None),
        ("1_000", None),
        (" 1", None),
        ("1\n", None),
        ("٣", None),
        ("²", None),
    ],
)
def test_a_text_is_a_whole_number_or_none(text: str, number: int | None) -> None:
    assert whole_number(text) == number


@given(number=st.integers(-(10**18) + 1, 10**18 - 1), zeros=st.integers(0, 5_000))
def test_leading_zeros_change_nothing(number: int, zeros: int) -> None:
    sign = "-" if number < 0 else ""
    assert whole_number(f"{sign}{'0' * zeros}{abs(number)}") == number
