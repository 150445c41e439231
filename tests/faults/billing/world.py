"""A small deployment under test: its objects, its clock, its triggers, and all that it holds."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from meterline.services.base import ids, parallel, secret_addresses
from meterline.services.base.context import Context
from meterline.services.customers.balances import create_balance_transaction
from meterline.services.events.fan_out import ENDPOINTS
from meterline.services.invoices import metered
from meterline.store.base import batches, listing_notes
from meterline.store.base.documents import Body
from meterline.store.base.failures import UNANSWERED
from meterline.store.base.packing import unpack
from meterline.store.events import partition_index
from meterline.store.metering.directory import forget_directory
from tests.engines import Engine, client
from tests.factories import objects
from tests.faults.billing.wire import Died, Wire
from tests.frozen_time import FrozenTime, freeze
from tests.handlers import load_handler
from tests.seeded_chance import draw_from

DAY = 86_400
NOW = 2_143_069_200
"""The wall clock of these tests: a Sunday at one, 2037-11-29T01:00Z, so that a seed is the same run
any day. It is ahead of engines, which expire by their own clock, and so expire nothing.
"""

LONG_AGO = NOW - 400 * DAY
"""When what is sold was made."""

MOST_TRIES = 40

type State = dict[str, Any]

WORK = {
    "advance_test_clocks": "test_helpers.test_clock",
    "produce_invoices": "invoice",
    "roll_billing_cycles": "subscription",
}
"""The functions that do due work, and whose."""


@dataclass
class World:
    """The deployment: an engine, its wall clock, and the wire that its functions call AWS on.

    ``random_ids`` is where ids, codes and secrets are drawn from.
    """

    engine: Engine
    clock: FrozenTime
    wire: Wire
    random_ids: Random = field(default_factory=Random)

    @property
    def contended(self) -> frozenset[str]:
        """The tables where plain writes meet items that transactions write too."""
        return frozenset(self.engine.tables[name] for name in ("access", "usage"))

    def context(self, at: int | None = None) -> Context:
        """The surroundings of an API call at a time."""
        now = self.clock.now if at is None else at
        return objects.context(now)

    def seed_ids(self, seed: int | str) -> None:
        """Let the ids that follow depend on the clock and ``seed`` alone, not on earlier ones."""
        self.random_ids.seed(seed)
        ids._latest = 0  # noqa: SLF001 - as a new process knows none

    # -------------------------------------------------------------- objects
    def price(
        self,
        *,
        unit_amount: int,
        meter: str | None = None,
        interval: str = "month",
        interval_count: int = 1,
    ) -> str:
        """A recurring price, of a meter's usage or of licences."""
        return objects.licence(
            unit_amount,
            at=LONG_AGO,
            product=objects.product("Tokens" if meter else "Base", at=LONG_AGO),
            meter=meter,
            interval=interval,
            recurring={"interval_count": interval_count},
        )

    def meter(self, event_name: str) -> str:
        """A meter that sums."""
        return objects.meter(event_name, at=LONG_AGO)

    def customer(self, *, at: int, **params: object) -> str:
        """A customer, created at a time."""
        return objects.customer(at=at, **params)

    def credit(self, customer: str, amount_minor: int) -> None:
        """Give a customer a balance: credit is negative."""
        params = {"amount": amount_minor, "currency": "usd"}
        create_balance_transaction(self.context(), customer, params)

    def subscribe(self, customer: str, prices: Iterable[str], *, at: int, **params: object) -> str:
        """A subscription to these prices, created at a time."""
        return str(objects.subscribe(customer, *prices, at=at, **params)["id"])

    def stored(self, object_id: str) -> Body:
        """The body of an object."""
        body: Body = objects.stored(object_id)
        return body

    def bodies(self, kind: str) -> list[Body]:
        """The bodies of all objects of a kind, as the table has them."""
        return [
            unpack(item["body"]["B"])
            for item in self.engine.scan("billing")
            if item.get("kind", {}).get("S") == kind
        ]

    def shown(self, *kinds: str) -> dict[str, list[Body]]:
        """The same of several kinds, by kind, for whoever only looks: nothing may change them."""
        found: dict[str, list[Body]] = {kind: [] for kind in kinds}
        memory = self.engine.memory
        items = (
            self.engine.scan("billing")
            if memory is None
            else memory.table(self.engine.tables["billing"]).items.values()
        )
        for item in items:
            kind = item.get("kind", {}).get("S")
            if kind in found:
                found[kind].append(_unpacked(item["body"]["B"]))
        return found

    # -------------------------------------------------------------- triggers
    def until_done(self, trigger: Callable[[], Any]) -> None:
        """Invoke again and again, as Lambda's triggers do, until nothing is handed back."""
        for _ in range(MOST_TRIES):
            try:
                answer = self.wire.watch(trigger)
            except Died:
                forget()
                continue
            if not (isinstance(answer, dict) and answer.get("batchItemFailures")):
                return
        raise AssertionError(f"not done after {MOST_TRIES} tries")

    def deliver(self, function: str, *object_ids: str, receives: int = 1) -> Callable[[], Any]:
        """An SQS batch that names these objects, for a function, at one of its receives."""
        records = [
            {
                "messageId": object_id,
                "body": json.dumps({"livemode": False, "kind": WORK[function], "id": object_id}),
                "attributes": {"ApproximateReceiveCount": str(receives)},
            }
            for object_id in object_ids
        ]
        return lambda: load_handler(function)({"Records": records}, None)

    def drain(self, queue: str) -> list[str]:
        """Take everything from a queue: the texts of its messages, each once."""
        sqs = client("sqs")
        texts = set()
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                texts.add(message["Body"])
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return sorted(texts)

    # -------------------------------------------------------------- the whole state
    def state(self) -> State:
        """Every item of every table by its key, as bytes and numbers."""
        if (memory := self.engine.memory) is not None:
            return {
                name: dict(memory.table(table).items) for name, table in self.engine.tables.items()
            }
        return {
            name: {_key(item): item for item in self.engine.scan(name)}
            for name in self.engine.tables
        }

    def restore(self, before: State) -> None:
        """Make the tables what they were, for another process."""
        forget()
        for name, items in before.items():
            if self.engine.memory is None:
                self._write(name, items)
            else:
                self.engine.memory.table(self.engine.tables[name]).become(items)

    def _write(self, name: str, items: dict[tuple[str, ...], Any]) -> None:
        """Make a table that only calls reach what it was."""
        client, table = self.engine.client, self.engine.tables[name]
        present = {_key(item): item for item in self.engine.scan(name)}
        for key in present.keys() - items.keys():
            parts = {
                part: present[key][part]
                for part in ("pk", "sk", "identifier")
                if part in present[key] and _is_key(name, part)
            }
            client.delete_item(TableName=table, Key=parts)
        for key, item in items.items():
            if present.get(key) != item:
                client.put_item(TableName=table, Item=item)


@lru_cache(maxsize=8_192)
def _unpacked(body: bytes) -> Body:
    """A body that is looked at again and again."""
    unpacked: Body = unpack(body)
    return unpacked


def world_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world on an engine, its clock frozen and its wire watched."""
    clock = FrozenTime(NOW)
    freeze(clock, monkeypatch)
    random_ids = Random(0)
    draw_from(random_ids, monkeypatch)
    # Addresses of pages then differ by their invoice alone, however often that is made final.
    first = SimpleNamespace(choice=lambda letters: letters[0])
    monkeypatch.setattr(secret_addresses, "secrets", first)
    # One after another, so that the same seed always dies at the same call.
    monkeypatch.setattr(metered, "in_parallel", lambda calls: [call() for call in calls])
    monkeypatch.setattr(parallel, "beside", one_after_the_other)
    monkeypatch.setattr(batches, "sleep", lambda _seconds: None)
    wire = Wire()
    wire.connect(monkeypatch)
    return World(engine, clock, wire, random_ids)


def one_after_the_other[T](other: Callable[[], object], call: Callable[[], T]) -> T:
    """Stands in for ``beside``."""
    with suppress(*UNANSWERED):
        other()
    return call()


def forget() -> None:
    """Forget what a process remembers of the tables, as a new one has not learned it yet."""
    partition_index._write.cache_clear()  # noqa: SLF001 - nothing else ever forgets it
    forget_directory()
    ENDPOINTS.forget()
    listing_notes.PROCESS = listing_notes.Process()
    ids._latest = 0  # noqa: SLF001


def _key(item: dict[str, Any]) -> tuple[str, ...]:
    if "identifier" in item and "pk" not in item:
        return (item["identifier"]["S"],)
    return (item["pk"]["S"], item.get("sk", {}).get("S", ""))


def _is_key(table: str, part: str) -> bool:
    keys = {"meter_events": ("identifier",), "access": ("pk",)}
    return part in keys.get(table, ("pk", "sk"))
