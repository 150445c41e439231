"""Events on their way to endpoints, while workers die at any call and messages are lost or come
twice: each endpoint gets each event at least once, and records say no more than what happened.

A failing seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from meterline.core.events.retry_schedule import TEST_WAITS
from meterline.services.events import fan_out, publishing
from meterline.services.events.deliveries import (
    KIND,
    after_attempt,
    delivery_id,
    new_delivery,
)
from meterline.services.events.fan_out import ENDPOINTS
from meterline.services.events.publishing import publish_batch
from meterline.services.events.webhook_endpoints import create_webhook_endpoint
from meterline.services.work import sweep as sweeps
from meterline.services.work import webhook_workers
from meterline.services.work.message_tries import MOST_TRIES
from meterline.services.work.webhook_workers import deliver_batch
from meterline.store.base.batches import Throttled
from meterline.store.billing.repository import BillingStore
from meterline.store.events.outgoing_calls import Outgoing
from meterline.store.events.replies import Reply
from meterline.store.work import queues
from meterline.store.work.queues import DueMessage
from tests.factories import objects
from tests.factories.streams import inserted
from tests.faults.billing.test_random_runs import seeds_of
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import World
from tests.faults.broken import BrokenRuleError
from tests.faults.load import Load

HOSTS = ("a.example", "b.example", "c.example")
STEPS = 24
MOST_ROUNDS = 80
DEATH = 0.03
TROUBLE = 0.05
OK = Reply(200, 5)
NOT_TAKEN = (Reply(503, 5, "status 503"), Reply(None, 10_000, "timed out"))
BUSY_PHASE = 0.5
"""How often an endpoint does not take an event, before it is well."""


class Sns:
    """A topic that takes everything."""

    def publish_batch(self, **_: Any) -> Any:
        return {}


@dataclass
class Message:
    """A message of the queue, and how often it was received."""

    text: str
    receives: int = 0


@dataclass
class Run:
    """A deployment with some endpoints under a seed; it is its own sender and queue."""

    world: World
    chance: Random
    is_calm: bool = False
    events: list[str] = field(default_factory=list)
    hooks: dict[str, str] = field(default_factory=dict)
    dead: set[str] = field(default_factory=set)
    unpublished: list[Any] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    queue: list[Message] = field(default_factory=list)
    under_way: list[tuple[str, str]] = field(default_factory=list)
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    unrecorded: Counter[tuple[str, str]] = field(default_factory=Counter)
    doubled: Counter[tuple[str, str]] = field(default_factory=Counter)
    done: set[tuple[str, str]] = field(default_factory=set)
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
        """Take an event or not. Another worker may have the same message meanwhile."""
        event = json.loads(outgoing.body)["id"]
        address = (outgoing.url.host, event)
        self._check_wanted(address)
        self.at(Moment(0, after=False), "post")
        self.tried[address] += 1
        self.under_way.append(address)
        if not self.is_calm and not self.is_doubling and self.chance.random() < 0.1:
            self._double(address)
        reply = self._reply(outgoing.url.host)
        self.taken[address] += reply.is_success
        self.at(Moment(0, after=True), "post")
        return reply

    def put(self, entries: Sequence[Any]) -> list[Reply]:
        """There is no event bus."""
        raise AssertionError(entries)

    def _reply(self, host: str) -> Reply:
        is_bad = not self.is_calm and self.chance.random() < BUSY_PHASE
        return self.chance.choice(NOT_TAKEN) if is_bad or host in self.dead else OK

    def _double(self, address: tuple[str, str]) -> None:
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

    def _check_wanted(self, address: tuple[str, str]) -> None:
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
            params = {"url": f"https://{host}", "enabled_events": ["customer.created"]}
            made = create_webhook_endpoint(self.world.context(), params)
            self.hooks[host] = made["id"]
        if self.chance.random() < 0.2:
            self.dead = {self.chance.choice(list(self.hooks))}

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
        batch, self.queue = self.queue[:3], self.queue[3:]
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

    def _check(self, address: tuple[str, str]) -> None:
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


def _in_turn(calls: Sequence[Any], sender: Any) -> Iterator[tuple[Any, Reply]]:
    for call in calls:
        yield call, sender.post(call.outgoing)


type Deliver = Callable[[int], None]


@pytest.fixture
def deliver(memory_world: World, monkeypatch: pytest.MonkeyPatch) -> Deliver:
    """Runs a seed on tables that are empty before."""
    world = memory_world
    nothing, began = world.state(), world.clock.now
    monkeypatch.setattr(publishing, "sns", Sns)
    # One after another, so that the same seed always meets the same trouble.
    for module in (publishing, fan_out):
        monkeypatch.setattr(module, "in_parallel", lambda calls: [call() for call in calls])
    monkeypatch.setattr(webhook_workers, "_made", _in_turn)

    def run(seed: int) -> None:
        world.restore(nothing)
        ENDPOINTS.forget()
        world.clock.now = began
        world.seed_ids(seed)
        chance = Random(seed)
        story = Run(world, chance)
        load = Load(chance, TROUBLE, frozenset())
        world.wire.at, world.wire.refusal = story.at, load.refusal
        monkeypatch.setattr(queues, "_send", story.send)
        story.begin()
        steps = (story.emit, story.publish, story.deliver, story.deliver, story.sweep, story.wait)
        story.emit()
        for _ in range(STEPS):
            chance.choice(steps)()
        load.is_calm = True
        story.finish()
        story.check()

    return run


SHARES = 2


@pytest.mark.parametrize("share", range(SHARES))
def test_every_event_reaches_each_endpoint_and_no_record_says_more_than_what_happened(
    request: pytest.FixtureRequest, deliver: Deliver, share: int
) -> None:
    for seed in seeds_of(request, share, SHARES):
        try:
            deliver(seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


# ---------------------------------------------------------------- mistakes that must be noticed
type Break = Callable[[pytest.MonkeyPatch], None]


def deliveries_that_are_stored_anew(patch: pytest.MonkeyPatch) -> None:
    def store(delivery: Any) -> None:
        stored = BillingStore(livemode=False).get(delivery.id)
        BillingStore(livemode=False).put(replace(delivery, version=stored.version if stored else 0))

    patch.setattr(fan_out, "_store", store)


def deliveries_that_nothing_finds_again(patch: pytest.MonkeyPatch) -> None:
    new = new_delivery
    patch.setattr(
        fan_out, "new_delivery", lambda *one, **more: replace(new(*one, **more), due_at=None)
    )


def a_failure_of_storing_that_nobody_hears_of(patch: pytest.MonkeyPatch) -> None:
    def store(delivery: Any) -> None:
        with suppress(Exception):
            BillingStore(livemode=False).put(delivery)

    patch.setattr(fan_out, "_store", store)


def success_that_is_recorded_before_the_call(patch: pytest.MonkeyPatch) -> None:
    def made(calls: Sequence[Any], sender: Any) -> Iterator[tuple[Any, Reply]]:
        for call in calls:
            yield call, OK
            sender.post(call.outgoing)

    patch.setattr(webhook_workers, "_made", made)


def an_outcome_that_a_race_overwrites(patch: pytest.MonkeyPatch) -> None:
    def write(ctx: Any, delivery: Any, attempt: Any) -> None:
        latest = ctx.store.get(delivery.id)
        changed = after_attempt(delivery, attempt, now=ctx.wall_clock)
        ctx.store.put(replace(changed, version=latest.version))

    patch.setattr(webhook_workers, "_write", write)


def failures_that_plan_nothing(patch: pytest.MonkeyPatch) -> None:
    after = after_attempt

    def never_again(delivery: Any, attempt: Any, **more: Any) -> Any:
        changed = after(delivery, attempt, **more)
        return replace(changed, due_at=None)

    patch.setattr(webhook_workers, "after_attempt", never_again)


def retries_without_an_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("meterline.services.events.deliveries.wait_after", lambda *_one, **_more: 60)


MISTAKES: list[tuple[Break, str, int]] = [
    (deliveries_that_are_stored_anew, "untrue|sent again|never ends", 11),
    (deliveries_that_nothing_finds_again, "forgotten", 4),
    (a_failure_of_storing_that_nobody_hears_of, "forgotten", 0),
    (success_that_is_recorded_before_the_call, "sent again|untrue|forgotten", 0),
    (an_outcome_that_a_race_overwrites, "sent again", 22),
    (failures_that_plan_nothing, "forgotten", 2),
    (retries_without_an_end, "too often|never ends", 2),
]
"""Each with the rule that it breaks, and the seed from which on that is looked for."""

SEEDS_OF_A_MISTAKE = 60


@pytest.mark.parametrize(
    ("mistake", "rule", "first_seed"), MISTAKES, ids=lambda one: getattr(one, "__name__", "")
)
def test_deliveries_notice(
    deliver: Deliver, monkeypatch: pytest.MonkeyPatch, mistake: Break, rule: str, first_seed: int
) -> None:
    mistake(monkeypatch)
    seeds = range(first_seed, first_seed + SEEDS_OF_A_MISTAKE)
    broken = next(filter(None, (_broken_by(deliver, seed) for seed in seeds)), "")
    assert re.search(rule, broken), f"{mistake.__name__} went unnoticed: {broken}"


def _broken_by(deliver: Deliver, seed: int) -> str:
    """The rule that a seed breaks, if it does."""
    try:
        deliver(seed)
    except BrokenRuleError as broken:
        return str(broken)
    return ""
