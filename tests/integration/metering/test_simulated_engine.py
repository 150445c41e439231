"""The fault simulator's engine and a real one end up with the same items after the same calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.metering import count
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from meterline.store.base import batches, clients
from meterline.store.base.settings import settings
from meterline.store.metering import usage_commits
from meterline.store.metering.meter_events import with_own_names
from tests.factories.streams import inserted
from tests.faults.engine import FakeDynamoDB, seeded
from tests.integration.metering.worlds import NOW, event, send, sender

type Items = dict[str, list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def small_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_commits, "COUNTER_BYTES", 300)
    monkeypatch.setattr(usage_commits, "SEGMENT_ROWS", 7)
    monkeypatch.setattr(batches, "sleep", lambda _: None)


@contextmanager
def simulated(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The simulator's engine, in place of the client."""
    with patch.context() as inner:
        for name in ("meter_events", "usage"):
            inner.setenv(f"METERLINE_{name.upper()}_TABLE", name)
        engine = FakeDynamoDB(seeded(1))
        settings.cache_clear()
        clients.reset_clients()
        inner.setattr(clients, "_client", lambda _: engine)
        yield
    settings.cache_clear()
    clients.reset_clients()


def _work(seed: int) -> list[str]:
    """The same calls for the same seed; gives what clients were told."""
    chance = seeded(seed)
    told: list[str] = []
    records: list[dict[str, Any]] = []
    for number in range(12):
        events = [
            event(
                f"e{chance.randrange(60)}",
                chance.randint(-9, 9_999),
                at=NOW - chance.randrange(5_000),
            )
            for _ in range(chance.choice((1, 4, 12)))
        ]
        by = sender(f"request-{number}", at=NOW + number)
        told += send(*events, by=by)
        if chance.random() < 0.5:
            identifier = _name(chance)
            cancel = {
                "type": "cancel",
                "event_name": "tokens",
                "cancel": {"identifier": identifier},
            }
            try:
                told.append(create_meter_event_adjustment(by, cancel)["status"])
            except BillingError as refusal:
                told.append(refusal.message)
        records = _records()
        chance.shuffle(records)
        assert count.count_records(records[: chance.randint(1, 30)]) == []
    assert count.count_records(records) == []
    return told


def _name(chance: Random) -> str:
    return f"e{chance.randrange(60)}"


def _records() -> list[dict[str, Any]]:
    """All events as records, in the order of acceptance."""
    items = _scan("meter_events")
    items.sort(key=lambda item: int(with_own_names(item)["accepted_at"]["N"]))
    return inserted(items)


def _scan(table: str) -> list[dict[str, Any]]:
    """All items but notes of uncounted events, which a real engine soon forgets."""
    client = clients.dynamodb()
    name = getattr(settings(), f"{table}_table")
    if isinstance(client, FakeDynamoDB):
        items = client.items(name)
    else:
        items = client.scan(TableName=name, ConsistentRead=True)["Items"]
    return sorted(
        [item for item in items if "#uncounted#" not in item.get("pk", {"S": ""})["S"]],
        key=lambda item: [str(item[name]) for name in ("pk", "sk", "identifier") if name in item],
    )


def _outcome(seed: int) -> tuple[list[str], Items]:
    return _work(seed), {name: _scan(name) for name in ("meter_events", "usage")}


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize("seed", range(4))
def test_the_simulated_engine_ends_up_like_a_real_one(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    real = _outcome(seed)
    with simulated(monkeypatch):
        assert _outcome(seed) == real
    assert any(item["sk"]["S"].startswith("s#") for item in real[1]["usage"])
