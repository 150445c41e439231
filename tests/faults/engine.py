"""An in-memory DynamoDB for exactly the calls of metering, with a place for faults around them.

It knows the conditions that metering writes and no others, refuses anything else, and serves reads
that are not consistent from the past. That it agrees with a real engine is tested beside it.
"""

import copy
import random
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests import partiql

type Item = dict[str, Any]
type Key = tuple[str, ...]

KEYS = {"meter_events": ("identifier",), "usage": ("pk", "sk")}


def seeded(seed: int) -> random.Random:
    """Chance that a seed decides."""
    return random.Random(seed)


class ConditionalCheckFailedError(ClientError):
    """A condition was not met."""


class TransactionCanceledError(ClientError):
    """A condition of a transaction was not met."""


class Exceptions:
    """The error classes as a boto3 client carries them."""

    ConditionalCheckFailedException = ConditionalCheckFailedError
    TransactionCanceledException = TransactionCanceledError


class FakeDynamoDB:
    """The two tables. ``around`` is called before and after each call, ``between`` between the
    statements of a batch; both may raise.
    """

    exceptions = Exceptions

    def __init__(self, chance: random.Random) -> None:
        self.tables: dict[str, dict[Key, Item]] = {name: {} for name in KEYS}
        self.past: dict[str, dict[Key, Item]] = {name: {} for name in KEYS}
        self.order: dict[str, list[str]] = {}
        self.around: Callable[[str, str], None] = lambda when, call: None  # noqa: ARG005
        self.between: Callable[[], None] = lambda: None
        self.on_event: Callable[[str, Item], None] = lambda kind, item: None  # noqa: ARG005
        self.page_items = 5
        self.leaves_undone = True
        self.unseen: set[Key] = set()
        """Segments of the latest transaction, which the next query does not show yet."""
        self._chance = chance

    def put_item(self, **request: Any) -> Item:
        return self._call("put_item", lambda: self._put(request))

    def update_item(self, **request: Any) -> Item:
        return self._call("update_item", lambda: self._update(request))

    def batch_get_item(self, **request: Any) -> Item:
        return self._call("batch_get_item", lambda: self._batch_get(request["RequestItems"]))

    def query(self, **request: Any) -> Item:
        return self._call("query", lambda: self._query(request))

    def transact_write_items(self, **request: Any) -> Item:
        return self._call("transact_write_items", lambda: self._transact(request["TransactItems"]))

    def batch_execute_statement(self, **request: Any) -> Item:
        statements = request["Statements"]
        return self._call("batch_execute_statement", lambda: self._execute_each(statements))

    def _execute_each(self, statements: list[dict[str, Any]]) -> Item:
        """Each statement by itself: others may come in between, and the rest may never come."""
        answers: list[Item] = []
        for statement in statements:
            if answers:
                self.between()
            answers.append(self._execute(statement))
        return {"Responses": answers}

    def _call(self, name: str, act: Callable[[], Item]) -> Item:
        self.around("before", name)
        answer = copy.deepcopy(act())
        self.around("after", name)
        return answer

    def _put(self, request: dict[str, Any]) -> Item:
        table, item = request["TableName"], request["Item"]
        old = self.tables[table].get(key_of_item(table, item))
        if not _holds(request, old):
            raise ConditionalCheckFailedError(
                _error("ConditionalCheckFailedException", Item=old), "Put"
            )
        self._write(table, item)
        return {}

    def _update(self, request: dict[str, Any]) -> Item:
        table = request["TableName"]
        old = self.tables[table].get(key_of_item(table, request["Key"]))
        if not _holds(request, old):
            raise ConditionalCheckFailedError(_error("ConditionalCheckFailedException"), "Update")
        assert request["UpdateExpression"] == "SET cancelled_at = :now"
        changed = request["ExpressionAttributeValues"][":now"]
        self._write(table, (old or request["Key"]) | {"cancelled_at": changed})
        return {}

    def _execute(self, statement: dict[str, Any]) -> Item:
        if self.leaves_undone and self._chance.random() < 0.02:
            return {"Error": {"Code": "ThrottlingError"}}
        return partiql.execute(statement, self._find, self._write)

    def _find(self, table: str, item: Item) -> Item | None:
        return self.tables[table].get(key_of_item(table, item))

    def _transact(self, writes: list[dict[str, Any]]) -> Item:
        puts = [write["Put"] for write in writes]
        keys = {(put["TableName"], key_of_item(put["TableName"], put["Item"])) for put in puts}
        assert len(keys) == len(puts) <= 100
        olds = [self.tables[put["TableName"]].get(_place(put)) for put in puts]
        held = [_holds(put, old) for put, old in zip(puts, olds, strict=True)]
        if not all(held):
            reasons = [{"Code": "None" if ok else "ConditionalCheckFailed"} for ok in held]
            error = _error("TransactionCanceledException", CancellationReasons=reasons)
            raise TransactionCanceledError(error, "TransactWriteItems")
        for put in puts:
            self._write(put["TableName"], put["Item"])
        if self.leaves_undone and self._chance.random() < 0.2:
            self.unseen = {key for _, key in keys if key[-1].startswith("s#")}
        return {}

    def _batch_get(self, requests: dict[str, Any]) -> Item:
        [(table, request)] = requests.items()
        source = self._source(table, request)
        wanted = [key_of_item(table, key) for key in request["Keys"]]
        assert len(set(wanted)) == len(wanted) <= 100
        undone: list[Item] = []
        if self.leaves_undone and len(wanted) > 1 and self._chance.random() < 0.05:
            undone = request["Keys"][-1:]
            wanted = wanted[:-1]
        found = [source[key] for key in wanted if key in source]
        left = {table: {"Keys": undone}} if undone else {}
        return {"Responses": {table: found}, "UnprocessedKeys": left}

    def _query(self, request: dict[str, Any]) -> Item:
        """One page of a partition between two sort keys."""
        assert request["KeyConditionExpression"] == "pk = :pk AND sk BETWEEN :low AND :high"
        values = request["ExpressionAttributeValues"]
        pk, low, high = (values[name]["S"] for name in (":pk", ":low", ":high"))
        after = request.get("ExclusiveStartKey", {"sk": {"S": ""}})["sk"]["S"]
        source = self._source(request["TableName"], request)
        order = self.order.get(pk, [])
        start = max(bisect_left(order, low), bisect_right(order, after))
        places = order[start : bisect_right(order, high)]
        keys = [(pk, place) for place in places if (pk, place) in source]
        shown = [key for key in keys if key not in self.unseen]
        self.unseen -= set(keys)
        keys = shown
        page = keys[: self.page_items]
        answer: Item = {"Items": [source[key] for key in page]}
        if len(keys) > len(page):
            answer["LastEvaluatedKey"] = {"pk": {"S": pk}, "sk": {"S": page[-1][1]}}
        return answer

    def _source(self, table: str, request: dict[str, Any]) -> dict[Key, Item]:
        consistent = request.get("ConsistentRead", False)
        return self.tables[table] if consistent else self.past[table]

    def _write(self, table: str, item: Item) -> None:
        key = key_of_item(table, item)
        old = self.tables[table].get(key)
        if old is None and table == "usage":
            insort(self.order.setdefault(key[0], []), key[1])
        if self.leaves_undone and self._chance.random() < 0.1:
            self.past[table] = dict(self.tables[table])
        self.tables[table][key] = copy.deepcopy(item)
        if table == "meter_events":
            self.on_event("MODIFY" if old else "INSERT", copy.deepcopy(item))


def key_of_item(table: str, item: Item) -> Key:
    """The key of an item, or of a key."""
    return tuple(item[name]["S"] for name in KEYS[table])


def _place(put: dict[str, Any]) -> Key:
    return key_of_item(put["TableName"], put["Item"])


def _holds(request: dict[str, Any], old: Item | None) -> bool:
    """Whether the request's condition holds for the stored item."""
    expression = request.get("ConditionExpression")
    if expression is None:
        return True
    values = request.get("ExpressionAttributeValues", {})
    return all(_term(term, old or {}, values) for term in expression.split(" AND "))


def _term(term: str, item: Item, values: Item) -> bool:
    if match := re.fullmatch(r"attribute_(not_)?exists\((\w+)\)", term):
        return (match[2] in item) != bool(match[1])
    match = re.fullmatch(r"(\w+) = (:\w+)", term)
    assert match, term
    return bool(item.get(match[1]) == values[match[2]])


def _error(code: str, **more: Any) -> Any:
    return {"Error": {"Code": code, "Message": code}, **more}
