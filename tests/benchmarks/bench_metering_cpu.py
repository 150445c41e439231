"""CPU of the handlers with the network stubbed, against the least that any code would need.

Ingest: a hundred events a request, against a bare loop that makes the same engine calls with
parameters prepared in advance: through boto3's client, and through our own, which is faster.
Counting: ten thousand records, a thousand a batch, without and with the AWS client's work, against
merely deserialising their images with boto3's ``TypeDeserializer``. That floor has none of the
engine calls, of which some bytes are packed, encoded and hashed for every record.
"""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import batched, cycle, repeat
from typing import Any
from unittest.mock import patch

import boto3
from boto3.dynamodb.types import TypeDeserializer

from meterline.services.metering import count, parcels
from meterline.store.base import clients
from tests.attempts import Response
from tests.benchmarks.goals import at_least, at_most
from tests.benchmarks.replays import (
    known_world,
    on_the_wire,
    stream_request,
    stubbed_client,
    with_bytes,
)
from tests.benchmarks.results import Result, in_parallel
from tests.benchmarks.units import MeteredDynamoDB
from tests.benchmarks.worlds import (
    HOUR_START,
    accept,
    as_records,
    counting_at,
    events,
    metered,
)
from tests.handlers import load_handler
from tests.lambda_context import LambdaContext

REQUESTS = 20
RECORDS = 10_000
REPEATS = 8
"""The least of so many counts; each step is met by quiet moments of its own."""

type Handler = Callable[[dict[str, Any], object], dict[str, Any]]


def measure() -> Iterator[Result]:
    """Both comparisons."""
    yield from _ingest()
    yield from _counting("of one customer", customers=1)
    yield from _counting("of 300 customers", customers=300)


def _ingest() -> Iterator[Result]:
    """Against a loop on boto3's client as it comes, and on the handler's own."""
    handler = load_handler("ingest_meter_events")
    requests = [_request(number) for number in range(REQUESTS)]
    taken = json.dumps({"Responses": [{"TableName": "meter_events"}] * 25}).encode()
    ours = [partial(_answer, handler, request) for request in requests]
    with (
        stubbed_client(repeat(taken)) as client,
        known_world(),
        patch("meterline.api.app.logger.info"),
    ):
        with _noted_calls(client) as prepared:
            for send in ours:
                send()
        default = boto3.client("dynamodb")
        default.meta.events.register("before-send.dynamodb", lambda **_: Response(taken))
        calls = list(batched(prepared, len(prepared) // REQUESTS, strict=True))
        for title, other in (("boto3's client", default), ("its own client", client)):
            bare = [partial(_call, other, some) for some in calls]
            value, floor = in_parallel(ours, bare, repeats=REPEATS)
            each = REQUESTS * 100
            yield Result(
                f"ingest handler, 100 events a request: CPU an event (floor: {title})",
                value / each * 1e6,
                "µs",
                floor=floor / each * 1e6,
                ratio=floor / value,
                goal=at_least(0.8).of_ratio() if other is default else None,
            )


def _answer(handler: Handler, request: dict[str, Any]) -> None:
    assert handler(request, LambdaContext())["statusCode"] == 200


def _call(client: Any, prepared: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """The bare loop."""
    for name, params in prepared:
        client._make_api_call(name, params)  # noqa: SLF001 - the calls as recorded


def _counting(title: str, *, customers: int) -> Iterator[Result]:
    """The handler's own CPU, and together with what the AWS client takes for the engine calls.

    What the engine answered is replayed, in the hour in which it did: at another one there would
    be other calls.
    """
    records = _records(customers)
    batches = [records[start : start + 1_000] for start in range(0, len(records), 1_000)]
    ours = [partial(_count, batch) for batch in batches]
    bare = [partial(_deserialize, batch) for batch in batches]
    with metered() as engine, _noted_answers(engine) as (answers, wired):
        for count_batch in ours:
            count_batch()
    with counting_at(lambda: HOUR_START):
        with patch.object(clients, "_client", return_value=_Answering(cycle(answers))):
            clients.reset_clients()
            own = in_parallel(ours, bare, repeats=REPEATS)
        with stubbed_client(cycle(wired)):
            whole = in_parallel(ours, bare, repeats=REPEATS)
    for part, (value, floor) in (("", own), (" with engine calls", whole)):
        yield Result(
            f"counting {RECORDS:,} records {title}{part}: CPU a record",
            value / len(records) * 1e6,
            "µs",
            floor=floor / len(records) * 1e6,
            ratio=value / floor,
            goal=at_most(0.5).of_ratio() if customers == 1 and not part else None,
        )


def _count(batch: list[dict[str, Any]]) -> None:
    assert count.count_records(batch) == []


def _deserialize(batch: list[dict[str, Any]]) -> None:
    """What anybody does first with a record; Lambda hands over bytes as base64."""
    for record in batch:
        {
            name: _deserializer.deserialize({"B": b64decode(value["B"])} if "B" in value else value)
            for name, value in record["dynamodb"]["NewImage"].items()
        }


_deserializer = TypeDeserializer()


class _Answering:
    """A client that answers at once what it is told to, whatever it is asked."""

    def __init__(self, answers: Iterator[dict[str, Any]]) -> None:
        self._answers = answers

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        return lambda **_: next(self._answers)


def _records(customers: int) -> list[dict[str, Any]]:
    """Stream records of a minute, of events that are counted one by one."""
    with metered() as engine, patch.object(parcels, "LEAST_EVENTS", RECORDS):
        sent = events(
            RECORDS, seconds=lambda place: HOUR_START + place * 60 // RECORDS, customers=customers
        )
        accept(sent, at_microseconds=(HOUR_START + 86_400) * 1_000_000, key="bench")
        return as_records(engine.items("meter_events"))


def _request(number: int) -> dict[str, Any]:
    sent = events(100, first=number * 100, seconds=lambda place: int(time.time()) - place % 60)
    return stream_request(number, sent)


@contextmanager
def _noted_answers(
    engine: MeteredDynamoDB,
) -> Iterator[tuple[list[dict[str, Any]], list[bytes]]]:
    """What the engine answers meanwhile, and how that goes over the wire."""
    answers: list[dict[str, Any]] = []
    wired: list[bytes] = []
    call = engine._call  # noqa: SLF001 - what is recorded is exactly what is replayed

    def noted(operation: str, request: dict[str, Any]) -> Any:
        answer = call(operation, request)
        wired.append(on_the_wire(answer))
        answers.append(json.loads(wired[-1], object_hook=with_bytes))
        return answer

    with patch.object(engine, "_call", noted):
        yield answers, wired


@contextmanager
def _noted_calls(client: Any) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The calls that the client is asked for meanwhile."""
    calls: list[tuple[str, dict[str, Any]]] = []
    call = client._make_api_call  # noqa: SLF001 - what is recorded is exactly what is replayed

    def noted(name: str, params: dict[str, Any]) -> Any:
        calls.append((name, params))
        return call(name, params)

    with patch.object(client, "_make_api_call", noted):
        yield calls
