"""Capacity units by AWS's rule, in one place.

A write costs one unit for each KB of the item, the greater of before and after, rounded up; double
in a transaction; refused conditions cost too. A consistent read costs one unit for each 4 KB: each
item by itself in a batch, the sum in a query. An item is the sum of its names and values in UTF-8;
a number is one byte for two digits, and one more.
"""

from typing import Any

from botocore.exceptions import ClientError

from tests import partiql
from tests.faults.engine import FakeDynamoDB, Item, key_of_item, seeded

WRITE_BYTES = 1_024
READ_BYTES = 4_096


def item_bytes(item: Item | None) -> int:
    """The size of an item in DynamoDB's notation."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in (item or {}).items())


def _value_bytes(value: dict[str, Any]) -> int:
    for kind, data in value.items():
        if kind == "N":
            digits = data.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + int(data.startswith("-"))
        if kind in ("S", "B"):
            return len(data.encode() if kind == "S" else data)
    raise ValueError(f"metering stores no {value}")


def _units(size: int, of: int) -> int:
    return max(1, -(-size // of))


class MeteredDynamoDB(FakeDynamoDB):
    """The simulator's engine without its moods, counting the units that AWS would bill."""

    def __init__(self) -> None:
        super().__init__(seeded(0))
        self.leaves_undone = False
        self.page_items = 1_000_000
        self.write_units = 0
        self.read_units = 0
        self.items_read = 0
        self.calls = 0
        self.refused = 0

    def forget_units(self) -> None:
        """Start counting again."""
        self.write_units = self.read_units = self.items_read = self.calls = self.refused = 0

    def _call(self, name: str, act: Any) -> Item:
        self.calls += 1
        self.around("before", name)
        try:
            answer: Item = act()
        except ClientError:
            self.refused += 1
            raise
        self.around("after", name)
        return answer

    def _put(self, request: dict[str, Any]) -> Item:
        self._bill_write(request["TableName"], request["Item"])
        return super()._put(request)

    def _update(self, request: dict[str, Any]) -> Item:
        self._bill_write(request["TableName"], request["Key"])
        return super()._update(request)

    def _execute(self, statement: dict[str, Any]) -> Item:
        def write(table: str, item: Item) -> None:
            self._bill_write(table, item)
            self._write(table, item)

        return partiql.execute(statement, self._find, write)

    def _transact(self, writes: list[dict[str, Any]]) -> Item:
        for write in writes:
            self._bill_write(write["Put"]["TableName"], write["Put"]["Item"], times=2)
        return super()._transact(writes)

    def _batch_get(self, requests: dict[str, Any]) -> Item:
        answer = super()._batch_get(requests)
        [(table, request)] = requests.items()
        found = answer["Responses"][table]
        self.items_read += len(found)
        self.read_units += sum(_units(item_bytes(item), READ_BYTES) for item in found)
        self.read_units += len(request["Keys"]) - len(found)
        return answer

    def _query(self, request: dict[str, Any]) -> Item:
        answer = super()._query(request)
        self.items_read += len(answer["Items"])
        self.read_units += _units(sum(map(item_bytes, answer["Items"])), READ_BYTES)
        return answer

    def _bill_write(self, table: str, item: Item, *, times: int = 1) -> None:
        old = self.tables[table].get(key_of_item(table, item))
        size = max(item_bytes(item), item_bytes(old))
        self.write_units += times * _units(size, WRITE_BYTES)
