"""What a delivery and a question to the gate cost: units, calls, and CPU beside the calls."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from decimal import Decimal
from io import StringIO
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from meterline.services.base import workers
from meterline.services.base.outbox import outbox_id
from meterline.services.billing.access import access_of
from meterline.services.billing.limited_features import attach_feature
from meterline.services.catalog.features import create_feature
from meterline.services.events.fan_out import ENDPOINTS, Emitted, fan_out
from meterline.services.events.webhook_endpoints import create_webhook_endpoint
from meterline.services.work.webhook_workers import deliver_batch
from meterline.store.base.documents import Document
from meterline.store.billing.repository import BillingStore
from meterline.store.work import queues
from tests.benchmarks.goals import at_most
from tests.benchmarks.results import Result
from tests.benchmarks.traffic import Traffic
from tests.engines import running
from tests.factories import objects
from tests.factories.webhooks import Receivers

BATCHES = 20
QUESTIONS = 200
_BATCH = 10


@dataclass
class _Beside:
    """CPU time of some work, and what of it was spent inside calls to AWS, in seconds."""

    whole: float = 0.0
    inside: float = 0.0
    queue: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.whole - self.inside

    @contextmanager
    def measured(self) -> Iterator[None]:
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def timed(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
            began = time.thread_time()
            try:
                return send(client, operation, request)
            finally:
                self.inside += time.thread_time() - began

        with patch.object(BaseClient, "_make_api_call", timed), redirect_stdout(StringIO()):
            began = time.process_time()
            yield
            self.whole += time.process_time() - began


def measure() -> Iterator[Result]:
    """The figures of full batches to an endpoint that takes all, and of a warm gate."""
    yield from _deliveries()
    yield from _gate()


def _deliveries() -> Iterator[Result]:
    traffic, beside = _delivered(1), _Beside()
    yield Result("a delivery in full batches: write units", traffic.write_units / _BATCH, "units")
    yield Result("a delivery: read units", traffic.read_units / _BATCH, "units")
    yield Result("a delivery: calls of DynamoDB", len(traffic.calls) / _BATCH, "calls")
    with _deployment() as messages, beside.measured():
        _send(messages, BATCHES)
    number = BATCHES * _BATCH
    yield Result("CPU beside calls of AWS, a delivery", beside.seconds / number * 1e3, "ms")
    yield Result("deliveries a second of that CPU", number / beside.seconds, "deliveries")


def _gate() -> Iterator[Result]:
    with running(), redirect_stdout(StringIO()):
        customer = _entitled_customer()
        ask = _asking(customer)
        ask()
        traffic = Traffic()
        with traffic.recorded():
            ask()
        yield Result("a question to the gate: read units", traffic.read_units, "units")
        yield Result("a question to the gate: calls", len(traffic.calls), "calls", goal=at_most(1))
        beside = _Beside()
        with beside.measured():
            for _ in range(QUESTIONS):
                ask()
    yield Result("CPU beside calls, a question", beside.seconds / QUESTIONS * 1e3, "ms")


def _delivered(batches: int) -> Traffic:
    traffic = Traffic()
    with _deployment() as messages, traffic.recorded():
        _send(messages, batches)
    return traffic


@contextmanager
def _deployment() -> Iterator[list[str]]:
    """An endpoint for all events; the messages that are sent."""
    messages: list[str] = []

    def send(_url: str, batch: Any) -> int:
        messages.extend(message.text() for message in batch)
        return len(batch)

    with running(), patch.object(queues, "_send", send):
        params = {"url": "https://a.example", "enabled_events": ["*"]}
        create_webhook_endpoint(objects.context(workers.wall_clock()), params)
        ENDPOINTS.forget()
        yield messages


def _send(messages: list[str], batches: int) -> None:
    """Ten events of one commit at a time, delivered in one batch."""
    for number in range(batches):
        events = _commit(number)
        assert fan_out([Emitted(events)]) == [None]
        records = [{"messageId": str(place), "body": text} for place, text in enumerate(messages)]
        messages.clear()
        assert deliver_batch(records, Receivers()) == {"batchItemFailures": []}


def _commit(number: int) -> list[Any]:
    now = workers.wall_clock()
    batch_id = f"evt_{number:016d}"
    events = [
        {
            "id": f"{batch_id}{place:03d}",
            "object": "event",
            "api_version": None,
            "created": now,
            "data": {"object": {"id": "cus_1", "object": "customer", "description": "x" * 2_000}},
            "livemode": False,
            "pending_webhooks": 0,
            "request": None,
            "type": "customer.updated",
        }
        for place in range(_BATCH)
    ]
    assert outbox_id(str(events[0]["id"])) == batch_id
    body = {"id": batch_id, "created": now, "events": events}
    BillingStore(livemode=False).put(Document("event", livemode=False, body=body))
    return events


def _asking(customer: str) -> Callable[[], None]:
    def ask() -> None:
        ctx = objects.context(workers.wall_clock())
        assert access_of(ctx, customer, "export", Decimal(1))["has_access"]

    return ask


def _entitled_customer() -> str:
    """A customer with a feature of a limit, and with usage of it."""
    now = workers.wall_clock()
    ctx = objects.context(now)
    meter, product = objects.meter("exports", at=now), objects.product(at=now)
    feature = create_feature(ctx, {"name": "Export", "lookup_key": "export"})["id"]
    limit = {"meter": meter, "quantity": Decimal(1_000)}
    attach_feature(ctx, product, {"entitlement_feature": feature, "meterline": {"limit": limit}})
    customer = objects.customer(at=now)
    objects.subscribe(customer, objects.licence(product=product, at=now), at=now)
    return customer
