"""Write units for each event, over acceptance and counting; and what a million events costs."""

from collections.abc import Callable, Iterator
from typing import Any

from meterline.store.base.settings import settings
from tests.benchmarks.results import Result
from tests.benchmarks.units import item_bytes
from tests.benchmarks.worlds import HOUR_START, events, metered, pipeline

type Batches = Iterator[list[dict[str, Any]]]


def _in_a_minute() -> Batches:
    """A hundred events of one minute in a batch, a batch a minute, for three hours."""
    for number in range(180):
        yield events(100, first=number * 100, seconds=lambda place: _minute(place // 100, place))


def _minute(minute: int, place: int) -> int:
    return HOUR_START + 60 * minute + place % 60


def _over_an_hour() -> Batches:
    """A hundred events spread over an hour in a batch, sixty batches."""
    for number in range(60):
        yield events(100, first=number * 100, seconds=lambda place: HOUR_START + place * 36 % 3_600)


def _alone(an_hour: int, number: int) -> Batches:
    for place in range(number):
        yield events(1, first=place, seconds=lambda at: HOUR_START + at * 3_600 // an_hour)


def _many_customers() -> Batches:
    """A thousand events over 300 customers in a batch, sixty batches an hour."""
    for number in range(60):
        yield events(
            1_000,
            first=number * 1_000,
            seconds=lambda place: HOUR_START + place // 1_000 * 60,
            customers=300,
        )


REGIMES: list[tuple[str, Callable[[], Batches], str]] = [
    ("100 events of one minute in a batch", _in_a_minute, "<= 1.08"),
    ("100 events of one hour in a batch", _over_an_hour, ""),
    ("alone, 10 an hour", lambda: _alone(10, 200), "<= 2.2"),
    ("alone, 10,000 an hour", lambda: _alone(10_000, 3_000), "<= 2.2"),
    ("1,000 events over 300 customers in a batch", _many_customers, ""),
]

DOLLARS = {
    "write unit": 0.625e-6,
    "read unit": 0.125e-6,
    "HTTP API request": 1.00e-6,
    "Lambda request": 0.20e-6,
    "Lambda GB second (arm64)": 13.3334e-6,
    "GB stored a month": 0.25,
}
"""List prices in us-east-1, on demand, as published in November 2025."""

_INGEST_SECONDS = {1: 0.012, 100: 0.060}
"""Assumed length of a request by its number of events, at 512 MB: mostly waiting for DynamoDB."""

_COUNT_SECONDS = {1: 0.003, 100: 0.0003}
"""Assumed time of counting for each event, at 1,769 MB."""

_ITEM_OVERHEAD_BYTES = 100
_MONTH_SECONDS = 30.4 * 86_400


def measure() -> Iterator[Result]:
    """The units of each regime, then dollars."""
    units: dict[str, tuple[float, float, int]] = {}
    for name, batches, target in REGIMES:
        with metered() as engine:
            total = pipeline(engine, batches())
            stored = sum(map(item_bytes, engine.items("meter_events"))) // total
            units[name] = (engine.write_units / total, engine.read_units / total, stored)
        yield Result(f"write units an event: {name}", units[name][0], "units", target=target)
        yield Result(f"read units an event: {name}", units[name][1], "units")
    batched = units["100 events of one minute in a batch"]
    alone = units["alone, 10,000 an hour"]
    yield Result("a million events, 100 a request", _dollars(batched, 100), "$", target="<= 0.90")
    yield Result("a million events, one a request", _dollars(alone, 1), "$")


def _dollars(units: tuple[float, float, int], a_request: int) -> float:
    """What a million events costs: units, requests, compute, and keeping the events."""
    compute = _INGEST_SECONDS[a_request] / a_request * 0.5 + _COUNT_SECONDS[a_request] * 1.73
    months = settings().event_retention_days * 86_400 / _MONTH_SECONDS
    stored = (units[2] + _ITEM_OVERHEAD_BYTES) / 1024**3 * months
    each = (
        units[0] * DOLLARS["write unit"]
        + units[1] * DOLLARS["read unit"]
        + (DOLLARS["HTTP API request"] + 2 * DOLLARS["Lambda request"]) / a_request
        + compute * DOLLARS["Lambda GB second (arm64)"]
        + stored * DOLLARS["GB stored a month"]
    )
    return each * 1e6
