"""Events on their way to endpoints: what is published, sent and delivered, step by step."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe

from meterline.core.kinds.registry import event_kinds
from meterline.services.base import workers
from meterline.services.events.deliveries import KIND
from meterline.services.events.fan_out import ENDPOINTS
from meterline.services.work.sweep import sweep
from meterline.services.work.webhook_workers import deliver_batch
from meterline.store.events.event_bus import BusEntry
from meterline.store.events.outgoing_calls import Outgoing
from meterline.store.events.replies import Reply
from tests.engines import Engine, client
from tests.factories.streams import inserted
from tests.handlers import load_handler

type Answer = Callable[[], Reply]

OK = Reply(200, 12)
BUSY = Reply(503, 8, "status 503")
_SWEEP_SECONDS = 30
"""How long what is due waits for the sweep, and for its index to settle."""

_EVENTS = tuple({"S": kind} for kind in event_kinds())
SILENT = Reply(None, 10_000, "timed out")


@dataclass
class Receivers:
    """Stand for all endpoints: what each host answers (200 unless said), and what it got."""

    answers: dict[str, Reply] = field(default_factory=dict)
    posts: list[Outgoing] = field(default_factory=list)
    entries: list[BusEntry] = field(default_factory=list)

    def post(self, outgoing: Outgoing) -> Reply:
        """Take a call."""
        self.posts.append(outgoing)
        return self.answers.get(outgoing.url.host, OK)

    def put(self, entries: Sequence[BusEntry]) -> list[Reply]:
        """Take entries of an event bus, but for the types that it has other answers to."""
        self.entries += entries
        return [self.answers.get(entry.detail_type, OK) for entry in entries]

    def heard_by(self, host: str, secret: str) -> list[Any]:
        """The events that a host got, verified and parsed by the SDK."""
        mine = [post for post in self.posts if post.url.host == host]
        return [verified(post.body, post.headers, secret) for post in mine]


def verified(body: bytes, headers: Mapping[str, str], secret: str) -> Any:
    """An event as the SDK takes it in; the test's clock may be any."""
    header = headers["Stripe-Signature"]
    return stripe.Webhook.construct_event(body.decode(), header, secret, tolerance=10**10)


@dataclass
class Webhooks:
    """A deployment that delivers, by its own functions, at a wall clock of the test's."""

    engine: Engine
    receivers: Receivers = field(default_factory=Receivers)
    now: int = 0
    published: set[str] = field(default_factory=set)

    def follow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let workers go by the clock of the test."""
        self.now = workers.wall_clock()
        monkeypatch.setattr(workers, "wall_clock", lambda: self.now)

    @property
    def queue(self) -> str:
        """The queue that messages about deliveries go through."""
        return self.engine.environment["METERLINE_WEBHOOKS_QUEUE_URL"]

    def records(self) -> list[dict[str, Any]]:
        """The stream's records of the commits that were not published yet."""
        items = [
            item
            for item in self.engine.scan("billing")
            if item.get("kind") in _EVENTS and item["pk"]["S"] not in self.published
        ]
        self.published |= {item["pk"]["S"] for item in items}
        return inserted(items)

    def publish(self) -> None:
        """Publish what was committed since."""
        self.publish_records(self.records())

    def publish_records(self, records: list[dict[str, Any]]) -> None:
        """Publish these, by a process that remembers no endpoints."""
        ENDPOINTS.forget()
        answer = load_handler("publish_events")({"Records": records}, None)
        assert answer == {"batchItemFailures": []}

    def messages(self) -> list[dict[str, Any]]:
        """The messages that wait in the queue, as SQS hands them over; they are taken out."""
        sqs, found = client("sqs"), []
        while batch := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            for message in batch:
                found.append({"messageId": message["MessageId"], "body": message["Body"]})
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def groups(self) -> list[str]:
        """The groups of the messages that wait; they stay."""
        found = client("sqs").receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            AttributeNames=["MessageGroupId"],
        )
        return [message["Attributes"]["MessageGroupId"] for message in found.get("Messages", [])]

    def deliver(self) -> int:
        """Make the attempts that messages wait for; how many messages there were."""
        messages = self.messages()
        for start in range(0, len(messages), 10):
            answer = deliver_batch(messages[start : start + 10], self.receivers)
            assert answer == {"batchItemFailures": []}
        return len(messages)

    def send(self) -> None:
        """Publish and deliver what was committed since."""
        self.publish()
        self.deliver()

    def wait(self, seconds: int) -> None:
        """Let time pass: what falls due on the way is found by sweeps, and delivered."""
        end = self.now + seconds
        while (due_at := self._next_due()) and due_at + _SWEEP_SECONDS <= end:
            self.now = max(self.now, due_at) + _SWEEP_SECONDS
            sweep(self.now, modes=(False,))
            self.deliver()
        self.now = end

    def _next_due(self) -> int | None:
        """When a delivery is due next."""
        instants = [
            int(item["due_at"]["N"])
            for item in self.engine.scan("billing")
            if item.get("kind") == {"S": KIND} and "due_at" in item
        ]
        return min(instants, default=None)


def ids_in(messages: list[dict[str, Any]]) -> list[str]:
    """The deliveries that messages are about."""
    return [json.loads(message["body"])["id"] for message in messages]
