"""One shop for all lives of a module: its tables go back to the catalogue after each life."""

import logging
from collections.abc import Iterator
from random import Random

import pytest

from meterline.api import app, auth
from meterline.api.call import Call
from meterline.observability import SERVICE
from meterline.services.account.api_keys import create_key
from meterline.services.invoices import metered
from meterline.store.work import queues
from tests.dynamodb.engine import DynamoDB
from tests.engines import running
from tests.faults.billing.world import NOW
from tests.faults.lives.catalogue import set_up
from tests.faults.lives.life import Lives
from tests.faults.lives.shop import Shop
from tests.frozen_time import FrozenTime, freeze
from tests.seeded_chance import draw_from


@pytest.fixture(scope="module")
def lives() -> Iterator[Lives]:
    """The shop, opened for lives."""
    with pytest.MonkeyPatch.context() as patch, running() as engine:
        assert engine.memory is not None
        yield opened(engine.memory, dict(engine.tables), patch)


def opened(database: DynamoDB, tables: dict[str, str], patch: pytest.MonkeyPatch) -> Lives:
    """A shop with its catalogue, on a wall clock of its own, with ids that a seed gives."""
    wall = FrozenTime(NOW)
    random_ids = Random("catalogue")
    freeze(wall, patch)
    draw_from(random_ids, patch)
    patch.setattr(metered, "in_parallel", lambda calls: [call() for call in calls])
    patch.setattr(queues, "_send", lambda _url, batch: len(batch))
    patch.setattr(logging.getLogger(SERVICE), "disabled", True)
    auth.forget_cached()
    shop = Shop(database, tables, create_key(livemode=False, name="lives").secret, wall)
    _keep_errors(shop, patch)
    catalogue = set_up(shop)
    shop.close_catalogue()
    return Lives(shop, catalogue, random_ids)


def _keep_errors(shop: Shop, patch: pytest.MonkeyPatch) -> None:
    """Let the shop know which exception a 500 stands for."""
    answer = app._failure  # noqa: SLF001 - where an exception becomes an answer

    def kept(call: Call, error: Exception) -> object:
        shop.errors.append(error)
        return answer(call, error)

    patch.setattr(app, "_failure", kept)
