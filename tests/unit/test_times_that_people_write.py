"""Which times the command line and imported files may say, and which instants they are."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline_cli.times import NOT_A_TIME, read_time

READ = {
    "2023-11-16 18:17:03.9799600": "2023-11-16T18:17:03.979960",
    "2023-11-16T18:17:03Z": "2023-11-16T18:17:03",
    "2023-11-16t18:17:03z": "2023-11-16T18:17:03",
    "2023-11-16T20:17:03+02:00": "2023-11-16T18:17:03",
    "2023-11-16 12:47:03 -0530": "2023-11-16T18:17:03",
    "20231116T181703,5": "2023-11-16T18:17:03.500000",
    "2023-W46-4T18:17": "2023-11-16T18:17:00",
    "2023-320": "2023-11-16T00:00:00",
    "2023-11-15T24:00": "2023-11-16T00:00:00",
    " 2023-11-16 ": "2023-11-16T00:00:00",
    "1700158623": "2023-11-16T18:17:03",
}

REFUSED = [
    "",
    "yesterday",
    "16.11.2023",
    "2023-11-31",
    "2023-11-16T25:00",
    "2023-11-16T18:17:61",
    "2023-11-16+02:00",  # an offset, or the time of day?
    "2023-11-16 +0200",
    "2023-11-16T18:17:03+02:00:30",
    "2023-11-16T18:17:03 UTC",
    "0001-01-01T00:00+02:00",
    "-5",
    "²",
    "9" * 30,
]


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_times_are_iso_8601_in_utc_unless_they_say_otherwise(text: str, expected: str) -> None:
    assert read_time(text) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_plainly_a_time_is_refused_with_an_example_of_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time") as refused:
        read_time(text)
    assert str(refused.value) == f"{text!r} {NOT_A_TIME}"


@given(
    moment=st.datetimes(
        min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the offset is drawn beside it
        max_value=datetime(9998, 1, 1),  # noqa: DTZ001 - see above
        timezones=st.integers(-23 * 60, 23 * 60).map(lambda at: timezone(timedelta(minutes=at))),
    ),
    separator=st.sampled_from("T "),
)
def test_every_time_that_python_writes_is_read_as_itself(moment: datetime, separator: str) -> None:
    assert read_time(moment.isoformat(separator)) == moment
