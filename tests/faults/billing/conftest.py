"""A world on a fresh engine, its clock frozen and its wire watched."""

import logging
from collections.abc import Iterator

import pytest

from meterline.observability import SERVICE
from tests.engines import Engine, client, running
from tests.faults.billing.world import World, world_on


@pytest.fixture
def world(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world on the engine that tests are run on."""
    return world_on(dynamodb, monkeypatch)


@pytest.fixture
def memory_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world on the engine in memory, for long runs, which are not logged."""
    monkeypatch.setattr(logging.getLogger(SERVICE), "disabled", True)
    with running() as engine:
        client("sqs").list_queues()  # made when first asked for, and not while faults are about
        yield world_on(engine, monkeypatch)
