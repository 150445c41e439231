"""What a million events costs with everything in it, in dollars, piece by piece.

Units of writing and counting are those of ``bench_shards``; calls, other read units and log lines
are those of the real handlers, end to end in memory; time in Lambda is what their calls wait for
(one after another) and an assumed CPU, at the memory that the template gives.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from unittest.mock import patch
from uuid import UUID

from meterline.core.base.timestamps import rfc3339
from meterline.services.base.context import Context
from meterline.services.customers.customers import create_customer
from meterline.services.invoices.running_hours import SLACK_SECONDS
from meterline.services.metering.meters import create_meter
from meterline.store.account import access
from meterline.store.account.access import ApiKey
from meterline.store.account.api_keys import save_keys
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.directory import forget_directory
from meterline.store.metering.usage import HOUR_SECONDS
from tests.benchmarks import prices, promises
from tests.benchmarks.bench_shards import mixed_customers, one_customer, units
from tests.benchmarks.goals import Goal
from tests.benchmarks.reconciliation import Load, dollars_a_million
from tests.benchmarks.results import Result
from tests.benchmarks.traffic import Traffic
from tests.benchmarks.units import item_bytes
from tests.benchmarks.worlds import as_records
from tests.engines import Engine, resources, running, template
from tests.faults.engine import seeded
from tests.handlers import load_handler
from tests.lambda_context import LambdaContext

CUSTOMERS = 2_000
EVENTS = 2_000
SHARDS = 10
COUNT_BATCH = 100
"""Events that a shard hands over at a time: ten shards at a thousand events a second."""

KEY_ID = "key_" + "0" * 24
SECRET = "sk_live_" + "0" * 32

CALL_SECONDS = 0.006
"""Assumed: how long DynamoDB takes for a call, with the way there and back."""

CPU_SECONDS = {"ingest": 0.0018, "ingest an event": 50e-6, "count": 50e-6, "watch": 60e-6}
"""Assumed CPU on a whole core: of a request, and of each event."""

CORE_MB = 1_769
"""Lambda gives a function its memory's share of a core, of which this is a whole one."""

LAMBDA_LINES_BYTES = {"INFO": 2 * 26 + 230 + 420, "WARN": 0}
"""Lambda's own lines of an invocation that succeeds, in JSON, by the template's system log level:
the platform's start and report are of level INFO.
"""

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
"""Lambda names a trace of each invocation, and Powertools would log it."""

INVOCATION = LambdaContext(
    function_name="meterline-IngestMeterEventsFunction-AbCdEfGhIjKl",
    aws_request_id=str(UUID(int=1)),
)

GATEWAY_HEADERS_BYTES = 180
"""The status line, and the headers that API Gateway adds to an answer: date, length, its id."""

CONTEXT_VALUE_BYTES = 14
"""About as much stands for each variable in a line of the access log."""

EVENTS_A_MONTH = 1e6


@dataclass(frozen=True, slots=True)
class Mix:
    """How events come: so many a request, of one customer or of many."""

    title: str
    a_request: int
    batches: Callable[[], Iterator[list[dict[str, Any]]]]
    is_mixed: bool
    goal: Goal | None


MIXES = (
    Mix("100 mixed customers a request", 100, mixed_customers, True, promises.MIXED_DOLLARS),  # noqa: FBT003
    Mix("100 events of one customer a request", 100, one_customer, False, None),  # noqa: FBT003
    Mix("one event a request", 1, mixed_customers, True, promises.LONE_DOLLARS),  # noqa: FBT003
)


@dataclass(slots=True)
class Stages:
    """What the handlers did for the events of a mix."""

    events: int = 0
    requests: int = 0
    changes: int = 0
    ingest: Traffic = field(default_factory=Traffic)
    count: Traffic = field(default_factory=Traffic)
    watch: Traffic = field(default_factory=Traffic)
    event_bytes: float = 0.0
    counter_bytes: float = 0.0
    answer_bytes: int = 0


def measure() -> Iterator[Result]:
    """The pieces of each mix, and their sum."""
    for mix in MIXES:
        pieces = dollars(mix)
        for piece, amount in pieces.items():
            yield Result(f"a million events, {mix.title}: {piece}", amount, "$")
        total = sum(pieces.values())
        yield Result(f"a million events, {mix.title}: all", total, "$", goal=mix.goal)


def dollars(mix: Mix) -> dict[str, float]:
    """What a million events of a mix costs, by piece."""
    write_units, count_reads = units(mix.batches(), SHARDS)
    stages = run(mix)
    load = Load(EVENTS_A_MONTH, 1 if mix.is_mixed else 100, stages.event_bytes)
    per_event = {
        "API requests": prices.HTTP_API_REQUEST / mix.a_request,
        "accepting: Lambda": _ingest_seconds(stages, mix),
        "counting: Lambda": _count_seconds(stages),
        "watching: Lambda": _watch_seconds(stages),
        "logs": _logs(stages, mix),
        "data transfer": stages.answer_bytes / stages.events / prices.GB * prices.SENT_GB,
        "writes": write_units * prices.WRITE_UNIT,
        "reads of accepting": stages.ingest.read_units / stages.events * prices.READ_UNIT,
        "reads of counting": count_reads * prices.READ_UNIT,
        "reads of watching": stages.watch.read_units / stages.events * prices.READ_UNIT,
        "storage of 45 days": _storage(stages),
    }
    pieces = {name: amount * 1e6 for name, amount in per_event.items()}
    return pieces | {"reconciliation": dollars_a_million(load)}


def run(mix: Mix) -> Stages:
    """Send events through the handlers, and deliver what the streams bring."""
    stages = Stages()
    with running() as engine, patch.dict("os.environ", _X_AMZN_TRACE_ID=TRACE):
        with redirect_stdout(StringIO()):
            token, customers = _world()
        sent = _events(customers if mix.is_mixed else customers[:1] * EVENTS)
        for start in range(0, EVENTS, mix.a_request):
            request = _request(sent[start : start + mix.a_request], str(start), token)
            with stages.ingest.recorded():
                answer = load_handler("ingest_meter_events")(request, INVOCATION)
            stages.answer_bytes += _answer_bytes(answer)
            assert answer["statusCode"] == 200, answer
            stages.requests += 1
        stages.events = EVENTS
        _deliver(engine, stages)
    return stages


def _deliver(engine: Engine, stages: Stages) -> None:
    """Count the events and the parcels, and watch what changed."""
    stored = engine.scan("meter_events")
    stages.event_bytes = sum(map(item_bytes, stored)) / EVENTS
    _invoke("count_usage", as_records(stored), stages.count)
    parcels = [item for item in engine.scan("usage") if item["sk"]["S"].startswith("q#")]
    _invoke("count_usage", as_records(parcels), stages.count)
    counters = [item for item in engine.scan("usage") if item["sk"]["S"].startswith("h#")]
    kept = [item for item in engine.scan("usage") if not item["sk"]["S"].startswith("q#")]
    stages.counter_bytes = sum(map(item_bytes, kept)) / EVENTS
    stages.changes = len(counters)
    _invoke("watch_usage", as_records(counters), stages.watch)


def _invoke(function: str, records: list[dict[str, Any]], traffic: Traffic) -> None:
    for start in range(0, len(records), COUNT_BATCH):
        with traffic.recorded():
            records_of_it = records[start : start + COUNT_BATCH]
            answer = load_handler(function)({"Records": records_of_it}, INVOCATION)
        assert answer == {"batchItemFailures": []}


def _world() -> tuple[str, list[str]]:
    """A live key, a meter, and customers: the token of a stream's session, and their ids."""
    forget_directory()
    now = int(time.time())
    digest = access.digest_of(SECRET)
    key = ApiKey(KEY_ID, digest, True, access.FULL_RIGHTS, "", "0000", now)  # noqa: FBT003
    save_keys([key], events=[])
    ctx = Context(store=BillingStore(livemode=True), now=now, wall_clock=now)
    create_meter(
        ctx,
        {
            "display_name": "Tokens",
            "event_name": "tokens",
            "default_aggregation": {"formula": "sum"},
        },
    )
    params = {"name": "Ada Lovelace", "email": "ada@example.com"}
    customers = [str(create_customer(ctx, params)["id"]) for _ in range(CUSTOMERS)]
    path = "/v2/billing/meter_event_session"
    answer = load_handler("ingest_meter_events")(_post(path, SECRET, {}, "session"), None)
    return str(json.loads(answer["body"])["authentication_token"]), customers


def _events(customers: Sequence[str]) -> list[dict[str, Any]]:
    """An event of each of these, of an hour that runs."""
    hour = (int(time.time()) + 2 * SLACK_SECONDS) // HOUR_SECONDS * HOUR_SECONDS
    chance = seeded(0)
    return [
        {
            "event_name": "tokens",
            "identifier": str(UUID(int=chance.getrandbits(128))),
            "payload": {"stripe_customer_id": customer, "value": str(number + 1)},
            "timestamp": rfc3339(hour * 1_000),
        }
        for number, customer in enumerate(customers)
    ]


def _request(events: list[dict[str, Any]], key: str, token: str) -> dict[str, Any]:
    """A request of the stream, or of a single event."""
    if len(events) == 1:
        return _post("/v2/billing/meter_events", SECRET, events[0], key)
    return _post("/v2/billing/meter_event_stream", token, {"events": events}, key)


def _post(path: str, secret: str, body: Any, key: str) -> dict[str, Any]:
    """A request as API Gateway hands it over."""
    return {
        "rawPath": path,
        "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
        "headers": {
            "authorization": f"Bearer {secret}",
            "content-type": "application/json",
            "idempotency-key": key,
        },
        "body": json.dumps(body),
    }


def _gb(function: str) -> float:
    """The memory that the template gives a function."""
    usual = template()["Globals"]["Function"]["MemorySize"]
    found = resources("AWS::Serverless::Function")[function].get("MemorySize", usual)
    return float(found) / 1_024


def _ingest_seconds(stages: Stages, mix: Mix) -> float:
    cpu = CPU_SECONDS["ingest"] + mix.a_request * CPU_SECONDS["ingest an event"]
    waits = len(stages.ingest.calls) * CALL_SECONDS
    cost = lambda_dollars(
        "IngestMeterEventsFunction", waits, stages.requests * cpu, stages.requests
    )
    return cost / stages.events


def _count_seconds(stages: Stages) -> float:
    waits, cpu = len(stages.count.calls) * CALL_SECONDS, stages.events * CPU_SECONDS["count"]
    invocations = stages.events / COUNT_BATCH
    return lambda_dollars("CountUsageFunction", waits, cpu, invocations) / stages.events


def _watch_seconds(stages: Stages) -> float:
    waits, cpu = len(stages.watch.calls) * CALL_SECONDS, stages.changes * CPU_SECONDS["watch"]
    invocations = stages.changes / COUNT_BATCH
    return lambda_dollars("WatchUsageFunction", waits, cpu, invocations) / stages.events


def lambda_dollars(function: str, waits: float, cpu_seconds: float, requests: float) -> float:
    """What so many seconds of waiting, and of a whole core, cost at the memory of a function."""
    gb = _gb(function)
    seconds = waits + cpu_seconds / min(1.0, gb * 1_024 / CORE_MB)
    return seconds * gb * prices.LAMBDA_GB_SECOND + requests * prices.LAMBDA_REQUEST


def _logs(stages: Stages, mix: Mix) -> float:
    """The handlers' lines, Lambda's own, and the access log."""
    invocations = stages.requests + (stages.events + stages.changes) / COUNT_BATCH
    handlers = sum(stage.logged_bytes for stage in (stages.ingest, stages.count, stages.watch))
    level = template()["Parameters"]["SystemLogLevel"]["Default"]
    lines = (handlers + invocations * LAMBDA_LINES_BYTES[level]) / stages.events
    per_gb = prices.LOGGED_GB + prices.LOGS_GB_MONTH
    return (lines + _access_line_bytes() / mix.a_request) / prices.GB * per_gb


def _answer_bytes(answer: dict[str, Any]) -> int:
    headers = sum(len(name) + len(value) + 4 for name, value in answer["headers"].items())
    return GATEWAY_HEADERS_BYTES + headers + len(answer["body"].encode())


def _access_line_bytes() -> int:
    [stage] = resources("AWS::ApiGatewayV2::Stage").values()
    text = re.sub(r"\$[\w.]+", "x" * CONTEXT_VALUE_BYTES, stage["AccessLogSettings"]["Format"])
    return len(text) + 26


def _storage(stages: Stages) -> float:
    """Events and their counters for 45 days, with the right to restore them."""
    kept = stages.event_bytes + prices.ITEM_OVERHEAD_BYTES
    kept += stages.counter_bytes + prices.ITEM_OVERHEAD_BYTES * stages.changes / stages.events
    monthly = prices.STORED_GB_MONTH + prices.RESTORABLE_GB_MONTH
    return kept / prices.GB * monthly * 45 / prices.MONTH_DAYS
