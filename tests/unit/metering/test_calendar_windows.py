"""Windows of a zone: they partition time, and they are the zone's own hours, days and months."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering.calendar_windows import Grouping, day_start, window_around

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # changed its clocks at midnight until 2019
    "America/St_Johns",  # at a minute past midnight until 2011
    "Asia/Kolkata",  # half an hour off
    "Asia/Kathmandu",  # a quarter of an hour off
    "Australia/Lord_Howe",  # changes its clocks by half an hour
    "Pacific/Apia",  # left out a day in 2011
    "Africa/Casablanca",  # changes its clocks around Ramadan
]
HOUR = 3_600

instants = st.integers(0, int(datetime(2040, 1, 1, tzinfo=UTC).timestamp()))
zones = st.sampled_from(ZONES).map(ZoneInfo)
groupings = st.sampled_from(Grouping)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@given(instants, groupings, zones)
def test_windows_follow_each_other_without_gap_or_overlap(
    instant: int, grouping: Grouping, zone: ZoneInfo
) -> None:
    start, end = window_around(instant, grouping, zone)
    assert start <= instant < end
    for inside in (start, end - 1, (start + end) // 2):
        assert window_around(inside, grouping, zone) == (start, end)
    assert window_around(end, grouping, zone)[0] == end


@given(instants, groupings.filter(lambda grouping: grouping is not Grouping.WEEK), zones)
def test_all_windows_but_weeks_nest_in_months(
    instant: int, grouping: Grouping, zone: ZoneInfo
) -> None:
    start, end = window_around(instant, grouping, zone)
    month = window_around(instant, Grouping.MONTH, zone)
    assert month[0] <= start < end <= month[1]


@given(instants, zones)
def test_an_hour_has_one_offset_and_one_reading_of_the_hour(instant: int, zone: ZoneInfo) -> None:
    start, end = window_around(instant, Grouping.HOUR, zone)
    first, last = (datetime.fromtimestamp(one, zone) for one in (start, end - 1))
    assert (first.date(), first.hour) == (last.date(), last.hour)
    assert first.utcoffset() == last.utcoffset()
    assert end - start <= HOUR


@given(st.dates(date(1980, 1, 1), date(2037, 1, 1)), zones)
def test_a_day_begins_with_the_first_second_of_its_date(day: date, zone: ZoneInfo) -> None:
    start = day_start(day, zone)
    assert datetime.fromtimestamp(start, zone).date() >= day
    assert datetime.fromtimestamp(start - 1, zone).date() < day


@given(instants)
def test_in_utc_they_are_plain_arithmetic(instant: int) -> None:
    hour, day = instant - instant % HOUR, instant - instant % 86_400
    assert window_around(instant, Grouping.HOUR, UTC) == (hour, hour + HOUR)
    assert window_around(instant, Grouping.DAY, UTC) == (day, day + 86_400)


@pytest.mark.parametrize(
    ("zone", "inside", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T12:00+02:00", 23),
        ("Europe/Berlin", "2026-10-25T12:00+01:00", 25),
        ("Europe/Berlin", "2026-10-26T12:00+01:00", 24),
        ("America/New_York", "2026-03-08T12:00-04:00", 23),
        ("America/Sao_Paulo", "2018-11-04T12:00-02:00", 23),
        ("America/Sao_Paulo", "2019-02-16T12:00-02:00", 25),
        ("America/St_Johns", "2010-11-07T12:00-03:30", 25),
        ("Pacific/Apia", "2011-12-29T12:00-10:00", 24),
        ("Asia/Kolkata", "2026-11-20T12:00+05:30", 24),
    ],
)
def test_days_are_as_long_as_the_clocks_make_them(zone: str, inside: str, hours: int) -> None:
    start, end = window_around(at(inside), Grouping.DAY, ZoneInfo(zone))
    assert end - start == hours * HOUR


def test_a_half_hour_change_divides_the_hour_that_it_falls_into() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    assert window_around(at("2026-04-05T01:45+11:00"), Grouping.HOUR, zone) == (
        at("2026-04-05T01:00+11:00"),
        at("2026-04-05T02:00+11:00"),
    )
    assert window_around(at("2026-04-05T01:45+10:30"), Grouping.HOUR, zone) == (
        at("2026-04-05T01:30+10:30"),
        at("2026-04-05T02:00+10:30"),
    )


def test_a_month_begins_and_ends_with_the_zone_s_midnight() -> None:
    month = window_around(at("2026-10-31T23:30+01:00"), Grouping.MONTH, ZoneInfo("Europe/Berlin"))
    assert month == (at("2026-10-01T00:00+02:00"), at("2026-11-01T00:00+01:00"))
    assert timedelta(seconds=month[1] - month[0]) == timedelta(days=31, hours=1)
