"""A world on a fresh engine, its clock frozen and its wire watched."""

import gc
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
def memory_world() -> Iterator[World]:
    """A world on the engine in memory, for long runs, which are not logged.

    Its wire is taken off before the engine, which stands below it.
    """
    with running() as engine, pytest.MonkeyPatch.context() as patches:
        patches.setattr(logging.getLogger(SERVICE), "disabled", True)
        client("sqs").list_queues()  # made when first asked for, and not while faults are about
        gc.freeze()  # what stands by now is not searched again and again: a tenth of the time
        yield world_on(engine, patches)
        gc.unfreeze()
