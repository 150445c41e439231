"""Where lives are lived: the API's functions over tables in memory, and a record of what they do.

Requests go through the handlers as API Gateway sends them. Every version of every object and every
event that is written is seen, in order.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from meterline.services.base.context import Context
from meterline.services.metering.count import count_records
from meterline.services.work.test_clocks import run_test_clock
from meterline.services.work.usage_watch import watch_batch
from meterline.store.base.documents import Body
from meterline.store.base.packing import unpack
from meterline.store.billing.repository import BillingStore
from tests.dynamodb.engine import DynamoDB
from tests.dynamodb.tables import Key
from tests.dynamodb.values import Item
from tests.factories.boxes import objects_in
from tests.factories.params import form
from tests.faults.billing.world import forget
from tests.faults.broken import BrokenRuleError
from tests.frozen_time import FrozenTime
from tests.gateway import route
from tests.handlers import gateway_event, load_handler

MOST_WRITES = 1_500
"""Of one step of a clock: whoever writes more is taken to loop."""

_ID = re.compile(
    r"\b(?:clock|cus|prod|sub|si|in|ii|il|price|mtr|di|cbtxn|cn|credgr|cbtxn|sub_sched|txr|promo)_[0-9A-Za-z]{12,}"
)
_ALIASES = {"cus", "sub", "si", "in", "ii"}


class Answer(NamedTuple):
    """What the API answered."""

    status: int
    body: Body

    @property
    def is_refusal(self) -> bool:
        """Whether the request was refused, and so must have changed nothing."""
        return self.status >= 400


class Cause(NamedTuple):
    """A request, and the instant at which it was sent."""

    method: str
    path: str
    params: Body
    now: int


@dataclass(slots=True)
class Record:
    """The versions of the objects of a life, and its events, in the order in which they came."""

    versions: dict[str, list[Body]] = field(default_factory=lambda: defaultdict(list))
    kinds: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    events: list[Body] = field(default_factory=list)
    order: list[tuple[str, int]] = field(default_factory=list)
    """The versions of all objects as they came: the id, and the place among its versions."""
    commits: int = 0
    causes: dict[str, list[Cause | None]] = field(default_factory=lambda: defaultdict(list))
    """The request that made each version; None for those that time made."""
    cause: Cause | None = None

    def of_kind(self, kind: str) -> Iterator[list[Body]]:
        """The versions of each object of a kind."""
        return (self.versions[one] for one, its in self.kinds.items() if its == kind)

    def latest(self, kind: str) -> list[Body]:
        """The objects of a kind as they are now; not those that were deleted."""
        return [
            self.versions[one][-1]
            for one, its in self.kinds.items()
            if its == kind and one not in self.deleted
        ]

    def remove(self, object_id: str) -> None:
        """Take in that a document was deleted, and with it what stood in it."""
        self.deleted |= {one for one in self.kinds if one.startswith(object_id)}

    def add(self, item: Item) -> None:
        """Take in a version of an object, or the events of a commit."""
        kind, body = item["kind"]["S"], unpack(item["body"]["B"])
        if kind == "event":
            self.commits += 1
            self.events += body["events"]
            return
        kind, bodies = objects_in(kind, body)
        for each in bodies:
            self.kinds[each["id"]] = kind
            self.order.append((each["id"], len(self.versions[each["id"]])))
            self.versions[each["id"]].append(each)
            self.causes[each["id"]].append(self.cause)


@dataclass(slots=True)
class Shop:
    """The deployment of a life, its catalogue, and its history in words.

    ``wall`` is the wall clock, which goes on by a second with each request.
    """

    database: DynamoDB
    tables: dict[str, str]
    key: str
    wall: FrozenTime
    errors: list[Exception] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    record: Record = field(default_factory=Record)
    names: dict[str, str] = field(default_factory=dict)
    now: int = 0
    _seen: int = 0
    _counted: int = 0
    _watched: int = 0
    _aliases: dict[str, str] = field(default_factory=dict)

    def open(self) -> None:
        """Begin a life: what earlier ones have written is gone."""
        for table in self.database.tables.values():
            table.rewind()
        forget()
        self.history.clear()
        self.errors.clear()
        self.record = Record()
        self._aliases.clear()
        self._seen = self._counted = self._watched = 0

    def close_catalogue(self) -> None:
        """Keep what was written so far for all lives."""
        for table in self.database.tables.values():
            table.mark()
        self._seen = self._counted = self._watched = 0

    # -------------------------------------------------------------- acts
    def ask(self, method: str, path: str, **params: Any) -> Answer:
        """Send a request; what it wrote is on record."""
        before = self.billing_writes
        answer = self._answer(method, path, params)
        self.record.cause = Cause(method, path, params, self.now)
        self.look()
        self.record.cause = None
        said = f"{answer.status}"
        if answer.is_refusal:
            error = answer.body["error"]
            said += f" {error.get('code') or ''} {error['message']}"
        elif "id" in answer.body:
            said += f" {answer.body['id']}"
        self.note(f"{method} {path} {json.dumps(params) if params else ''} -> {said}")
        self._check(answer, written=self.billing_writes - before)
        return answer

    def _check(self, answer: Answer, *, written: int) -> None:
        if answer.status >= 500:
            raise BrokenRuleError("no request is a 5xx", "an exception") from self.errors[-1]
        if answer.is_refusal and written:
            raise BrokenRuleError("a refused request changes nothing", f"{written} writes")

    def look_up(self, path: str, *, method: str = "POST", **params: Any) -> Answer:
        """Send a request that changes nothing and is no part of the history."""
        before = self.billing_writes
        answer = self._answer(method, path, params)
        if self.billing_writes != before:
            raise BrokenRuleError("a preview changes nothing", f"{path} {params}")
        self._check(answer, written=0)
        return answer

    def _answer(self, method: str, path: str, params: Body) -> Answer:
        self.wall.now += 1
        headers = {
            "authorization": f"Bearer {self.key}",
            "content-type": "application/x-www-form-urlencoded",
        }
        text = form(params)
        if method in ("GET", "DELETE"):
            event = gateway_event(method, f"{path}?{text}" if text else path, headers)
        else:
            event = gateway_event(method, path, headers, text.encode())
        response = load_handler(route(method, path).folder)(event, None)
        return Answer(response["statusCode"], json.loads(response["body"]))

    def advance(self, clock: str, target: int) -> bool:
        """Advance a clock, and do its work; False if that is refused."""
        asked = self.ask(
            "POST", f"/v1/test_helpers/test_clocks/{clock}/advance", frozen_time=target
        )
        if asked.is_refusal:
            return False
        self.now = target
        store = BillingStore(livemode=False)
        try:
            before = self.billing_writes
            run_test_clock(
                Context(store, self.wall.now, self.wall.now),
                clock,
                lambda: self.billing_writes - before < MOST_WRITES,
            )
        finally:
            self.look()
        return True

    def count(self) -> None:
        """Count the events that were accepted, as their stream does."""
        table = self.database.tables[self.tables["meter_events"]]
        fresh = [table.items[key] for key, before in table.written[self._counted :] if not before]
        self._counted = len(table.written)
        records = [
            {"eventName": "INSERT", "dynamodb": {"NewImage": one, "SequenceNumber": "1"}}
            for one in fresh
        ]
        assert count_records(records) == []
        self._watch()
        self.look()

    def _watch(self) -> None:
        """Look at the usage that was counted, as the stream of its table does."""
        table = self.database.tables[self.tables["usage"]]
        keys = dict.fromkeys(key for key, _ in table.written[self._watched :])
        self._watched = len(table.written)
        records = [
            {
                "eventName": "MODIFY",
                "dynamodb": {
                    "Keys": {name: table.items[key][name] for name in ("pk", "sk")},
                    "SequenceNumber": "1",
                },
            }
            for key in keys
            if key in table.items
        ]
        assert watch_batch(records) == {"batchItemFailures": []}

    # -------------------------------------------------------------- what is there
    @property
    def billing_writes(self) -> int:
        """How much was written to the Billing table in this life."""
        return len(self.database.tables[self.tables["billing"]].written)

    def look(self) -> None:
        """Take what was written onto the record."""
        for key, item in self._news():
            if item is None:
                self.record.remove(str(key[0]).rpartition("#")[2])
            elif "kind" in item and "body" in item:
                self.record.add(item)

    def _news(self) -> Iterator[tuple[Key, Item | None]]:
        """What came to stand in the Billing table since the last look, version by version."""
        table = self.database.tables[self.tables["billing"]]
        fresh = table.written[self._seen :]
        self._seen = len(table.written)
        following: dict[Key, Item | None] = {}
        news = []
        for key, before in reversed(fresh):
            news.append((key, following.get(key, table.items.get(key))))
            following[key] = before
        return reversed(news)

    # -------------------------------------------------------------- words
    def note(self, text: str) -> None:
        """Add a line to the history."""
        self.history.append(f"{stamp(self.now)}  {_ID.sub(self._named, text)}")

    def _named(self, match: re.Match[str]) -> str:
        found = match[0]
        if found in self.names:
            return self.names[found]
        kind = found.partition("_")[0]
        number = sum(aliase.startswith(f"{kind}_") for aliase in self._aliases.values()) + 1
        return self._aliases.setdefault(found, f"{kind}_{number}")

    def say(self, text: str) -> str:
        """A text in which objects have short names."""
        return _ID.sub(self._named, text)


def stamp(instant: int) -> str:
    """An instant as people write it."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M:%S")
