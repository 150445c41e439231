"""What dimensions cost: write units over acceptance and counting."""

from collections.abc import Iterator
from itertools import product
from typing import Any
from unittest.mock import patch

from tests.benchmarks import worlds
from tests.benchmarks.goals import at_most
from tests.benchmarks.results import Result
from tests.benchmarks.worlds import (
    HOUR_START,
    METER,
    events,
    metered,
    pipeline,
)

WITH_DIMENSIONS = METER | {"dimension_payload_keys": ["model", "token_type"]}
BATCHES = 120
EVENTS_A_BATCH = 100
CELLS = (1, 2, 4, 8, 12)
SHARDS = (1, 40)
"""Those between have the same figures: the cells of a request stay together in parcels."""
COMBINATIONS = [*product(("large", "medium", "small", "tiny"), ("input", "output", "cached"))]


def measure() -> Iterator[Result]:
    """Batches of few and of many cells beside the same without dimensions."""
    for shards in SHARDS:
        batch = f"{EVENTS_A_BATCH} events of one minute in a batch on {shards} shards"
        yield from _units(EVENTS_A_BATCH, batch, shards)
    yield from _units(1, "alone, 60 an hour")


def _units(number: int, title: str, shards: int = 1) -> Iterator[Result]:
    plain = _written(number, 0, shards)
    yield Result(f"write units an event: {title}, no dimensions", plain / number, "units")
    for cells_a_batch in CELLS:
        written = _written(number, cells_a_batch, shards)
        touched = min(number, cells_a_batch)
        name = f"{title}, {cells_a_batch} cells"
        yield Result(f"write units an event: {name}", written / number, "units")
        further = (written - plain) / touched
        name = f"further write units a cell of a batch: {name}"
        yield Result(name, further, "units", goal=at_most(1))


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
                values = COMBINATIONS[(minute * number + place) % cells_a_batch]
                event["payload"] |= dict(zip(("model", "token_type"), values, strict=True))
        yield sent
