"""What reconciliation costs: units as measured, and arithmetic that carries them to any size."""

from collections.abc import Iterator
from typing import Any

import pytest

from meterline.core.metering import packed_rows
from meterline.core.metering.aggregation import Formula, Measure
from meterline.services.metering.gather import gather, whole_table
from meterline.services.metering.reconcile import compare
from meterline.services.metering.reconcile_pass import PASS_SECONDS
from meterline.store.metering.event_scan import EventScan
from tests.benchmarks.reconciliation import (
    DAY_SECONDS,
    INVOCATIONS_AN_HOUR,
    ROW_BYTES,
    Load,
    counter_units,
    dollars_a_million,
    pass_days,
    scan_units,
)
from tests.benchmarks.units import MeteredDynamoDB, item_bytes
from tests.benchmarks.worlds import HOUR_START, SENT_FROM, events, metered, pipeline
from tests.engines import resources

LONE = 300
BUSY = 4_000
EVENT_BYTES = 500
"""More than the benchmark's events have."""

A_MONTH = (1e6, 1e7, 1e8, 1e9)
AN_HOUR = (1, 10, 40, 60, 100, 1_000, 100_000)


def lone_events() -> Iterator[list[dict[str, Any]]]:
    """One of each hour."""
    for place in range(LONE):
        yield events(1, first=place, seconds=lambda at: HOUR_START - at * 3_600)


def busy_events() -> Iterator[list[dict[str, Any]]]:
    """All of one hour."""
    for first in range(0, BUSY, 100):
        yield events(100, first=first, seconds=lambda _: HOUR_START)


def reconciled(engine: MeteredDynamoDB) -> float:
    """The read units of comparing everything in one round."""
    engine.forget_units()
    scan = EventScan((SENT_FROM + DAY_SECONDS) * 1_000_000)
    gathered, places = gather(scan, whole_table(scan), most_events=10**6, has_time=lambda: True)
    assert places == {}
    compared = compare(gathered.groups)
    assert (compared.differences, compared.unreadable) == ([], 0)
    return engine.read_units


@pytest.mark.parametrize(
    ("batches", "number", "an_hour"), [(lone_events, LONE, 1), (busy_events, BUSY, BUSY)]
)
def test_the_arithmetic_says_what_the_engine_bills(batches: Any, number: int, an_hour: int) -> None:
    with metered() as engine:
        pipeline(engine, batches())
        stored = engine.items("meter_events")
        each = sum(map(item_bytes, stored)) / number
        units = reconciled(engine)
    a_month = number * 30.4 * DAY_SECONDS / PASS_SECONDS
    load = Load(a_month, an_hour, each, retention_days=7)
    assert load.rounds == 1
    assert [load.stored, load.of_a_pass] == pytest.approx([number, number])
    expected = scan_units(load) + number / an_hour * counter_units(load) / load.counters_a_round
    assert units == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("a_month", A_MONTH)
@pytest.mark.parametrize("an_hour", AN_HOUR)
def test_a_million_events_are_reconciled_for_thirty_cents_at_most(
    a_month: float, an_hour: float
) -> None:
    assert dollars_a_million(Load(a_month, an_hour, EVENT_BYTES)) <= 0.30


@pytest.mark.parametrize("a_month", A_MONTH)
@pytest.mark.parametrize("an_hour", AN_HOUR)
def test_a_pass_is_done_before_the_next_one_begins(a_month: float, an_hour: float) -> None:
    assert pass_days(Load(a_month, an_hour, EVENT_BYTES)) < PASS_SECONDS / DAY_SECONDS


def test_a_row_of_a_segment_is_as_long_as_the_arithmetic_says() -> None:
    with metered() as engine:
        pipeline(engine, busy_events())
        segments = [item for item in engine.items("usage") if item["sk"]["S"].startswith("s#")]
        rows = sum(len(segment["rows"]["B"]) // packed_rows_bytes(segment) for segment in segments)
        assert sum(map(item_bytes, segments)) / rows <= ROW_BYTES + 1


def packed_rows_bytes(segment: dict[str, Any]) -> int:
    return packed_rows.row_bytes(segment["rows"]["B"], Measure(Formula.SUM))


def test_the_template_schedules_as_many_invocations_as_the_arithmetic_counts_on() -> None:
    schedule = resources("AWS::Scheduler::Schedule")["ReconcileUsageSchedule"]
    assert schedule["ScheduleExpression"] == f"rate({60 // INVOCATIONS_AN_HOUR} minutes)"
