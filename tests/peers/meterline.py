"""Meterline: its own handlers and its own AWS client. The engine is the tests' DynamoDB in memory:
what it answered is answered again by a network that is not there, and its CPU is counted apart.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from typing import Any
from unittest.mock import patch

from meterline.services.metering import count, usage_query
from meterline.services.work.due_work import do_due_work
from meterline.store.base import clients, listing_notes
from meterline.store.base.connections import Answer
from meterline.store.base.settings import settings
from tests.attempts import exchanging
from tests.benchmarks import renewals
from tests.benchmarks.replays import (
    known_world,
    on_the_wire,
    stream_request,
    stubbed_client,
)
from tests.benchmarks.worlds import METER, as_records, counting_at, customer_id, metered
from tests.dynamodb.engine import DynamoDB
from tests.factories.usage import usage_record
from tests.faults.billing.world import NOW, World
from tests.handlers import load_handler
from tests.lambda_context import LambdaContext
from tests.peers.work import (
    CUSTOMERS,
    EVENTS,
    EVENTS_AN_HOUR,
    HOUR,
    HOURS,
    REPEATED,
    Figure,
    Figures,
    least,
    requests,
)

BATCH = 1_000
"""So many records a worker of the stream gets at once."""
READINGS = 20
"""So many readings of a month are measured together."""

type Work = Callable[[], object]


def figures() -> Figures:
    """Of all three kinds of work."""
    with patch("meterline.api.app.logger.info"):
        return Figures(_accept(), _month(), _invoice())


class Recorded:
    """What an engine answered, as it goes over the wire, and the CPU that it took for that."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.by_request: dict[bytes, bytes] = {}
        self.asked = 0
        self.seconds = 0.0

    @contextmanager
    def by(self, engine: DynamoDB) -> Iterator[None]:
        """Note all that this engine answers meanwhile."""
        call = engine.call

        def noted(operation: str, request: Any) -> Any:
            started = time.process_time()
            answer = call(operation, request)
            self.seconds += time.process_time() - started
            self.answers.append(on_the_wire(answer))
            # A step reads before it writes: what it finds is the first answer.
            self.by_request.setdefault(on_the_wire(request), self.answers[-1])
            return answer

        with patch.object(engine, "call", noted):
            yield

    def answer(self, request: bytes) -> Answer:
        """To a read what was answered to it; writes are done."""
        self.asked += 1
        head, _, sent = request.partition(b"\r\n\r\n")
        body = _compact(sent)
        is_read = b"GetItem\r\n" in head or b"Query\r\n" in head
        if is_read and body not in self.by_request and b"#listings#" in body:
            # New objects are listed by their random ids: where, is looked up and noted once.
            nothing = {table: list[object]() for table in json.loads(body)["RequestItems"]}
            return Answer(200, {}, on_the_wire({"Responses": nothing, "UnprocessedKeys": {}}))
        found = self.by_request[body] if is_read else b'{"UnprocessedItems": {}}'
        return Answer(200, {}, found)


def _compact(body: bytes) -> bytes:
    return on_the_wire(json.loads(body))


def _accept() -> Figure:
    """Requests through the function that takes them, records through that which counts them."""
    ingest = load_handler("ingest_meter_events")
    sent = [stream_request(number, some) for number, some in enumerate(requests())]
    steps: list[Work] = [partial(_send, ingest, one) for one in sent]
    recorded = Recorded()
    with known_world(CUSTOMERS), counting_at(lambda: (HOUR + 1) * 3_600):
        with metered(lambda: (HOUR + 1) * 3_600) as engine, recorded.by(engine.database):
            for step in steps:
                step()
            records = as_records(engine.items("meter_events"))
            assert len(records) == EVENTS - REPEATED
            counting: list[Work] = [
                partial(_count, records[start : start + BATCH])
                for start in range(0, len(records), BATCH)
            ]
            for step in counting:
                step()
        steps += counting
        own = _replayed(steps, recorded)
    return Figure(own, own + recorded.seconds).over(EVENTS)


def _send(ingest: Callable[..., Any], request: dict[str, Any]) -> None:
    assert ingest(request, LambdaContext())["statusCode"] == 200


def _count(records: list[dict[str, Any]]) -> None:
    assert count.count_records(records) == []


def _replayed(steps: list[Work], recorded: Recorded) -> float:
    """The least CPU of all steps, with the engine's answers as they came."""
    with stubbed_client(cycle(recorded.answers)):
        return least(lambda: _taken(steps)).own_seconds


def _taken(steps: list[Work]) -> Figure:
    started = time.process_time()
    for step in steps:
        step()
    seconds = time.process_time() - started
    return Figure(seconds, seconds)


def _month() -> Figure:
    """Usage in each hour, each counted in its hour; the last 30 days are read."""
    now = 0
    first = HOUR - HOURS + 1
    recorded, filled = Recorded(), Recorded()
    with metered(lambda: now) as engine:
        for hour in range(first - first % 24 - 48, HOUR + 1):
            now = hour * 3_600 + 1_800
            records = [
                usage_record(METER["id"], customer_id(0), hour * 3_600 + place * 360, 10)
                for place in range(EVENTS_AN_HOUR)
            ]
            assert count.count_records(records) == []
        with recorded.by(engine.database):
            _read(first)
        for _ in range(READINGS):
            with filled.by(engine.database):
                _read(first)
    own = _replayed([partial(_read, first)] * READINGS, recorded)
    return Figure(own, own + filled.seconds).over(READINGS)


def _read(first: int) -> None:
    used = usage_query.billed_usage(
        METER, customer_id(0), first * 3_600, (HOUR + 1) * 3_600, livemode=False
    )
    assert used.quantity == HOURS * EVENTS_AN_HOUR * 10


def _invoice() -> Figure:
    """A licence and two metered items, used in each hour of the month: draft and final."""
    with renewals.business() as made:
        engine = made.world.engine
        assert engine.memory is not None
        subscription = made.subscription(range(renewals.HOURS))
        drafting, finalising = Recorded(), Recorded()
        with drafting.by(engine.memory):
            do_due_work(made.world.context(), subscription)
        invoice = str(made.world.stored(subscription)["latest_invoice"])
        with finalising.by(engine.memory):
            do_due_work(made.world.context(NOW + renewals.LATER), invoice)
        assert made.world.stored(invoice)["status"] != "draft"
        steps = [
            (drafting, partial(_due, made.world, NOW, subscription)),
            (finalising, partial(_due, made.world, NOW + renewals.LATER, invoice)),
        ]
        environment, noted = {**engine.environment}, listing_notes.PROCESS
    own = 0.0
    with patch.dict("os.environ", environment):
        for recorded, step in steps:
            settings.cache_clear()
            clients.reset_clients()
            listing_notes.PROCESS = noted
            with exchanging(recorded.answer):
                step()
                assert recorded.asked >= len(recorded.answers) - 1, "as many calls as it took"
                own += least(partial(_taken, [step]), rounds=10).own_seconds
    settings.cache_clear()
    clients.reset_clients()
    return Figure(own, own + drafting.seconds + finalising.seconds)


def _due(world: World, at: int, due: str) -> None:
    do_due_work(world.context(at), due)
