"""A world on a fresh engine, its clock frozen and its wire watched."""

import pytest

from meterline.services import ids, workers
from tests.engines import Engine
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import FrozenTime, World


@pytest.fixture
def world(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    clock = FrozenTime()
    for module in (ids, workers):
        monkeypatch.setattr(module, "time", clock)
    wire = Wire()
    wire.connect(monkeypatch)
    return World(dynamodb, clock, wire)
