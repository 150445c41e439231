"""What some work asks of AWS, in memory: its calls, what they cost by AWS's rule, and its logs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from threading import Lock
from typing import Any, NamedTuple
from unittest.mock import patch

from botocore.client import BaseClient

from meterline.store.base.settings import settings
from tests.benchmarks.units import units_of_indexes, units_read, units_written
from tests.benchmarks.waits import Waits
from tests.dynamodb.partiql import parsed
from tests.dynamodb.values import Item
from tests.engines import TABLES, resources, table_definition

_TAKEN_BY_LAMBDA = 26
"""What CloudWatch Logs bills beside each line."""

_INDEXES = {
    index["IndexName"]: tuple(part["AttributeName"] for part in index["KeySchema"])
    for index in resources("AWS::DynamoDB::Table")["BillingTable"]["GlobalSecondaryIndexes"]
}
_READS = ("GetItem", "Query", "BatchGetItem")


class Write(NamedTuple):
    """One write of a call: what it puts, if it puts a whole item. Transactions cost two times."""

    table: str
    key: Item
    put: Item | None = None
    times: int = 1


@dataclass(slots=True)
class Traffic:
    """The calls of some work, the units that AWS bills for them, and the bytes logged.

    Refused writes cost too, and each change of an index.
    """

    calls: list[str] = field(default_factory=list)
    read_units: float = 0.0
    write_units: int = 0
    index_units: Counter[str] = field(default_factory=Counter)
    """What of the write units is of an index, by its name."""
    reads_of: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """The read units of each table."""
    logged_bytes: int = 0
    _waits: Waits = field(default_factory=Waits)
    _lock: Lock = field(default_factory=Lock)

    @property
    def round_trips(self) -> int:
        """The calls that had to wait for another, and the first; calls side by side count once."""
        return self._waits.longest

    @contextmanager
    def recorded(self) -> Iterator["Traffic"]:
        """Record what happens inside."""
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def recording(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
            writes = writes_of(client, operation, request)
            before = [_stored(send, client, write) for write in writes]
            with self._lock:
                self.calls.append(operation)
                self._waits.call()
            try:
                answer = send(client, operation, request)
            finally:
                after = [write.put or _stored(send, client, write) for write in writes]
                self._end(map(_units, writes, before, after))
            if operation in _READS:
                with self._lock:
                    for table, units in _reads(operation, request, answer):
                        self.read_units += units
                        self.reads_of[table] += units
            return answer

        output = StringIO()
        with (
            patch.object(BaseClient, "_make_api_call", recording),
            self._waits.followed(),
            redirect_stdout(output),
        ):
            yield self
        lines = output.getvalue().splitlines()
        self.logged_bytes += sum(len(line.encode()) + _TAKEN_BY_LAMBDA for line in lines)

    def _end(self, written: Iterable[tuple[int, Counter[str]]]) -> None:
        with self._lock:
            for of_table, of_indexes in written:
                self.write_units += of_table + of_indexes.total()
                self.index_units += of_indexes


def writes_of(client: BaseClient, operation: str, request: dict[str, Any]) -> list[Write]:
    """What a call writes; of an operation that is not known here the units are not known either."""
    match operation:
        case "PutItem":
            return [_put(request["TableName"], request["Item"])]
        case "UpdateItem" | "DeleteItem":
            return [Write(request["TableName"], request["Key"])]
        case "TransactWriteItems":
            asked = [next(iter(each.values())) for each in request["TransactItems"]]
            writes = [
                _put(each["TableName"], each["Item"])
                if "Item" in each
                else Write(each["TableName"], each["Key"])
                for each in asked
            ]
            return [write._replace(times=2) for write in writes]
        case "BatchWriteItem":
            return [
                _put(table, each["PutRequest"]["Item"])
                if "PutRequest" in each
                else Write(table, each["DeleteRequest"]["Key"])
                for table, requests in request["RequestItems"].items()
                for each in requests
            ]
        case "BatchExecuteStatement":
            return [_stated(**statement) for statement in request["Statements"]]
    if client.meta.service_model.service_name == "dynamodb" and operation not in _READS:
        raise NotImplementedError(operation)
    return []


def _reads(
    operation: str, request: dict[str, Any], answer: Mapping[str, Any]
) -> Iterator[tuple[str, float]]:
    """The read units of each table that a call reads."""
    if operation != "BatchGetItem":
        yield request["TableName"], units_read(operation, request, answer)
        return
    for table, asked in request["RequestItems"].items():
        found = {"Responses": {table: answer["Responses"].get(table, [])}}
        yield table, units_read(operation, {"RequestItems": {table: asked}}, found)


def _put(table: str, item: Item) -> Write:
    return Write(table, {name: item[name] for name in _key_names(table)}, item)


def _stated(Statement: str, Parameters: list[Any], **_: object) -> Write:  # noqa: N803 - as boto3 has them
    """The write of a statement: one that asks for nothing inserts an item."""
    statement = parsed(Statement)
    named = dict(zip([*statement.sets, *statement.terms], Parameters, strict=True))
    if not statement.terms:
        return _put(statement.table, named)
    return Write(statement.table, {name: named[name] for name in _key_names(statement.table)})


def _key_names(table: str) -> list[str]:
    [name] = [name for name in TABLES if getattr(settings(), f"{name}_table") == table]
    return [part["AttributeName"] for part in table_definition(name)["KeySchema"]]


def _stored(send: Any, client: BaseClient, write: Write) -> Item:
    request = {"TableName": write.table, "Key": write.key, "ConsistentRead": True}
    stored: Item = send(client, "GetItem", request).get("Item", {})
    return stored


def _units(write: Write, before: Item, after: Item) -> tuple[int, Counter[str]]:
    """Of the table, and of each index."""
    indexes = _INDEXES if write.table == settings().billing_table else {}
    of_indexes = {name: units_of_indexes(before, after, names) for name, names in indexes.items()}
    return write.times * units_written(before, after), Counter(of_indexes)
