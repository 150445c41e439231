"""An in-memory DynamoDB for long runs: what the product asks of its tables, twenty times as fast.

It takes the place of the wire to DynamoDB for one process. Expressions are those of DynamoDB's
grammar that the product writes; any other is refused. That it answers as moto does is tested beside
it.
"""

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests import partiql
from tests.engines import TABLES, resources

type Item = dict[str, Any]
type Key = tuple[Any, ...]
type Names = Mapping[str, str]
type Values = Mapping[str, Any]
type Test = Callable[[Item, Names, Values], bool]
type Operand = Callable[[Item, Names, Values], Any]

_MAX_PAGE_ITEMS = 1_000
_MAX_STATEMENTS = 25
_MAX_OPERATIONS = 100
_MAX_ITEM_BYTES = 400 * 1024
_MAX_TRANSACTION_BYTES = 4 * 1024 * 1024
_MAX_HASH_KEY_BYTES = 2_048
_MAX_RANGE_KEY_BYTES = 1_024
_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),]|[:#]?[A-Za-z0-9_]+)")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a is not None and a < b,
    "<=": lambda a, b: a is not None and a <= b,
    ">": lambda a, b: a is not None and a > b,
    ">=": lambda a, b: a is not None and a >= b,
}


def plain(value: Item | None) -> Any:
    """An attribute's value as Python compares it; None if it is absent."""
    if value is None:
        return None
    [(kind, content)] = value.items()
    return Decimal(content) if kind == "N" else content


class _Parser:
    """A condition, by DynamoDB's grammar: OR binds weaker than AND, AND weaker than NOT."""

    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.place = 0

    def whole(self) -> Test:
        test = self._any()
        assert self.place == len(self.tokens), f"not understood: {self.tokens[self.place :]}"
        return test

    def _next(self) -> str:
        token: str = self.tokens[self.place]
        self.place += 1
        return token

    def _is_next(self, word: str) -> bool:
        there = self.place < len(self.tokens) and self.tokens[self.place].upper() == word
        self.place += there
        return there

    def _any(self) -> Test:
        tests = [self._all()]
        while self._is_next("OR"):
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda *given: any(test(*given) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._is_next("AND"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda *given: all(test(*given) for test in tests)

    def _one(self) -> Test:
        if self._is_next("NOT"):
            test = self._one()
            return lambda *given: not test(*given)
        if self._is_next("("):
            test = self._any()
            assert self._is_next(")")
            return test
        word = self._next()
        if self._is_next("("):
            return self._function(word)
        return self._comparison(_operand(word))

    def _function(self, name: str) -> Test:
        first = _operand(self._next())
        second = _operand(self._next()) if self._is_next(",") else None
        assert self._is_next(")")
        if name == "attribute_exists":
            return lambda *given: first(*given) is not None
        if name == "attribute_not_exists":
            return lambda *given: first(*given) is None
        assert name == "begins_with", name
        assert second is not None
        return lambda *given: (first(*given) or "").startswith(second(*given))

    def _comparison(self, left: Operand) -> Test:
        sign = self._next()
        if sign.upper() == "BETWEEN":
            low = _operand(self._next())
            assert self._is_next("AND")
            high = _operand(self._next())
            return lambda *given: low(*given) <= left(*given) <= high(*given)
        holds, right = _COMPARISONS[sign], _operand(self._next())
        return lambda *given: holds(left(*given), right(*given))


def _operand(word: str) -> Operand:
    if word.startswith(":"):
        return lambda _item, _names, values: plain(values[word])
    return lambda item, names, _values: plain(item.get(names.get(word, word)))


@cache
def condition(text: str) -> Test:
    """The test that a condition expression means."""
    return _Parser(text).whole()


@cache
def assignments(text: str) -> list[tuple[str, str]]:
    """The attributes that an update expression sets, and the values it sets them to."""
    assert text.startswith("SET "), text
    pairs = [part.split("=") for part in text.removeprefix("SET ").split(",")]
    return [(name.strip(), value.strip()) for name, value in pairs]


@cache
def additions(text: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The attributes that an update expression adds values to, and those that it removes."""
    found = re.fullmatch(r"ADD (\S+) (:\w+)(?: REMOVE (\S+))?", text)
    assert found is not None, text
    return [(found[1], found[2])], [found[3]] if found[3] else []


def _sum(before: Item | None, more: Item) -> Item:
    """A number with another one added, or a set with the elements of another one."""
    [(kind, added)] = more.items()
    if kind == "N":
        return {"N": str(Decimal((before or {}).get("N", "0")) + Decimal(added))}
    return {kind: sorted({*(before or {}).get(kind, ()), *added})}


class Order:
    """One order of a table's items: its own, or an index's; sorted within each partition."""

    def __init__(self, hash_key: str, range_key: str | None) -> None:
        self.hash_key = hash_key
        self.range_key = range_key
        self.partitions: dict[Any, list[tuple[Any, Key]]] = {}

    def place(self, item: Item, key: Key) -> tuple[Any, tuple[Any, Key]] | None:
        """Where an item stands; None if it is not part of the order."""
        if self.hash_key not in item or (self.range_key and self.range_key not in item):
            return None
        within = plain(item[self.range_key]) if self.range_key else ""
        return plain(item[self.hash_key]), (within, key)

    def check(self, item: Item) -> None:
        """See that the keys of an item are not longer than DynamoDB takes."""
        for name, most in (
            (self.hash_key, _MAX_HASH_KEY_BYTES),
            (self.range_key, _MAX_RANGE_KEY_BYTES),
        ):
            if name in item:
                assert len(str(plain(item[name])).encode()) <= most, f"{name} is too long"

    def change(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Move an item from where it stood to where it stands."""
        old = self.place(before, key) if before else None
        new = self.place(after, key) if after else None
        if old == new:
            return
        if old is not None:
            rows = self.partitions[old[0]]
            del rows[bisect_left(rows, old[1])]
        if new is not None:
            insort(self.partitions.setdefault(new[0], []), new[1])


class Table:
    """The items of one table by their keys, and their orders."""

    def __init__(self, name: str) -> None:
        logical_id = "".join(word.capitalize() for word in name.split("_")) + "Table"
        properties = resources("AWS::DynamoDB::Table")[logical_id]
        self.key = _names_of(properties["KeySchema"])
        self.items: dict[Key, Item] = {}
        self.written: list[tuple[Key, Item | None]] = []
        """Every write since the mark, if one was set: what was at a key before it."""
        self.is_marked = False
        self.orders: dict[str | None, Order] = {None: Order(*_padded(self.key))}
        for index in properties.get("GlobalSecondaryIndexes", []):
            self.orders[index["IndexName"]] = Order(*_padded(_names_of(index["KeySchema"])))

    def key_of(self, item: Item) -> Key:
        """The key of an item, or of a key."""
        return tuple(plain(item[name]) for name in self.key)

    def write(self, key: Key, item: Item | None) -> None:
        """Put an item, or delete it."""
        if self.is_marked:
            self.written.append((key, self.items.get(key)))
        self._set(key, item)

    def mark(self) -> None:
        """Keep what is here, and note every write from now on: ``rewind`` comes back to here."""
        self.is_marked = True
        self.written.clear()

    def rewind(self) -> None:
        """Undo everything that was written since the mark."""
        for key, before in reversed(self.written):
            self._set(key, before)
        self.written.clear()

    def _set(self, key: Key, item: Item | None) -> None:
        before = self.items.get(key)
        if item is None:
            self.items.pop(key, None)
        else:
            assert _size(item) <= _MAX_ITEM_BYTES, f"{key} is too large"
            self.items[key] = item
        for order in self.orders.values():
            order.check(item or {})
            order.change(key, before, item)


class MemoryDynamoDB:
    """The tables, behind botocore's way to DynamoDB."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.tables = {names[name]: Table(name) for name in TABLES}

    def connect(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Answer what this process asks of DynamoDB; other services are reached as before."""
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def answered(client: BaseClient, operation: str, arguments: dict[str, Any]) -> object:
            if client.meta.service_model.service_name != "dynamodb":
                return send(client, operation, arguments)
            try:
                return self.call(operation, arguments)
            except ClientError as refused:
                known: Any = client.exceptions
                kind = known.from_code(refused.response["Error"]["Code"])
                raise kind(refused.response, operation) from None

        monkeypatch.setattr(BaseClient, "_make_api_call", answered)

    def call(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What DynamoDB answers to an operation."""
        answer: dict[str, Any] = getattr(self, f"_{operation}")(arguments)
        return {"ResponseMetadata": {"HTTPStatusCode": 200}, **answer}

    def _GetItem(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        table = self.tables[asked["TableName"]]
        found = table.items.get(table.key_of(asked["Key"]))
        return {"Item": dict(found)} if found is not None else {}

    def _BatchGetItem(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        responses = {}
        for name, request in asked["RequestItems"].items():
            table = self.tables[name]
            keys = [table.key_of(key) for key in request["Keys"]]
            assert len(set(keys)) == len(keys) <= _MAX_OPERATIONS
            responses[name] = [dict(table.items[key]) for key in keys if key in table.items]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def _PutItem(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        return self._write_one(asked, asked["Item"], asked["Item"])

    def _DeleteItem(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        return self._write_one(asked, asked["Key"], None)

    def _UpdateItem(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        return self._write_one(asked, asked["Key"], self._updated(asked))

    def _BatchWriteItem(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        for name, writes in asked["RequestItems"].items():
            table = self.tables[name]
            for write in writes:
                item = write.get("PutRequest", {}).get("Item")
                key = table.key_of(item or write["DeleteRequest"]["Key"])
                table.write(key, item)
        return {"UnprocessedItems": {}}

    def _BatchExecuteStatement(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        def find(name: str, item: Item) -> Item | None:
            return self.tables[name].items.get(self.tables[name].key_of(item))

        def write(name: str, item: Item) -> None:
            self.tables[name].write(self.tables[name].key_of(item), item)

        statements = asked["Statements"]
        assert len(statements) <= _MAX_STATEMENTS
        return {"Responses": [partiql.execute(one, find, write) for one in statements]}

    def _TransactWriteItems(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        writes = [
            (verb, request) for one in asked["TransactItems"] for verb, request in one.items()
        ]
        assert len(writes) <= _MAX_OPERATIONS, "too many operations"
        written = sum(_size(request.get("Item", {})) for _, request in writes)
        assert written <= _MAX_TRANSACTION_BYTES, "too many bytes"
        places = [
            (self.tables[request["TableName"]], request.get("Item") or request["Key"])
            for _, request in writes
        ]
        keys = [table.key_of(place) for table, place in places]
        assert len(set(zip(map(id, self._of(places)), keys, strict=True))) == len(keys), "repeated"
        held = [
            _holds(request, table.items.get(key))
            for (_, request), (table, _), key in zip(writes, places, keys, strict=True)
        ]
        if not all(held):
            reasons = [{"Code": "None" if ok else "ConditionalCheckFailed"} for ok in held]
            raise _refusal("TransactionCanceledException", CancellationReasons=reasons)
        for (verb, request), (table, _), key in zip(writes, places, keys, strict=True):
            if verb == "Update":
                table.write(key, self._updated(request))
            elif verb != "ConditionCheck":
                table.write(key, request.get("Item"))
        return {}

    def _Query(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        table = self.tables[asked["TableName"]]
        order = table.orders[asked.get("IndexName")]
        names, values = (
            asked.get("ExpressionAttributeNames", {}),
            asked["ExpressionAttributeValues"],
        )
        test = condition(asked["KeyConditionExpression"])
        limit = min(asked.get("Limit", _MAX_PAGE_ITEMS), _MAX_PAGE_ITEMS)
        found = (table.items[key] for key in self._rows(table, order, asked))
        rows = [item for item in found if test(item, names, values)]
        end = {"LastEvaluatedKey": _place(table, order, rows[limit - 1])} if rows[limit:] else {}
        is_index = order is not table.orders[None]
        page = [_place(table, order, row) if is_index else dict(row) for row in rows[:limit]]
        return {"Items": page, "Count": len(page), "ScannedCount": len(page), **end}

    def _Scan(self, asked: Item) -> Item:  # noqa: N802 - DynamoDB's name
        return {"Items": [dict(one) for one in self.tables[asked["TableName"]].items.values()]}

    def _rows(self, table: Table, order: Order, asked: Item) -> Iterator[Key]:
        """The keys of a partition from the page's start on, within the sort keys asked for."""
        names, values = (
            asked.get("ExpressionAttributeNames", {}),
            asked["ExpressionAttributeValues"],
        )
        found = re.search(r"(\S+) = (:\w+)", asked["KeyConditionExpression"])
        assert found is not None
        assert names.get(found[1].lstrip("("), found[1].lstrip("(")) == order.hash_key
        rows = order.partitions.get(plain(values[found[2]]), [])
        first, last = _bounds(asked["KeyConditionExpression"], values, rows)
        forward = asked.get("ScanIndexForward", True)
        start = asked.get("ExclusiveStartKey")
        if start is not None:
            place = order.place(start, table.key_of(start))
            assert place is not None
            if forward:
                first = max(first, bisect_right(rows, place[1]))
            else:
                last = min(last, bisect_left(rows, place[1]))
        within = rows[first:last]
        return (key for _, key in (within if forward else reversed(within)))

    def _write_one(self, asked: Item, place: Item, item: Item | None) -> Item:
        table = self.tables[asked["TableName"]]
        key = table.key_of(place)
        if not _holds(asked, table.items.get(key)):
            raise _refusal("ConditionalCheckFailedException")
        table.write(key, item)
        return {}

    def _updated(self, asked: Item) -> Item:
        table = self.tables[asked["TableName"]]
        names, values = (
            asked.get("ExpressionAttributeNames", {}),
            asked["ExpressionAttributeValues"],
        )
        stored = table.items.get(table.key_of(asked["Key"])) or asked["Key"]
        if asked["UpdateExpression"].startswith("ADD "):
            added, removed = additions(asked["UpdateExpression"])
            sums = {name: _sum(stored.get(name), values[value]) for name, value in added}
            return {name: one for name, one in {**stored, **sums}.items() if name not in removed}
        changes = {
            names.get(name, name): values[value]
            for name, value in assignments(asked["UpdateExpression"])
        }
        return {**stored, **changes}

    @staticmethod
    def _of(places: list[tuple[Table, Item]]) -> list[Table]:
        return [table for table, _ in places]


def _bounds(expression: str, values: Values, rows: list[tuple[Any, Key]]) -> tuple[int, int]:
    """Which rows a range of sort keys can hold; the condition still judges each."""
    between = re.search(r"BETWEEN (:\w+) AND (:\w+)", expression)
    upto = re.search(r"<= (:\w+)", expression)
    low = plain(values[between[1]]) if between else None
    high = plain(values[(between[2] if between else upto[1])]) if between or upto else None  # type: ignore[index] # one matched
    first = 0 if low is None else bisect_left(rows, (low,))
    last = len(rows) if high is None else bisect_right(rows, high, key=lambda row: row[0])
    return first, last


def _holds(asked: Item, stored: Item | None) -> bool:
    text = asked.get("ConditionExpression")
    if text is None:
        return True
    names, values = (
        asked.get("ExpressionAttributeNames", {}),
        asked.get("ExpressionAttributeValues", {}),
    )
    return condition(text)(stored or {}, names, values)


def _place(table: Table, order: Order, item: Item) -> Item:
    """Where an item stands in an order: all that an index of keys holds of it."""
    wanted = {*table.key, order.hash_key, order.range_key}
    return {name: item[name] for name in wanted if name is not None}


def _names_of(schema: list[dict[str, str]]) -> tuple[str, ...]:
    return tuple(part["AttributeName"] for part in sorted(schema, key=lambda one: one["KeyType"]))


def _padded(names: tuple[str, ...]) -> tuple[str, str | None]:
    return names[0], names[1] if len(names) > 1 else None


def _size(item: Item) -> int:
    """The size of an item: its names and values in bytes, a number as long as it can be."""
    return sum(
        len(name.encode()) + (21 if kind == "N" else _content_size(content))
        for name, value in item.items()
        for kind, content in value.items()
    )


def _content_size(content: Any) -> int:
    if isinstance(content, str):
        return len(content.encode())
    if isinstance(content, bytes):
        return len(content)
    return sum(map(_content_size, content)) if isinstance(content, (list, set)) else 1


def _refusal(code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, "Operation")
