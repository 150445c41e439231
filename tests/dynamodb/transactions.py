"""Transactions: all writes or none, each at most once for a client's token."""

from typing import Any

from tests.dynamodb.refusals import Refused, invalid
from tests.dynamodb.requests import Answer, Request
from tests.dynamodb.store import Store
from tests.dynamodb.values import Item, size
from tests.dynamodb.writes import (
    Write,
    prepared_check,
    prepared_delete,
    prepared_put,
    prepared_update,
)

MOST_OPERATIONS = 100
MOST_BYTES = 4 * 1024 * 1024
_PREPARES = {
    "Put": prepared_put,
    "Update": prepared_update,
    "Delete": prepared_delete,
    "ConditionCheck": prepared_check,
}
_HELD: dict[str, Any] = {"Code": "None"}


def transact_write_items(store: Store, asked: Request) -> Answer:
    """Do all writes, or none and give the reasons; what a token already did is not done again."""
    operations = asked["TransactItems"]
    if not 0 < len(operations) <= MOST_OPERATIONS:
        raise invalid(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
            "Member must have length less than or equal to 100"
        )
    token = asked.get("ClientRequestToken")
    if token in store.committed:
        if store.committed[token] != repr(asked):
            raise Refused(
                "IdempotentParameterMismatchException",
                "The request was submitted with an idempotency token that was used before with "
                "other parameters",
            )
        return {}
    _write(store, [_prepared(store, operation) for operation in operations])
    if token is not None:
        store.committed[token] = repr(asked)
    return {}


def _prepared(store: Store, operation: Request) -> Write:
    [(verb, request)] = operation.items()
    return _PREPARES[verb](store, request)


def _write(store: Store, writes: list[Write]) -> None:
    places = {(write.table.name, write.key) for write in writes}
    if len(places) != len(writes):
        raise invalid("Transaction request cannot include multiple operations on one item")
    made: list[Item | None] = []
    reasons = [_reason(write, made) for write in writes]
    if any(reason is not _HELD for reason in reasons):
        codes = ", ".join(reason["Code"] for reason in reasons)
        raise Refused(
            "TransactionCanceledException",
            "Transaction cancelled, please refer cancellation reasons for specific reasons "
            f"[{codes}]",
            CancellationReasons=reasons,
        )
    if sum(size(item) for item in made if item is not None) > MOST_BYTES:
        raise invalid("Transaction request cannot be larger than 4 MB")
    for one, item in zip(writes, made, strict=True):
        if item is not one.before:
            store.write(one.table, one.key, item)
    store.faults.committed([write.key for write in writes])


def _reason(write: Write, made: list[Item | None]) -> dict[str, Any]:
    """Why a write can't be done, or that it can: then what it makes is added to ``made``."""
    if not write.holds():
        message = "The conditional request failed"
        return {
            "Code": "ConditionalCheckFailed",
            "Message": message,
            **write.shown_if_refused(),
        }
    try:
        made.append(write.make(write.before))
    except Refused as refusal:
        return {"Code": "ValidationError", "Message": refusal.response["Error"]["Message"]}
    return _HELD
