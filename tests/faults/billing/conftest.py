"""A world on a fresh engine, its clock frozen and its wire watched."""

from collections.abc import Iterator
from random import Random
from types import SimpleNamespace

import pytest

from meterline.services.base import ids, workers
from meterline.services.invoices import metered
from tests.engines import Engine, running
from tests.faults.billing.engine import MemoryDynamoDB
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import FrozenTime, World


@pytest.fixture
def world(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world on the engine that tests are run on."""
    return _world(dynamodb, monkeypatch)


@pytest.fixture
def memory_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world on the engine in memory, for long runs."""
    with running(None) as engine:
        MemoryDynamoDB(engine.tables).connect(monkeypatch)
        yield _world(engine, monkeypatch)


def _world(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    clock = FrozenTime()
    for module in (ids, workers):
        monkeypatch.setattr(module, "time", clock)
    random_ids = Random(0)
    monkeypatch.setattr(ids, "secrets", SimpleNamespace(randbelow=random_ids.randrange))
    # One after another, so that the same seed always dies at the same call.
    monkeypatch.setattr(metered, "in_parallel", lambda calls: [call() for call in calls])
    wire = Wire()
    wire.connect(monkeypatch)
    return World(engine, clock, wire, random_ids)
