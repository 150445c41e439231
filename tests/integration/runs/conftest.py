"""What runs of billing work stand on."""

import pytest

from meterline.store.work import queues
from meterline.store.work.queues import DueMessage
from tests.engines import Engine


@pytest.fixture(autouse=True)
def engine(dynamodb: Engine) -> Engine:
    """Every run has tables of its own; a module may have others."""
    return dynamodb


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids in the messages to the queues."""
    ids: list[str] = []

    def send(_url: str, batch: tuple[DueMessage, ...]) -> int:
        ids.extend(message.object_id for message in batch)
        return len(batch)

    monkeypatch.setattr(queues, "_send", send)
    return ids
