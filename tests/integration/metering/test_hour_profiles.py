"""A cut through a busy hour reads its profile and the latest segments, and is as exact as ever."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.metering import count, hour_profiles
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from meterline.services.metering.counted_events import EventRange, counted_events
from meterline.store.metering import usage, usage_commits
from tests.engines import Engine
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    deliver,
    event,
    meter_body,
    send,
    sender,
    stored_records,
    used,
)

PROFILED = ("sum", "count", "last", "max", "min", "avg")
VALUES = [(n * 37 % 101) - 20 for n in range(60)]


@pytest.fixture(autouse=True)
def busy_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few rows fill a counter, and two segments make a profile."""
    monkeypatch.setattr(usage_commits, "COUNTER_BYTES", 260)
    monkeypatch.setattr(hour_profiles, "SEGMENTS_A_PROFILE", 2)


def an_hour(dynamodb: Engine, meter: dict[str, Any]) -> None:
    """Sixty events, one a minute but for every tenth, in batches of twelve."""
    by = sender()
    by.directory.bodies = [meter]  # type: ignore[attr-defined]  # the tests' own directory
    sent = [
        event(f"e{n}", value, at=HOUR_START + n * 20 - (n % 10 == 9) * 20)
        for n, value in enumerate(VALUES)
    ]
    for start in range(0, 60, 12):
        later = replace(by, now_microseconds=(NOW - 60 + start) * 1_000_000)
        send(*sent[start : start + 12], by=later)
        deliver(dynamodb)


@pytest.mark.parametrize("identifier", ["late", "e7", "e10", "e19", "e30"])
def test_a_level_that_begins_among_others_is_counted_by_the_profile(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, identifier: str
) -> None:
    """Late, or taken out again. Of what the profile holds no segment is read if it is new."""
    meter = meter_body(formula="weighted_sum")
    by = sender("early", at=NOW - 120)
    by.directory.bodies = [meter]  # type: ignore[attr-defined]  # the tests' own directory
    send(event("early", 500, at=HOUR_START + 30 * 20), by=by)
    an_hour(dynamodb, meter)
    by = replace(by, request_key="late", now_microseconds=(NOW + 60) * 1_000_000)
    known = [record["dynamodb"]["NewImage"]["identifier"] for record in stored_records(dynamodb)]
    levels = {HOUR_START + n * 20 - (n % 10 == 9) * 20: value for n, value in enumerate(VALUES)}
    read: list[str] = []
    items = usage.items_between

    def noting(pk: str, low: str, high: str, **options: Any) -> Iterator[dict[str, Any]]:
        for item in items(pk, low, high, **options):
            read.append(item["sk"]["S"])
            yield item

    monkeypatch.setattr(usage, "items_between", noting)
    if identifier == "late":
        levels[HOUR_START + 7] = 1_000
        send(event("late", 1_000, at=HOUR_START + 7), by=by)
    else:
        number = int(identifier[1:])
        del levels[HOUR_START + number * 20 - (number % 10 == 9) * 20]
        if number == 30:
            levels[HOUR_START + 30 * 20] = 500
        if number % 10 == 9:
            levels[HOUR_START + (number - 1) * 20] = VALUES[number - 1]
        cancel = {"identifier": identifier}
        params = {"type": "cancel", "event_name": "tokens", "cancel": cancel}
        create_meter_event_adjustment(by, params)
    new = [
        record
        for record in stored_records(dynamodb)
        if "cancelled_at" in record["dynamodb"]["NewImage"]
        or record["dynamodb"]["NewImage"]["identifier"] not in known
    ]
    assert count.count_records(new) == []
    everything = sum(item["sk"]["S"].startswith("s#") for item in dynamodb.scan("usage"))
    assert len(read) < everything or identifier != "late"
    begun = sorted(levels)
    ends = [*begun[1:], HOUR_START + 3_600]
    expected = sum(levels[at] * (end - at) for at, end in zip(begun, ends, strict=True))
    assert used(HOUR_START, HOUR_START + 3_600, meter=meter) == expected
    deliver(dynamodb)
    assert used(HOUR_START, HOUR_START + 3_600, meter=meter) == expected


def profiles(dynamodb: Engine) -> list[dict[str, Any]]:
    return [item for item in dynamodb.scan("usage") if item["sk"]["S"].startswith("p#")]


def plain(formula: str, values: list[int]) -> Decimal:
    return {
        "sum": Decimal(sum(values)),
        "count": Decimal(len(values)),
        "last": Decimal(values[-1]),
        "max": Decimal(max(values)),
        "min": Decimal(min(values)),
        "avg": round(Decimal(sum(values)) / len(values), 12).normalize(),
    }[formula]


@pytest.mark.parametrize("formula", PROFILED)
def test_a_cut_at_any_second_is_exact(dynamodb: Engine, formula: str) -> None:
    meter = meter_body(formula=formula)
    an_hour(dynamodb, meter)
    [profile] = profiles(dynamodb)
    assert int(profile["segments"]["N"]) >= 2
    for first, last in ((0, 60), (7, 23), (20, 59), (41, 60)):
        start, end = HOUR_START + first * 20 - 1, HOUR_START + last * 20 - 1
        at = [HOUR_START + n * 20 - (n % 10 == 9) * 20 for n in range(60)]
        inside = [value for value, second in zip(VALUES, at, strict=True) if start <= second < end]
        assert used(start, end, meter=meter) == plain(formula, inside)


@pytest.mark.parametrize("formula", PROFILED)
def test_what_was_cancelled_after_the_profile_is_taken_out(dynamodb: Engine, formula: str) -> None:
    meter = meter_body(formula=formula)
    an_hour(dynamodb, meter)
    by = sender()
    by.directory.bodies = [meter]  # type: ignore[attr-defined]  # the tests' own directory
    greatest = VALUES.index(max(VALUES[:20]))
    cancel = {"identifier": f"e{greatest}"}
    params = {"type": "cancel", "event_name": "tokens", "cancel": cancel}
    create_meter_event_adjustment(by, params)
    deliver(dynamodb)
    left = [value for n, value in enumerate(VALUES[:19]) if n != greatest]
    end = HOUR_START + 19 * 20 - 20
    assert used(HOUR_START, end + 1, meter=meter) == plain(formula, left)


def test_what_is_delivered_again_makes_no_other_profile(dynamodb: Engine) -> None:
    an_hour(dynamodb, meter_body())
    before = profiles(dynamodb)
    count.count_records(stored_records(dynamodb))
    assert profiles(dynamodb) == before


def test_without_its_rows_a_cut_is_refused(dynamodb: Engine) -> None:
    an_hour(dynamodb, meter_body())
    for item in dynamodb.scan("usage"):
        if not item["sk"]["S"].startswith("h#"):
            place = {name: item[name] for name in ("pk", "sk")}
            dynamodb.client.delete_item(TableName=dynamodb.tables["usage"], Key=place)
    with pytest.raises(BillingError, match="not kept"):
        used(HOUR_START + 1, HOUR_START + 100)
    assert used(HOUR_START, HOUR_START + 3_600) == sum(VALUES)


@pytest.mark.parametrize("formula", [*PROFILED, "unique_count"])
def test_a_cut_is_read_as_of_its_counter_whatever_is_cancelled_meanwhile(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, formula: str
) -> None:
    monkeypatch.setattr(hour_profiles, "SEGMENTS_A_PROFILE", 100)
    meter = meter_body(formula=formula)
    an_hour(dynamodb, meter)
    before = used(HOUR_START, HOUR_START + 3_599, meter=meter)
    cancel_before_segments_are_read(dynamodb, monkeypatch, meter)
    assert used(HOUR_START, HOUR_START + 3_599, meter=meter) == before
    assert used(HOUR_START, HOUR_START + 3_600, meter=meter) != before


def test_the_events_of_an_hour_are_listed_whatever_is_cancelled_meanwhile(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_hour(dynamodb, meter_body())
    cancel_before_segments_are_read(dynamodb, monkeypatch, meter_body())
    span = EventRange(HOUR_START, HOUR_START + 3_600)
    listed = list(counted_events(meter_body(), "cus_a", span, livemode=False))
    assert len(listed) == 60


def cancel_before_segments_are_read(
    engine: Engine, patch: pytest.MonkeyPatch, meter: dict[str, Any]
) -> None:
    """Cancel all events but one between a reader's looks at the counter and at the segments."""
    by = sender()
    by.directory.bodies = [meter]  # type: ignore[attr-defined]  # the tests' own directory
    query = usage.items_between

    def query_late(pk: str, low: str, high: str) -> Iterator[dict[str, Any]]:
        if low.startswith("s#"):
            patch.setattr(usage, "items_between", query)
            for n in (*range(20), *range(21, 60)):
                params = {
                    "type": "cancel",
                    "event_name": "tokens",
                    "cancel": {"identifier": f"e{n}"},
                }
                create_meter_event_adjustment(by, params)
            deliver(engine)
        return query(pk, low, high)

    patch.setattr(usage, "items_between", query_late)
