"""Capacity units by AWS's rule, in one place.

A write costs one unit for each KB of the item, the greater of before and after, rounded up; double
in a transaction; refused conditions cost too. A consistent read costs one unit for each 4 KB, one
that need not be consistent half of it: each item by itself in a batch, the sum in a query or a
scan. An item is the sum of its names and values in UTF-8; a number is one byte for two digits, and
one more.
"""

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from tests.dynamodb.requests import Answer
from tests.dynamodb.tables import Table
from tests.dynamodb.values import Item, size
from tests.faults.engine import FakeDynamoDB, seeded

WRITE_BYTES = 1_024
READ_BYTES = 4_096


def item_bytes(item: Item | None) -> int:
    """The size of an item in DynamoDB's notation."""
    return size(item or {})


def units_read(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """What AWS bills for a ``GetItem``, a ``Query`` or a ``BatchGetItem``."""
    match operation:
        case "GetItem":
            return _billed(_units(item_bytes(answer.get("Item")), READ_BYTES), request)
        case "Query":
            return _billed(_units(sum(map(item_bytes, answer["Items"])), READ_BYTES), request)
        case "BatchGetItem":
            return sum(
                _billed(_each(answer["Responses"].get(table, []), len(asked["Keys"])), asked)
                for table, asked in request["RequestItems"].items()
            )
        case _:
            raise NotImplementedError(operation)


def units_written(before: Item | None, after: Item | None) -> int:
    """What a table bills for a write that is no part of a transaction."""
    return _units(max(item_bytes(before), item_bytes(after)), WRITE_BYTES)


def units_of_indexes(before: Item, after: Item, keys: Iterable[str]) -> int:
    """What an index of keys bills: an entry that moves is removed and written, one unit each."""
    old, new = ([item.get(name) for name in keys] for item in (before, after))
    if old == new:
        return 0
    return int(None not in old) + int(None not in new)


def _each(found: list[Item], asked: int) -> int:
    """A key that was not found costs as much as a small item."""
    return sum(_units(item_bytes(item), READ_BYTES) for item in found) + asked - len(found)


def _billed(units: float, request: Mapping[str, Any]) -> float:
    """Half of it where the newest need not be seen."""
    return units if request.get("ConsistentRead") else units / 2


def _units(size: int, of: int) -> int:
    return max(1, -(-size // of))


class MeteredDynamoDB(FakeDynamoDB):
    """The engine in calm weather, counting what AWS would bill, of calls side by side too."""

    def __init__(self) -> None:
        super().__init__(seeded(0))
        self.weather.is_calm = True
        for table in self.database.tables.values():
            table.past = None
        self.write_units = 0
        self.read_units = 0.0
        self.items_read = 0
        self.calls = 0
        self.refused = 0
        self._in_batch = False
        self._adding = Lock()

    def forget_units(self) -> None:
        """Start counting again."""
        self.write_units = self.items_read = self.calls = self.refused = 0
        self.read_units = 0.0

    def _call(self, operation: str, request: dict[str, Any]) -> Answer:
        self.calls += 1
        self._bill_request(operation, request)
        self._in_batch = operation == "BatchExecuteStatement"
        try:
            answer = super()._call(operation, request)
        except ClientError:
            self.refused += 1
            raise
        self._bill_answer(operation, request, answer)
        return answer

    def _bill_request(self, operation: str, request: dict[str, Any]) -> None:
        """What writes cost whether or not their conditions hold."""
        if operation in ("PutItem", "UpdateItem"):
            self._bill_write(request["TableName"], request.get("Item") or request["Key"])
        for write in request.get("TransactItems", ()):
            self._bill_write(write["Put"]["TableName"], write["Put"]["Item"], times=2)

    def _bill_answer(self, operation: str, request: dict[str, Any], answer: Answer) -> None:
        if operation == "BatchGetItem":
            self.items_read += sum(map(len, answer["Responses"].values()))
        if operation == "Query":
            self.items_read += len(answer["Items"])
        if operation in ("BatchGetItem", "Query"):
            self._add_read(units_read(operation, request, answer))
        if operation == "Scan":
            self._bill_scan(request, answer)

    def _bill_scan(self, request: dict[str, Any], answer: Answer) -> None:
        """What was looked at, shown or not; of pages this large the last unit hardly counts."""
        items = self.items(request["TableName"])
        share = answer["ScannedCount"] / len(items) if items else 0
        self._add_read(_billed(share * sum(map(item_bytes, items)) / READ_BYTES, request))

    def _add_read(self, units: float) -> None:
        with self._adding:
            self.read_units += units

    def _changed(self, table: Table, before: Item | None, after: Item | None) -> None:
        if self._in_batch:
            self._bill(before, after)
        super()._changed(table, before, after)

    def _bill_write(self, name: str, item: Item, *, times: int = 1) -> None:
        table = self.database.table(name)
        self._bill(table.items.get(table.key_of(item)), item, times=times)

    def _bill(self, before: Item | None, after: Item | None, *, times: int = 1) -> None:
        self.write_units += times * units_written(before, after)
