"""``unique_count``: how many distinct values a customer sent, whatever came when and how often."""

from decimal import Decimal
from typing import Any

import pytest

from meterline.core.metering import distinct
from meterline.core.metering.calendar_windows import Grouping
from meterline.services.events.event_log import EventSpan, events_in
from meterline.services.metering import count
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from meterline.services.metering.counted_events import EventRange, counted_events
from meterline.services.metering.summaries import list_event_summaries
from meterline.services.metering.windows import Windows
from tests.engines import Engine
from tests.factories.objects import context
from tests.factories.streams import watch_usage
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    all_differences,
    deliver,
    event,
    meter_body,
    send,
    sender,
    stored_records,
    used,
)

METER = meter_body(formula="unique_count")
HOUR = 3_600


def send_users(*users: tuple[str, int], prefix: str = "e", meter: dict[str, Any] = METER) -> None:
    """Events of (user, time): each of an identifier of its own."""
    by = sender(request_key=prefix)
    by.directory.bodies = [meter]  # type: ignore[attr-defined]  # the tests' own directory
    events = [event(f"{prefix}{n}", user, at=at) for n, (user, at) in enumerate(users)]
    for start in range(0, len(events), 100):
        assert set(send(*events[start : start + 100], by=by)) == {"accepted"}


def unique(start: int = 0, end: int = NOW + 86_400, meter: dict[str, Any] = METER) -> Decimal:
    return used(start, end, meter=meter)


def cancel(identifier: str) -> None:
    params = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": identifier}}
    create_meter_event_adjustment(sender(), params)


def watch(engine: Engine) -> None:
    """Deliver the new counters as their stream would."""
    watch_usage(engine)


def test_a_value_counts_once_across_hours_and_pieces_of_hours(dynamodb: Engine) -> None:
    send_users(
        ("ada", NOW), ("bob", NOW), ("ada", NOW - HOUR), ("ada", NOW - 60), ("1", NOW - 2 * HOUR)
    )
    deliver(dynamodb)
    assert unique() == 3
    assert unique(HOUR_START, NOW) == 1
    assert unique(NOW - HOUR, NOW + 1) == 2
    assert unique(NOW + 1, NOW + 60) == 0


@pytest.mark.usefixtures("come_alone")
def test_delivered_again_late_and_in_parts_it_is_the_same(dynamodb: Engine) -> None:
    send_users(*((f"user {n % 40}", HOUR_START - n * 90) for n in range(200)))
    records = stored_records(dynamodb)[::-1]
    for start in range(0, 200, 30):
        assert count.count_records(records[start : start + 40]) == []
    assert count.count_records(records) == []
    assert unique() == 40
    assert all_differences() == []


def test_a_cancelled_event_leaves_the_value_of_others(dynamodb: Engine) -> None:
    send_users(*((f"user {n % 30}", HOUR_START + n) for n in range(60)), ("eve", HOUR_START))
    deliver(dynamodb)
    assert unique() == 31
    cancel("e0")
    cancel("e60")
    deliver(dynamodb)
    assert unique() == 30
    cancel("e30")
    deliver(dynamodb)
    assert unique() == 29
    assert all_differences() == []


@pytest.mark.parametrize(("window", "expected"), [("hour", 2), ("day", 1)])
def test_with_a_window_the_events_that_count_are_compared(
    dynamodb: Engine, window: str, expected: int
) -> None:
    meter = meter_body(formula="unique_count", event_time_window=window)
    send_users(
        ("ada", NOW), ("bob", NOW - 60), ("cid", NOW - HOUR), ("bob", NOW - 2 * HOUR), meter=meter
    )
    deliver(dynamodb)
    assert unique(meter=meter) == expected


def test_summaries_say_it_by_hour_and_day(dynamodb: Engine) -> None:
    send_users(("ada", NOW), ("bob", NOW), ("ada", NOW - HOUR))
    deliver(dynamodb)
    day = HOUR_START - HOUR_START % 86_400
    for grouping, expected in ((Grouping.HOUR, [2, 1]), (Grouping.DAY, [2])):
        rows = list_event_summaries(
            METER, "cus_a", Windows(day, day + 86_400, grouping), livemode=False
        )
        assert [row["aggregated_value"] for row in rows] == expected
        assert all("meterline" not in row for row in rows)


@pytest.mark.usefixtures("come_alone")
def test_beyond_the_bound_an_hour_is_estimated_and_says_so(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distinct, "MOST_DISTINCT", 50)
    monkeypatch.setattr("meterline.core.metering.buckets.MOST_DISTINCT", 50)
    send_users(*((f"user {n % 300}", HOUR_START + n) for n in range(400)))
    for start in range(0, 400, 100):
        assert count.count_records(stored_records(dynamodb)[start : start + 130]) == []
    watch(dynamodb)
    watch(dynamodb)
    [told] = events_in(context(NOW), EventSpan())
    assert told["type"] == "meterline.usage_estimate.began"
    assert told["data"]["object"]["start_time"] == HOUR_START
    day = HOUR_START - HOUR_START % 86_400
    [row] = list_event_summaries(METER, "cus_a", Windows(day, day + 86_400), livemode=False)
    assert row["meterline"] == {"approximate": True}
    assert abs(row["aggregated_value"] - 300) < 150
    assert all_differences() == []


def test_an_event_whose_text_is_forgotten_is_listed_without_it(dynamodb: Engine) -> None:
    send_users(("ada", NOW))
    deliver(dynamodb)
    [item] = dynamodb.scan("meter_events")
    dynamodb.client.delete_item(
        TableName=dynamodb.tables["meter_events"], Key={"identifier": item["identifier"]}
    )
    [listed] = counted_events(METER, "cus_a", EventRange(0, NOW + 1), livemode=False)
    assert listed["payload"] == {"stripe_customer_id": "cus_a"}
