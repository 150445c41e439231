"""Metering on an engine in memory, for figures that do not depend on a network."""

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID
from zlib import crc32

from meterline.core.base.timestamps import rfc3339
from meterline.services.metering import count, day_totals
from meterline.services.metering.accept import Sender, ingest_stream
from meterline.store.base import clients
from meterline.store.base.settings import settings
from meterline.store.metering import usage_commits
from meterline.store.metering.meter_events import key_of
from tests.benchmarks.units import MeteredDynamoDB
from tests.faults.engine import seeded
from tests.integration.metering.worlds import FakeDirectory, meter_body

HOUR_START = 1_700_157_600
SENT_FROM = HOUR_START + 86_400
CUSTOMER = "cus_0000000000000000000000A"
METER = meter_body()

type Record = dict[str, Any]


@contextmanager
def metered(clock: Callable[[], int] = lambda: HOUR_START) -> Iterator[MeteredDynamoDB]:
    """The engine, in place of the client of this process; by ``clock`` usage is late, or not."""
    with standing_in(MeteredDynamoDB(), clock) as engine:
        yield engine


@contextmanager
def standing_in[E: MeteredDynamoDB](
    engine: E, clock: Callable[[], int] = lambda: HOUR_START
) -> Iterator[E]:
    """An engine of one's own, in place of the client of this process."""
    for name in ("meter_events", "usage"):
        os.environ[f"METERLINE_{name.upper()}_TABLE"] = name
    settings.cache_clear()
    clients.reset_clients()
    with patch.object(clients, "_client", return_value=engine), counting_at(clock):
        yield engine
    clients.reset_clients()


@contextmanager
def counting_at(clock: Callable[[], int]) -> Iterator[None]:
    """Counting by ``clock`` meanwhile: it decides which usage is late and which days are due."""
    with patch.object(usage_commits, "time", clock), patch.object(day_totals, "time", clock):
        yield


def events(
    number: int, *, first: int = 0, seconds: Callable[[int], int], customers: int = 1
) -> list[dict[str, Any]]:
    """Events with identifiers of 36 characters and values of up to four digits."""
    chance = seeded(first)
    return [
        {
            "event_name": "tokens",
            "identifier": str(UUID(int=chance.getrandbits(128))),
            "payload": {
                "stripe_customer_id": customer_id(chance.randrange(customers)),
                "value": str(chance.randint(1, 5_000)),
            },
            "timestamp": rfc3339(seconds(place) * 1_000),
        }
        for place in range(first, first + number)
    ]


def customer_id(number: int) -> str:
    """A customer of the usual length."""
    return f"{CUSTOMER[:-4]}{number:04d}"


def accept(sent: Sequence[dict[str, Any]], *, at_microseconds: int, key: str) -> None:
    """Send events, a hundred a request."""
    directory = FakeDirectory([METER], {customer_id(number): None for number in range(1_000)})
    for start in range(0, len(sent), 100):
        sender = Sender(False, f"{key}-{start}", at_microseconds + start, directory)  # noqa: FBT003
        outcomes = ingest_stream(sender, {"events": list(sent[start : start + 100])})
        assert all(outcome.status == "accepted" for outcome in outcomes)


def as_records(items: Iterable[dict[str, Any]]) -> list[Record]:
    """Stored events as stream records, as Lambda hands them over."""
    records = [
        {
            "eventID": f"{number:032x}",
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": HOUR_START,
                "Keys": {name: item[name] for name in ("identifier", "pk", "sk") if name in item},
                "NewImage": {name: _as_text(value) for name, value in item.items()},
                "SequenceNumber": f"{number:021d}",
                "SizeBytes": 600,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }
        for number, item in enumerate(items)
    ]
    decoded: list[Record] = json.loads(json.dumps(records))
    return decoded


def stored_events(places: range, second: Callable[[int], int]) -> list[Record]:
    """Stream records of events that nobody sent, as far as counting reads them.

    ``second`` tells each one's time, counted from ``HOUR_START``.
    """
    return [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "NewImage": {
                    "identifier": {"S": key_of(False, place.to_bytes(16))},  # noqa: FBT003 - a key
                    "m": {"S": METER["id"]},
                    "a": {"S": "sum"},
                    "c": {"S": customer_id(0)},
                    "v": {"S": str(place % 5_000)},
                    "t": {"N": str(HOUR_START + second(place))},
                    "u": {"N": str(SENT_FROM * 1_000_000 + place)},
                },
                "SequenceNumber": str(place),
            },
        }
        for place in places
    ]


def _as_text(value: dict[str, Any]) -> dict[str, Any]:
    return {"B": b64encode(value["B"]).decode()} if "B" in value else value


def pipeline(
    engine: MeteredDynamoDB,
    batches: Iterable[Sequence[dict[str, Any]]],
    on_batch: Callable[[list[Record]], object] = lambda _: None,
    *,
    shards: int = 1,
) -> int:
    """Accept batches and count each as what a moment brings: a batch of each shard of the events,
    then the parcels of each lane. Gives the number of events.
    """
    total = 0
    stored: list[dict[str, Any]] = []
    parcels: list[dict[str, Any]] = []
    engine.on_event = lambda _, item: stored.append(item)
    engine.on_parcel = lambda _, item: parcels.append(item)
    for number, batch in enumerate(batches):
        accept_batch(number, batch)
        delivered: list[Record] = []
        for some in [*scattered(stored, "identifier", shards), *scattered(parcels, "pk", shards)]:
            records = as_records(some)
            assert count.count_records(records) == []
            delivered += records
        on_batch(delivered)
        stored.clear()
        parcels.clear()
        total += len(batch)
    return total


def scattered(
    items: Iterable[dict[str, Any]], hash_key: str, shards: int
) -> list[list[dict[str, Any]]]:
    """Items by the shard that their hash key leads to; only shards that have some."""
    found: dict[int, list[dict[str, Any]]] = {}
    for item in items:
        found.setdefault(crc32(item[hash_key]["S"].encode()) % shards, []).append(item)
    return list(found.values())


def accept_batch(number: int, batch: Sequence[dict[str, Any]]) -> None:
    """Accept the n-th batch of a pipeline, at its minute."""
    accept(batch, at_microseconds=(SENT_FROM + 60 * number) * 1_000_000, key=f"r{number}")
