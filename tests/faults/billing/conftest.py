"""A world on a fresh engine, its clock frozen and its wire watched."""

from random import Random

import pytest

from meterline.services import ids, workers
from meterline.services.invoices import metered
from tests.engines import Engine
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import FrozenTime, World


@pytest.fixture
def world(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    clock = FrozenTime()
    for module in (ids, workers):
        monkeypatch.setattr(module, "time", clock)
    random_ids = Random(0)
    monkeypatch.setattr(ids, "secrets", random_ids)
    # One after another, so that the same seed always dies at the same call.
    monkeypatch.setattr(metered, "side_by_side", lambda calls: [call() for call in calls])
    wire = Wire()
    wire.connect(monkeypatch)
    return World(dynamodb, clock, wire, random_ids)
