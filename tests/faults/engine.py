"""The engine in memory as metering's client, in weather that a seed makes: reads that are not
consistent see the past, pages are short, batches leave something undone.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from tests.dynamodb.engine import DynamoDB
from tests.dynamodb.faults import Faults
from tests.dynamodb.refusals import Refused
from tests.dynamodb.requests import Answer
from tests.dynamodb.tables import Key, Table
from tests.dynamodb.values import Item
from tests.engines import table_definition
from tests.faults.load import Load

TABLES = ("meter_events", "usage")


def seeded(seed: int) -> random.Random:
    """Chance that a seed decides."""
    return random.Random(seed)


class ConditionalCheckFailedError(ClientError):
    """A condition was not met."""


class TransactionCanceledError(ClientError):
    """A condition of a transaction was not met."""


class TransactionConflictError(ClientError):
    """A plain write met an item that a transaction was at work on."""


class Exceptions:
    """The error classes as a boto3 client carries them."""

    ConditionalCheckFailedException = ConditionalCheckFailedError
    TransactionCanceledException = TransactionCanceledError
    TransactionConflictException = TransactionConflictError


class Weather(Faults):
    """What goes wrong in an engine by chance. ``around`` is called before and after each call,
    ``others`` between the statements of a batch; both may raise.
    """

    def __init__(self, chance: random.Random) -> None:
        self.load = Load(chance, rate=0, contended=frozenset({"usage"}))
        self.around: Callable[[str, str], None] = lambda when, call: None  # noqa: ARG005
        self.others: Callable[[], None] = lambda: None
        self.is_calm = False
        self.unseen: set[Key] = set()
        """Segments of the latest transaction, which the next query does not show yet."""
        self._chance = chance

    def before(self, operation: str) -> None:
        self.around("before", operation)

    def after(self, operation: str) -> None:
        self.around("after", operation)

    def between(self, operation: str) -> None:
        self.others()

    def writing(self, table: Table) -> None:
        """Now and then the past catches up with the present."""
        if self._happens(0.1):
            table.past = dict(table.items)

    def statement_code(self, table: str) -> str | None:
        return self.load.statement_code(table)

    def left(self, operation: str, table: str, entries: Sequence[Any]) -> int:
        """One, some or all."""
        return self._chance.randint(1, len(entries)) if self._happens(0.1) else 0

    def page_items(self) -> int | None:
        return None if self.is_calm else 5

    def committed(self, keys: Sequence[Key]) -> None:
        if self._happens(0.2):
            self.unseen = {key for key in keys if key[-1].startswith("s#")}

    def hides(self, table: str, key: Key) -> bool:
        is_hidden = key in self.unseen
        self.unseen.discard(key)
        return is_hidden

    def _happens(self, probability: float) -> bool:
        return not self.is_calm and self._chance.random() < probability


class FakeDynamoDB:
    """A client of its own two tables, with the calls of metering. ``on_event`` gets the stream of
    events: what was done, and the new image; ``on_parcel`` that of parcels.
    """

    exceptions = Exceptions

    def __init__(self, chance: random.Random) -> None:
        self.weather = Weather(chance)
        self.database = DynamoDB(self.weather)
        self.on_event: Callable[[str, Item], None] = lambda kind, item: None  # noqa: ARG005
        self.on_parcel: Callable[[str, Item], None] = lambda kind, item: None  # noqa: ARG005
        for name in TABLES:
            self.database.call("CreateTable", {**table_definition(name), "TableName": name})
            self.database.table(name).past = {}
        self.database.on_change = self._changed

    def items(self, table: str) -> list[Item]:
        """All items of a table as they are."""
        return list(self.database.table(table).items.values())

    def put_item(self, **request: Any) -> Answer:
        return self._call("PutItem", request)

    def update_item(self, **request: Any) -> Answer:
        return self._call("UpdateItem", request)

    def batch_get_item(self, **request: Any) -> Answer:
        return self._call("BatchGetItem", request)

    def query(self, **request: Any) -> Answer:
        return self._call("Query", request)

    def scan(self, **request: Any) -> Answer:
        return self._call("Scan", request)

    def transact_write_items(self, **request: Any) -> Answer:
        return self._call("TransactWriteItems", request)

    def batch_execute_statement(self, **request: Any) -> Answer:
        return self._call("BatchExecuteStatement", request)

    def _call(self, operation: str, request: dict[str, Any]) -> Answer:
        try:
            return self._answer(operation, request)
        except Refused as refusal:
            error = _ERRORS.get(refusal.response["Error"]["Code"], ClientError)
            raise error(refusal.response, operation) from None  # type: ignore[arg-type]

    def _answer(self, operation: str, request: dict[str, Any]) -> Answer:
        refusal = self.weather.load.refusal(operation, request)
        if refusal is not None:
            raise Refused(refusal["Error"]["Code"], "", **refusal)
        return self.database.call(operation, request)

    def _changed(self, table: Table, before: Item | None, after: Item | None) -> None:
        if after is None or before == after:
            return
        if table.name == "meter_events":
            self.on_event("MODIFY" if before else "INSERT", after)
        elif after["sk"]["S"].startswith("q#"):
            self.on_parcel("MODIFY" if before else "INSERT", after)


_ERRORS = {
    "ConditionalCheckFailedException": ConditionalCheckFailedError,
    "TransactionCanceledException": TransactionCanceledError,
    "TransactionConflictException": TransactionConflictError,
}
