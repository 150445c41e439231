"""Summaries by the hours, days and months of a time zone: the same events, divided otherwise."""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meterline.core.metering.calendar_windows import Grouping, window_around
from meterline.core.metering.distinct import value_of
from meterline.services.metering import count
from meterline.services.metering.summaries import list_event_summaries
from meterline.services.metering.windows import Windows
from meterline.store.metering import usage, usage_profiles
from meterline.store.metering.meter_events import identity_of, key_of
from tests.engines import Engine
from tests.integration.metering.worlds import meter_body, used

HOUR = 3_600
BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY = int(datetime(2026, 10, 25, tzinfo=BERLIN).timestamp())
"""The midnight of a day on which Berlin's clocks repeat an hour."""

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]


@pytest.mark.usefixtures("dynamodb")
def test_a_day_of_25_hours_holds_the_events_of_25_hours() -> None:
    counted((SUNDAY + n * HOUR, 1) for n in range(27))
    days = rows(SUNDAY, SUNDAY + 49 * HOUR, Grouping.DAY, BERLIN)
    assert [value for _, _, value in days] == [2, 25]
    hours = rows(SUNDAY, SUNDAY + 25 * HOUR, Grouping.HOUR, BERLIN)
    assert [value for _, _, value in hours] == [1] * 25


@pytest.mark.parametrize("formula", ["sum", "last", "unique_count"])
def test_every_window_says_what_a_query_of_its_range_says(dynamodb: Engine, formula: str) -> None:
    assert dynamodb.scan("usage") == []
    meter = meter_body(formula=formula)
    random = Random(7)
    # Sixty of them in one hour: so many that it has segments, and windows divide it.
    moments = [SUNDAY + 20 * HOUR + random.randrange(8 * HOUR) for _ in range(60)]
    moments += [SUNDAY + 22 * HOUR + random.randrange(HOUR) for _ in range(60)]
    counted(((moment, random.randrange(-50, 50)) for moment in moments), formula)
    for zone, grouping in product(map(ZoneInfo, ZONES), Grouping):
        start = window_around(min(moments), grouping, zone)[0]
        end = window_around(max(moments), grouping, zone)[1]
        found = rows(start, end, grouping, zone, meter)
        wanted = {window_around(moment, grouping, zone) for moment in moments}
        assert {(first, last) for first, last, _ in found} == wanted
        for first, last, value in found:
            assert value == used(first, last, meter=meter), (zone, grouping)


@pytest.mark.parametrize("formula", ["sum", "unique_count"])
@pytest.mark.usefixtures("dynamodb")
def test_quiet_hours_are_read_once_even_if_windows_divide_each_of_them(
    monkeypatch: pytest.MonkeyPatch, formula: str
) -> None:
    kolkata = ZoneInfo("Asia/Kolkata")
    # On the hour and half past: a window of Kolkata ends between the two.
    counted(((SUNDAY + n * HOUR // 2, n) for n in range(20)), formula)

    reads = 0

    def noted[**P, T](read: Callable[P, T]) -> Callable[P, T]:
        def reading(*args: P.args, **named: P.kwargs) -> T:
            nonlocal reads
            reads += 1
            return read(*args, **named)

        return reading

    monkeypatch.setattr(usage, "read_buckets", noted(usage.read_buckets))
    monkeypatch.setattr(
        usage_profiles, "read_with_profile", noted(usage_profiles.read_with_profile)
    )
    start, end = SUNDAY - HOUR // 2, SUNDAY + 10 * HOUR + HOUR // 2
    found = rows(start, end, Grouping.HOUR, kolkata, meter_body(formula=formula))
    values = {"sum": [2 * n - 1 + 2 * n for n in range(9, 0, -1)], "unique_count": [2] * 9}
    assert [value for _, _, value in found[1:-1]] == values[formula]
    assert len(found) == 11
    assert reads == 0, "not even the hours that the range itself cuts"


def counted(events: Iterable[tuple[int, int]], formula: str = "sum") -> None:
    """Count events, given as (timestamp, value): records as the stream has them."""
    records = [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "SequenceNumber": str(number),
                "NewImage": {
                    "identifier": {"S": key_of(livemode=False, identity=identity_of(f"e{number}"))},
                    "meter": {"S": meter_body()["id"]},
                    "customer": {"S": "cus_a"},
                    "measure": {"S": formula},
                    "value": {"S": _as_stored(value, formula)},
                    "timestamp": {"N": str(timestamp)},
                    "accepted_at": {"N": str((SUNDAY + 30 * HOUR) * 1_000_000 + number)},
                },
            },
        }
        for number, (timestamp, value) in enumerate(events)
    ]
    assert count.count_records(records) == []


def rows(
    start: int, end: int, grouping: Grouping, zone: ZoneInfo, meter: Any = None
) -> list[tuple[int, int, Decimal]]:
    """The windows of a range with their values, newest first."""
    found = list_event_summaries(
        meter or meter_body(), "cus_a", Windows(start, end, grouping, zone), livemode=False
    )
    return [(row["start_time"], row["end_time"], row["aggregated_value"]) for row in found]


def _as_stored(value: int, formula: str) -> str:
    """The value as acceptance stores it."""
    return str(value_of(str(value)) if formula == "unique_count" else value)
