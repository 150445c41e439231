"""The write units that the benchmarks work out are those that an AWS account would be billed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from local.aws import Stack
from meterline.services.metering import count, day_totals
from meterline.store.base import clients
from meterline.store.base.settings import settings
from meterline.store.metering import usage_commits
from tests.benchmarks.worlds import HOUR_START, Record, accept_batch, events, metered, pipeline
from tests.engines import create_table

BATCHES = [
    events(100, first=number * 100, seconds=lambda place: HOUR_START + place % 60)
    for number in range(4)
]
ALONE = [events(1, first=place, seconds=lambda at: HOUR_START + at) for place in range(60)]
MANY = [
    events(100, first=number * 100, seconds=lambda _: HOUR_START, customers=30)
    for number in range(4)
]


@pytest.mark.parametrize("batches", [BATCHES, ALONE, MANY], ids=["batches", "alone", "many"])
def test_the_units_worked_out_are_those_reported(
    stack: Stack, batches: list[list[dict[str, Any]]]
) -> None:
    delivered: list[list[Record]] = []
    with metered() as engine:
        pipeline(engine, batches, delivered.append)
    with _reported(stack.client("dynamodb")) as units, usage_is_timely():
        for number, (batch, records) in enumerate(zip(batches, delivered, strict=True)):
            accept_batch(number, batch)
            assert count.count_records(records) == []
    assert sum(units) == engine.write_units


@contextmanager
def usage_is_timely() -> Iterator[None]:
    """Counting by the clock of the benchmarks: late usage would mark its day, a unit more."""
    with (
        patch.object(usage_commits, "time", lambda: HOUR_START),
        patch.object(day_totals, "time", lambda: HOUR_START),
    ):
        yield


@contextmanager
def _reported(client: Any) -> Iterator[list[float]]:
    """Metering on tables of its own; the write units that the engine reports for each call."""
    names = {name: create_table(client, name) for name in ("meter_events", "usage")}
    environment = {f"METERLINE_{name.upper()}_TABLE": table for name, table in names.items()}
    units: list[float] = []
    client.meta.events.register("provide-client-params.dynamodb", _ask_for_units)
    client.meta.events.register("after-call.dynamodb", lambda **call: units.extend(_written(call)))
    clients.reset_clients()
    settings.cache_clear()
    with patch.dict(os.environ, environment), patch.object(clients, "_client", lambda _: client):
        yield units
    clients.reset_clients()
    settings.cache_clear()
    for table in names.values():
        client.delete_table(TableName=table)


def _ask_for_units(params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
    known = model.input_shape.members
    return params | (
        {"ReturnConsumedCapacity": "TOTAL"} if "ReturnConsumedCapacity" in known else {}
    )


def _written(call: dict[str, Any]) -> list[float]:
    """The units of a call, if it wrote."""
    if call["model"].name in ("BatchGetItem", "GetItem", "Query", "Scan"):
        return []
    told = call["parsed"].get("ConsumedCapacity", [])
    return [one["CapacityUnits"] for one in (told if isinstance(told, list) else [told])]
