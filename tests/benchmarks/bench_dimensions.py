"""What dimensions cost: write units over acceptance and counting, and a page of usage analytics."""

from collections.abc import Iterator
from datetime import UTC
from itertools import product
from typing import Any
from unittest.mock import patch

from meterline.core.metering.aggregation import Formula, Measure
from meterline.core.metering.calendar_windows import Grouping
from meterline.core.metering.dimensions import cell_of, with_cell
from meterline.services.base.context import Context
from meterline.services.metering import count, day_totals
from meterline.services.metering.analytics import Asked, meter_usage
from meterline.services.metering.series import Breakdown
from meterline.services.metering.windows import Windows
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import cells
from meterline.store.metering.cells import CellsKey, month_of
from meterline.store.metering.meter_events import SHORT_NAMES
from meterline.store.metering.usage import BucketKey
from tests.benchmarks import worlds
from tests.benchmarks.results import Result, cpu_seconds
from tests.benchmarks.worlds import (
    HOUR_START,
    METER,
    customer_id,
    events,
    metered,
    pipeline,
    stored_events,
)

WITH_DIMENSIONS = METER | {"dimension_payload_keys": ["model", "token_type"]}
BATCHES = 120
EVENTS_A_BATCH = 100
CELLS = (1, 2, 4, 8, 12)
SHARDS = (1, 4, 10, 40)
"""A table has four partitions from the beginning, and its stream as many shards."""
EXPONENTS = (3, 5)
MONTH_DAYS = 30
_DAY_SECONDS = 86_400
_MONTH_SECONDS = MONTH_DAYS * _DAY_SECONDS
_COMBINATIONS = [*product(("large", "medium", "small", "tiny"), ("input", "output", "cached"))]
_STEP = 1_000


def measure() -> Iterator[Result]:
    """Batches of few and of many cells beside the same without dimensions; then analytics."""
    for shards in SHARDS:
        batch = f"{EVENTS_A_BATCH} events of one minute in a batch on {shards} shards"
        yield from _units(EVENTS_A_BATCH, batch, "<= 1", shards)
    yield from _units(1, "alone, 60 an hour", "<= 1")
    for exponent in EXPONENTS:
        yield from _analytics(10**exponent, f"a month by days and models after 10^{exponent}")


def _units(number: int, title: str, target: str, shards: int = 1) -> Iterator[Result]:
    plain = _written(number, 0, shards)
    yield Result(f"write units an event: {title}, no dimensions", plain / number, "units")
    for cells_a_batch in CELLS:
        written = _written(number, cells_a_batch, shards)
        touched = min(number, cells_a_batch)
        name = f"{title}, {cells_a_batch} cells"
        yield Result(f"write units an event: {name}", written / number, "units")
        further = (written - plain) / touched
        yield Result(
            f"further write units a cell of a batch: {name}", further, "units", target=target
        )


def _written(number: int, cells_a_batch: int, shards: int) -> float:
    """The write units of a batch of so many events; 0 cells is a meter without dimensions."""
    meter = WITH_DIMENSIONS if cells_a_batch else METER
    with patch.object(worlds, "METER", meter), metered() as engine:
        pipeline(engine, _batches(number, cells_a_batch), shards=shards)
        return engine.write_units / BATCHES


def _batches(number: int, cells_a_batch: int) -> Iterator[list[dict[str, Any]]]:
    for minute in range(BATCHES):
        sent = events(number, first=minute * number, seconds=lambda _: HOUR_START + minute * 60)  # noqa: B023 - used at once
        for place, event in enumerate(sent):
            if cells_a_batch:
                values = _COMBINATIONS[(minute * number + place) % cells_a_batch]
                event["payload"] |= dict(zip(("model", "token_type"), values, strict=True))
        yield sent


def _analytics(number: int, title: str) -> Iterator[Result]:
    with metered() as engine:
        _count(number)
        _add_up()
        start = HOUR_START - HOUR_START % _DAY_SECONDS
        windows = Windows(start, start + (MONTH_DAYS + 1) * _DAY_SECONDS, Grouping.DAY, UTC)
        asked = Asked(WITH_DIMENSIONS, Breakdown(keys=("model",)))
        ctx = Context(BillingStore(livemode=False), HOUR_START, HOUR_START)

        def page() -> int:
            return meter_usage(ctx, customer_id(0), windows, [asked])["rows"]["total"]

        engine.forget_units()
        rows, calls, units = page(), engine.calls, engine.read_units
        milliseconds = cpu_seconds(page, repeats=3) * 1_000
    yield Result(f"{title}: rows", rows, "rows")
    yield Result(f"{title}: calls", calls, "calls", target="flat")
    yield Result(f"{title}: read units", units, "units")
    yield Result(f"{title}: CPU", milliseconds, "ms")


def _count(number: int) -> None:
    """Count so many events of all cells, spread over a month."""
    admitted: set[object] = set()
    for first in range(0, number, _STEP):
        places = range(first, min(first + _STEP, number))
        records = stored_events(places, lambda place: place * _MONTH_SECONDS // number)
        for place, record in zip(places, records, strict=True):
            _tell_apart(record, _COMBINATIONS[place % len(_COMBINATIONS)], admitted)
        assert count.count_records(records) == []


def _add_up() -> None:
    """Days are added up, as they are while time goes by."""
    later = HOUR_START + _MONTH_SECONDS + 3 * _DAY_SECONDS
    for values in _COMBINATIONS:
        key = BucketKey(False, METER["id"], customer_id(0), 0, cell_of(values))  # noqa: FBT003 - test mode
        day_totals.add_up(key, Measure(Formula.SUM), later)


def _tell_apart(record: dict[str, Any], values: tuple[str, ...], admitted: set[object]) -> None:
    image = record["dynamodb"]["NewImage"]
    image[SHORT_NAMES["measure"]] = {"S": with_cell("sum", cell_of(values))}
    month = month_of(int(image[SHORT_NAMES["timestamp"]]["N"]))
    key = CellsKey(False, METER["id"], customer_id(0), month)  # noqa: FBT003 - test mode
    if (key, values) not in admitted:
        assert cells.admit({key: {cell_of(values): values}}) == set()
        admitted.add((key, values))
