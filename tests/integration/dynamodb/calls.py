"""Calls of DynamoDB as rows of a table: what is asked, and what must be answered."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

type Value = dict[str, Any]
type Item = dict[str, Value]

PARTITION = "{partition}"
"""Stands for the partition of the case."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, and what is expected of it: parts of its answer, or an error."""

    operation: str
    request: dict[str, Any]
    answer: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    message: str = ""
    reasons: tuple[str, ...] | None = None
    reason_items: tuple[Item | None, ...] | None = None

    def gives(self, **answer: Any) -> "Call":
        """The answer has these members; one that is None is absent."""
        return replace(self, answer=answer)

    def refused(self, error: str, message: str = "") -> "Call":
        """The call fails with an error, whose message has these words."""
        return replace(self, error=error, message=message)

    def invalid(self, message: str = "") -> "Call":
        """The request is not one that DynamoDB takes."""
        return self.refused("ValidationException", message)

    def cancelled(self, *reasons: str, items: tuple[Item | None, ...] | None = None) -> "Call":
        """The transaction is refused for these reasons, one for each operation."""
        return replace(
            self, error="TransactionCanceledException", reasons=reasons, reason_items=items
        )


@dataclass(frozen=True, slots=True)
class Case:
    """A rule of DynamoDB, and the calls that show it."""

    rule: str
    calls: tuple[Call, ...]
    not_on: dict[str, str] = field(default_factory=dict)
    """Engines that do otherwise, and how."""

    def but(self, **engines: str) -> "Case":
        """The case, save for engines that are known to differ."""
        return replace(self, not_on=engines)


def case(rule: str, *calls: Call) -> Case:
    """A row."""
    return Case(rule, calls)


def value(plain: Any) -> Value:
    """A plain value in DynamoDB's notation."""
    kind, content = next(to(plain) for known, to in _NOTATIONS if isinstance(plain, known))
    return {kind: content}


def _set(members: set[Any]) -> tuple[str, list[str]]:
    kind = "NS" if all(isinstance(member, int) for member in members) else "SS"
    return kind, sorted(map(str, members))


_NOTATIONS: list[tuple[Any, Callable[[Any], tuple[str, Any]]]] = [
    (bool, lambda plain: ("BOOL", plain)),
    (type(None), lambda _: ("NULL", True)),
    ((int, Decimal), lambda plain: ("N", str(plain))),
    (str, lambda plain: ("S", plain)),
    (bytes, lambda plain: ("B", plain)),
    (set, _set),
    (list, lambda plain: ("L", [value(one) for one in plain])),
    (dict, lambda plain: ("M", {name: value(one) for name, one in plain.items()})),
]


def item(sk: str = "#", **attributes: Any) -> Item:
    """An item of the case's partition; a dictionary with one capital letter is a value itself."""
    keys = {"pk": {"S": PARTITION}, "sk": {"S": sk}}
    return {**keys, **{name: raw(one) for name, one in attributes.items()}}


def raw(plain: Any) -> Value:
    """A value that may be written in DynamoDB's notation already."""
    is_raw = isinstance(plain, dict) and set(plain) <= {"S", "N", "B", "SS", "NS", "BS", "M", "L"}
    return plain if is_raw and plain else value(plain)


def values(**given: Any) -> dict[str, Any]:
    """The member of a request that says what placeholders stand for."""
    return {"ExpressionAttributeValues": {f":{name}": raw(one) for name, one in given.items()}}


def put(new: Item, condition: str | None = None, **more: Any) -> Call:
    """PutItem."""
    return Call("PutItem", {"Item": new, **_condition(condition), **more})


def update(
    expression: str | None, sk: str = "#", condition: str | None = None, **more: Any
) -> Call:
    """UpdateItem."""
    text = {"UpdateExpression": expression} if expression else {}
    return Call("UpdateItem", {"Key": item(sk), **text, **_condition(condition), **more})


def delete(sk: str = "#", condition: str | None = None, **more: Any) -> Call:
    """DeleteItem."""
    return Call("DeleteItem", {"Key": item(sk), **_condition(condition), **more})


def get(sk: str = "#", **more: Any) -> Call:
    """GetItem, consistent."""
    return Call("GetItem", {"Key": item(sk), "ConsistentRead": True, **more})


def has(sk: str = "#", **attributes: Any) -> Call:
    """The item is there, with these attributes and no others."""
    return get(sk).gives(Item=item(sk, **attributes))


def lacks(sk: str = "#") -> Call:
    """The item is not there."""
    return get(sk).gives(Item=None)


def query(condition: str = "pk = :pk", index: str | None = None, **more: Any) -> Call:
    """Query; ``:pk`` is the case's partition."""
    given = {f":{name}": raw(one) for name, one in more.pop("values", {}).items()}
    request: dict[str, Any] = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {":pk": {"S": PARTITION}, **given},
    }
    request |= {"IndexName": index} if index else {"ConsistentRead": True}
    return Call("Query", request | more)


def transact(*operations: tuple[str, dict[str, Any]], **more: Any) -> Call:
    """TransactWriteItems."""
    return Call(
        "TransactWriteItems",
        {"TransactItems": [dict([operation]) for operation in operations], **more},
    )


def in_transaction(call: Call) -> tuple[str, dict[str, Any]]:
    """A write of one item as a part of a transaction."""
    return call.operation.removesuffix("Item"), call.request


def check(condition: str, sk: str = "#", **more: Any) -> tuple[str, dict[str, Any]]:
    """ConditionCheck in a transaction."""
    return "ConditionCheck", {"Key": item(sk), "ConditionExpression": condition, **more}


def holds(condition: str, **more: Any) -> Call:
    """The item meets the condition."""
    return transact(check(condition, **more))


def fails(condition: str, **more: Any) -> Call:
    """The item does not meet the condition."""
    return holds(condition, **more).cancelled("ConditionalCheckFailed")


def batch_get(*sks: str, **more: Any) -> Call:
    """BatchGetItem, consistent."""
    keys = [item(sk) for sk in sks]
    return Call(
        "BatchGetItem",
        {"RequestItems": {"{table}": {"Keys": keys, "ConsistentRead": True, **more}}},
    )


def batch_write(*writes: dict[str, Any]) -> Call:
    """BatchWriteItem."""
    return Call("BatchWriteItem", {"RequestItems": {"{table}": list(writes)}})


def putting(new: Item) -> dict[str, Any]:
    """A put in a batch."""
    return {"PutRequest": {"Item": new}}


def deleting(sk: str) -> dict[str, Any]:
    """A deletion in a batch."""
    return {"DeleteRequest": {"Key": item(sk)}}


def statements(*pairs: tuple[str, list[Any]], **more: Any) -> Call:
    """BatchExecuteStatement; ``{table}`` in a text is the table."""
    asked = [
        {"Statement": text, "Parameters": [raw(one) for one in given], **more}
        for text, given in pairs
    ]
    return Call("BatchExecuteStatement", {"Statements": asked})


def _condition(text: str | None) -> dict[str, Any]:
    return {} if text is None else {"ConditionExpression": text}
