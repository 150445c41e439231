"""A deployment that delivers events under a seed: workers die at any call, messages are lost or
come twice, and endpoints and the event bus do not take what they are sent, or do not say so.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.core.events.retry_schedule import TEST_WAITS
from meterline.services.base.context import Context
from meterline.services.events.deliveries import KIND, delivery_id
from meterline.services.events.event_destinations import create_event_destination
from meterline.services.events.fan_out import ENDPOINTS
from meterline.services.events.publishing import publish_batch
from meterline.services.events.webhook_endpoints import create_webhook_endpoint
from meterline.services.work import sweep as sweeps
from meterline.services.work.message_tries import MOST_TRIES
from meterline.services.work.webhook_workers import deliver_batch
from meterline.store.base.batches import Throttled
from meterline.store.base.settings import settings
from meterline.store.billing.repository import BillingStore
from meterline.store.events.event_bus import BusEntry, put_entries
from meterline.store.events.outgoing_calls import Outgoing
from meterline.store.events.replies import Reply
from meterline.store.work.queues import DueMessage
from tests.factories import objects
from tests.factories.streams import inserted
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import World
from tests.faults.broken import BrokenRuleError

HOSTS = ("a.example", "b.example", "c.example")
KINDS = ("endpoint", "endpoint", "thin", "bus")
"""What may be at a host: an endpoint of v1, a destination of thin events, or the event bus."""

BUS = "billing"
MOST_MESSAGES = 10
"""So many messages a worker gets at most, and so many entries the event bus takes in a call."""

MOST_ROUNDS = 80
DEATH = 0.03
OK = Reply(200, 5)
NOT_TAKEN = (Reply(503, 5, "status 503"), Reply(None, 10_000, "timed out"))
BUS_TROUBLE = 0.15
BUSY_PHASE = 0.5
"""How often an endpoint does not take an event, before it is well."""


THROTTLED: Any = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
NOT_PUT = {"ErrorCode": "InternalFailure", "ErrorMessage": "It was not taken."}

type Address = tuple[str, str]
"""A host, and an event of v1."""


@dataclass
class Message:
    """A message of the queue, and how often it was received."""

    text: str
    receives: int = 0


@dataclass
class Run:
    """A deployment with some endpoints under a seed; it is its own sender, queue and event bus."""

    world: World
    chance: Random
    is_calm: bool = False
    events: list[str] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    on_bus: list[Address] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    unpublished: list[Any] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    queue: list[Message] = field(default_factory=list)
    under_way: list[Address] = field(default_factory=list)
    tried: Counter[Address] = field(default_factory=Counter)
    taken: Counter[Address] = field(default_factory=Counter)
    unrecorded: Counter[Address] = field(default_factory=Counter)
    doubled: Counter[Address] = field(default_factory=Counter)
    done: set[Address] = field(default_factory=set)
    is_doubling: bool = False

    # ------------------------------------------------------------ what stands in for AWS and others
    def at(self, _moment: Moment, _operation: str) -> None:
        """Die now and then, before or after a call."""
        if not self.is_calm and self.chance.random() < DEATH:
            raise Died

    def send(self, _url: str, batch: Sequence[DueMessage]) -> int:
        """Take messages; a process may die before that, or after."""
        self.at(Moment(0, after=False), "SendMessageBatch")
        self.queue += [Message(message.text()) for message in batch]
        self.at(Moment(0, after=True), "SendMessageBatch")
        return len(batch)

    def post(self, outgoing: Outgoing) -> Reply:
        """Take an event or not."""
        host = outgoing.url.host
        address = (host, self._event_of(host, outgoing.body))
        self._check_wanted(address)
        self.at(Moment(0, after=False), "post")
        self._begin([address])
        reply = self._reply(host)
        self.taken[address] += reply.is_success
        self.at(Moment(0, after=True), "post")
        return reply

    def put(self, entries: Sequence[BusEntry]) -> list[Reply]:
        """Put entries on the event bus."""
        addresses = [self._address_of(entry) for entry in entries]
        for address in addresses:
            self._check_wanted(address)
        if {entry.bus_arn for entry in entries} != {settings().event_bus_arn}:
            raise BrokenRuleError("refused", "there is no such event bus")
        if len(entries) > MOST_MESSAGES:
            raise BrokenRuleError("refused", f"{len(entries)} entries are too many")
        self.at(Moment(0, after=False), "put")
        self._begin(addresses)
        self.on_bus = addresses
        replies = put_entries(entries)
        self.at(Moment(0, after=True), "put")
        return replies

    def put_events(self, **call: Any) -> Any:
        """The event bus takes entries, or not: none of a call, or not all of it; or all, and its
        answer is lost.
        """
        if self._is_off():
            raise ClientError(THROTTLED, "PutEvents")
        answers = [dict(NOT_PUT) if self._is_off() else {"EventId": "1"} for _ in call["Entries"]]
        for address, answer in zip(self.on_bus, answers, strict=True):
            self.taken[address] += "EventId" in answer
        if self._is_off():
            raise ReadTimeoutError(endpoint_url="https://events.example")
        failed = sum("ErrorCode" in one for one in answers)
        return {"FailedEntryCount": failed, "Entries": answers}

    def _is_off(self) -> bool:
        return not self.is_calm and self.chance.random() < BUS_TROUBLE

    def _address_of(self, entry: BusEntry) -> Address:
        destination = entry.source.removeprefix("meterline/")
        [host] = [host for host, one in self.hooks.items() if one == destination]
        return host, self._event_of(host, entry.detail)

    def _event_of(self, host: str, text: str | bytes) -> str:
        """The event of v1 that something tells of, in the form that a host asked for."""
        told = json.loads(text)
        if (told["object"] == "v2.core.event") != (self.kinds[host] == "thin"):
            raise BrokenRuleError("form", f"{self.kinds[host]} got {told['object']}")
        if told["object"] == "event":
            return str(told["id"])
        if "data" in told:
            raise BrokenRuleError("form", "a thin event tells its object")
        return str(told["snapshot_event"])

    def _begin(self, addresses: Sequence[Address]) -> None:
        """A call is under way. Another worker may have a message about the same."""
        self.tried.update(addresses)
        self.under_way += addresses
        if not self.is_calm and not self.is_doubling and self.chance.random() < 0.1:
            self._double(self.chance.choice(addresses))

    def _reply(self, host: str) -> Reply:
        is_bad = not self.is_calm and self.chance.random() < BUSY_PHASE
        return self.chance.choice(NOT_TAKEN) if is_bad or host in self.dead else OK

    def _double(self, address: Address) -> None:
        host, event = address
        text = DueMessage(livemode=False, kind=KIND, object_id=self.id_of(host, event)).text()
        self.doubled[address] += 1
        self.is_doubling = True
        try:
            deliver_batch([{"messageId": "2", "body": text}], self)
        finally:
            self.is_doubling = False
            with self.unwatched():
                if self.delivery(host, event)["status"] == "succeeded":
                    self.done.add(address)

    def _check_wanted(self, address: Address) -> None:
        with self.unwatched():
            delivery = self.delivery(*address)
        if delivery["status"] != "pending" or address in self.done:
            raise BrokenRuleError("sent again", f"{address} is {delivery['status']} already")

    def unwatched(self) -> Any:
        """Looks at the tables that are no part of the run."""
        return _Unwatched(self.world)

    def id_of(self, host: str, event: str) -> str:
        return delivery_id(event, self.hooks[host])

    def delivery(self, host: str, event: str) -> Any:
        document = BillingStore(livemode=False).get(self.id_of(host, event))
        if document is None:
            raise BrokenRuleError("forgotten", f"nothing is known of {event} at {host}")
        return document.body

    def is_disabled(self, host: str) -> bool:
        """Whether an endpoint was given up."""
        stored = BillingStore(livemode=False).get(self.hooks[host])
        return stored is not None and stored.body["status"] == "disabled"

    # ------------------------------------------------------------ what happens
    def begin(self) -> None:
        for host in HOSTS[: self.chance.randint(1, 3)]:
            self.kinds[host] = self.chance.choice(KINDS)
            self.hooks[host] = created(self.world.context(), self.kinds[host], host)
        called = [host for host, kind in self.kinds.items() if kind != "bus"]
        if called and self.chance.random() < 0.2:
            self.dead = {self.chance.choice(called)}

    def emit(self) -> None:
        objects.customer(at=self.world.clock.now)
        items = [
            item
            for item in self.world.engine.scan("billing")
            if item.get("kind") == {"S": "event"} and item["pk"]["S"] not in self.seen
        ]
        self.seen |= {item["pk"]["S"] for item in items}
        for item in items:
            [record] = inserted([item])
            record["dynamodb"]["SequenceNumber"] = item["pk"]["S"]
            self.unpublished.append(record)
            self.events.append(f"{item['pk']['S'].partition('#')[2]}000")

    def publish(self) -> None:
        """The stream hands out some records; those that are not done come again, others too."""
        number = self.chance.randint(1, len(self.unpublished)) if self.unpublished else 0
        records = self.unpublished[:number]
        answer = self.watched(lambda: publish_batch(records))
        if answer is None or (not self.is_calm and self.chance.random() < 0.1):
            return
        left = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        self.unpublished = [
            record
            for record in self.unpublished
            if record not in records or record["dynamodb"]["SequenceNumber"] in left
        ]

    def deliver(self) -> None:
        """A worker gets some messages; those that are not done come again, others now and then."""
        self.chance.shuffle(self.queue)
        number = self.chance.choice((3, 3, MOST_MESSAGES))
        batch, self.queue = self.queue[:number], self.queue[number:]
        if not self.is_calm and self.chance.random() < 0.15:
            batch = [one for one in batch if one.receives]  # a message that never was sent
        for message in batch:
            message.receives += 1
        records = [
            {
                "messageId": str(place),
                "body": message.text,
                "attributes": {"ApproximateReceiveCount": str(message.receives)},
            }
            for place, message in enumerate(batch)
        ]
        self.under_way.clear()
        answer = self.watched(lambda: deliver_batch(records, self))
        left = set(range(len(batch)))
        if answer is not None:
            left = {int(one["itemIdentifier"]) for one in answer["batchItemFailures"]}
        was_sent_afresh = any(message.receives >= MOST_TRIES for message in batch)
        if left or was_sent_afresh:
            self.unrecorded.update(self.under_way)
        repeated = not self.is_calm and self.chance.random() < 0.1
        self.queue += [one for place, one in enumerate(batch) if repeated or place in left]

    def sweep(self) -> None:
        self.watched(lambda: sweeps.sweep(self.world.clock.now, modes=(False,)))

    def wait(self) -> None:
        self.world.clock.now += self.chance.choice((5, 30, 90, 700))
        if self.chance.random() < 0.5:
            ENDPOINTS.forget()

    def watched(self, work: Callable[[], Any]) -> Any:
        """What a process answers; None if it died or failed."""
        with suppress(Died, ClientError, Throttled):
            return self.world.wire.watch(work)
        return None

    def finish(self) -> None:
        """All is well from now on: what is left is done."""
        self.is_calm = True
        for _ in range(MOST_ROUNDS):
            self.publish()
            while self.queue:
                self.deliver()
            due = [
                int(item["due_at"]["N"])
                for item in self.world.engine.scan("billing")
                if item.get("kind") == {"S": KIND} and "due_at" in item
            ]
            if not due and not self.unpublished:
                return
            self.world.clock.now = max(self.world.clock.now + 960, min(due, default=0))
            self.sweep()
        raise BrokenRuleError("never ends", f"{len(due)} deliveries are still due")

    # ------------------------------------------------------------ what must hold
    def check(self) -> None:
        for event in self.events:
            for host in self.hooks:
                self._check((host, event))

    def _check(self, address: Address) -> None:
        delivery = self.delivery(*address)
        status, count = delivery["status"], delivery["attempt_count"]
        tried, taken = self.tried[address], self.taken[address]
        if not tried and not self.is_disabled(address[0]):
            raise BrokenRuleError("forgotten", f"{address} was never tried")
        if status not in ("succeeded", "failed"):
            raise BrokenRuleError("forgotten", f"{address} is {status}")
        if status == "succeeded" and not taken:
            raise BrokenRuleError("untrue", f"{address} was not taken, and is {status}")
        if address[0] not in self.dead and status == "succeeded":
            assert any(one["error"] is None for one in delivery["attempts"]), address
        if status == "failed" and count <= len(TEST_WAITS) and not self.is_disabled(address[0]):
            raise BrokenRuleError("given up", f"{address} after {count} attempts")
        if count > len(TEST_WAITS) + 1 + self.doubled[address]:
            raise BrokenRuleError("too often", f"{address}: {count} attempts")
        lost = self.unrecorded[address] + self.doubled[address]  # a success stays as it is
        if not count <= tried <= count + lost:
            raise BrokenRuleError("untrue", f"{address}: {count} of {tried} attempts are recorded")


@dataclass
class _Unwatched:
    world: World
    before: bool = False

    def __enter__(self) -> None:
        self.before, self.world.wire.watching = self.world.wire.watching, False

    def __exit__(self, *_: object) -> None:
        self.world.wire.watching = self.before


def created(ctx: Context, kind: str, host: str) -> str:
    """The id of an endpoint or destination that asks for new customers, at a host."""
    if kind == "endpoint":
        wanted = {"url": f"https://{host}", "enabled_events": ["customer.created"]}
        return create_webhook_endpoint(ctx, wanted)["id"]
    params: Any = {"name": host, "event_payload": "thin", "enabled_events": ["v1.customer.created"]}
    if kind == "thin":
        params |= {"type": "webhook_endpoint", "webhook_endpoint": {"url": f"https://{host}"}}
    else:
        _, _, _, region, account, _ = str(settings().event_bus_arn).split(":")
        bus = {"aws_region": region, "aws_account_id": account}
        params |= {"type": "amazon_eventbridge", "amazon_eventbridge": bus}
        params |= {"event_payload": "snapshot", "enabled_events": ["customer.created"]}
    return create_event_destination(ctx, params)["id"]
