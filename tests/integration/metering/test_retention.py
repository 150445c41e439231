"""Events and segments go some time after their receipt by the wall clock; counts stay."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.metering import count
from meterline.services.metering.summaries import list_event_summaries
from meterline.services.metering.windows import Windows
from meterline.store.base.settings import settings
from tests.engines import Engine, template
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    FakeDirectory,
    deliver,
    event,
    meter_body,
    send,
    sender,
    stored_records,
    used,
)

DAY = 86_400
YEARS_AGO = NOW - 700 * DAY


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, dynamodb: Engine) -> Iterator[Engine]:
    """Events are kept for 50 days, segments for 1,200."""
    monkeypatch.setenv("METERLINE_EVENT_RETENTION_DAYS", "50")
    monkeypatch.setenv("METERLINE_SEGMENT_RETENTION_DAYS", "1200")
    settings.cache_clear()
    yield dynamodb
    settings.cache_clear()


def segments(engine: Engine) -> list[dict[str, Any]]:
    return [item for item in engine.scan("usage") if item["sk"]["S"].startswith("s#")]


def remove(engine: Engine, table: str, item: dict[str, Any]) -> None:
    """What DynamoDB does when the time of an item has come."""
    names = ("identifier",) if table == "meter_events" else ("pk", "sk")
    key = {name: item[name] for name in names}
    engine.client.delete_item(TableName=engine.tables[table], Key=key)


def test_events_of_a_test_clock_in_the_past_are_kept_by_their_receipt(kept: Engine) -> None:
    clock = sender(directory=FakeDirectory(clocks={"cus_a": YEARS_AGO}))
    assert send(*(event(f"e{n}", at=YEARS_AGO) for n in range(100)), by=clock) == ["accepted"] * 100
    deliver(kept)
    stored = kept.scan("meter_events")
    assert {int(item["expires_at"]["N"]) for item in stored} == {NOW + 50 * DAY}
    assert [int(item["expires_at"]["N"]) for item in segments(kept)] == [NOW + 1_200 * DAY]


@pytest.mark.usefixtures("come_alone")
def test_segments_and_counters_stay_for_ever_unless_told_otherwise(dynamodb: Engine) -> None:
    send(*(event(f"e{n}") for n in range(100)))
    deliver(dynamodb)
    assert segments(dynamodb)
    assert all("expires_at" not in item for item in dynamodb.scan("usage"))


def test_counters_never_go(kept: Engine) -> None:
    send(event("e"))
    deliver(kept)
    assert all("expires_at" not in item for item in kept.scan("usage"))


def test_events_that_go_are_no_cancellations(kept: Engine) -> None:
    send(*(event(f"e{n}") for n in range(100)))
    deliver(kept)
    removals = [record | {"eventName": "REMOVE"} for record in stored_records(kept)]
    for item in kept.scan("meter_events"):
        remove(kept, "meter_events", item)
    assert count.count_records(removals) == []
    assert used() == 100


def test_without_its_segments_an_hour_is_exact_as_a_whole_and_refused_in_part(
    kept: Engine,
) -> None:
    send(*(event(f"e{n}", at=HOUR_START + n) for n in range(100)))
    deliver(kept)
    [segment] = segments(kept)
    remove(kept, "usage", segment)
    assert used(HOUR_START, HOUR_START + 3_600) == 100
    minute = Windows(HOUR_START, HOUR_START + 60)
    with pytest.raises(BillingError) as refused:
        list_event_summaries(meter_body(), "cus_a", minute, livemode=False)
    assert refused.value.code == "usage_rows_expired"


@pytest.mark.parametrize(
    ("days", "allowed"),
    [("0", True), ("1200", True), ("9999", True), ("1199", False), ("45", False), ("", False)],
)
def test_segments_outlast_every_open_invoice(days: str, *, allowed: bool) -> None:
    parameter = template()["Parameters"]["SegmentRetentionDays"]
    assert bool(re.fullmatch(parameter["AllowedPattern"], days)) is allowed
    assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])


def test_events_outlast_the_uniqueness_of_identifiers_and_their_stream() -> None:
    parameter = template()["Parameters"]["EventRetentionDays"]
    assert parameter["MinValue"] >= 35 + 1 + 1
    assert parameter["Default"] == settings().event_retention_days
