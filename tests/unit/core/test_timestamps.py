"""Instants are read from any text of RFC 3339, or refused."""

import pytest

from meterline.core.base.timestamps import unix_seconds


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-01-31T12:00:00Z", 1_769_860_800),
        ("2026-01-31T13:00:00.999+01:00", 1_769_860_800),
        ("1969-12-31T23:59:59.5Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
        ("9999-12-31T23:59:59-14:00", 253_402_351_199),
        ("2026-01-31T12:00:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("2016-12-31T23:59:60Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("10000-01-01T00:00:00Z", None),
        ("2026-01-31T12:00:00+99:99", None),
        ("٢٠٢٦-01-31T12:00:00Z", None),
        ("1769860800", None),
        ("", None),
        ("\ud800", None),
    ],
)
def test_a_text_is_an_instant_or_none(text: str, second: int | None) -> None:
    assert unix_seconds(text) == second
