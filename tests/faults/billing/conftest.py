"""A world on a fresh engine, its clock frozen and its wire watched."""

import copy
from random import Random
from typing import Any

import pytest
from moto.dynamodb import models
from moto.dynamodb.models.table import Table

from meterline.services import ids, workers
from meterline.services.invoices import metered
from tests.engines import Engine
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import FrozenTime, World


class _CopiesThatShareItems:
    """moto copies the whole table for each operation of a transaction, to be able to undo it.

    Items that are put and deleted, as in these tests, are never changed: copies can share them.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(copy, name)

    def deepcopy(self, value: Any) -> Any:
        if not isinstance(value, Table):
            return copy.deepcopy(value)
        table = copy.copy(value)
        table.items = copy.copy(value.items)
        for key, items in value.items.items():
            table.items[key] = copy.copy(items)
        return table


@pytest.fixture
def world(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(models, "copy", _CopiesThatShareItems())
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
