"""DynamoDB's batch calls on the plain client: chunks, and what a call left undone."""

import random
from collections.abc import Iterator, Mapping, Sequence
from time import sleep
from typing import Any

from meterline.store.base.budgets import (
    BATCH_ATTEMPTS,
    FIRST_WAIT_MILLISECONDS,
    JITTER,
    MOST_WAIT_MILLISECONDS,
)
from meterline.store.base.clients import dynamodb

GET_LIMIT = 100
WRITE_LIMIT = 25
STATEMENT_LIMIT = 25

RETRIABLE = frozenset(
    {
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionConflict",
    }
)
"""The codes of a refused statement that may pass when it is tried again."""

type Item = dict[str, Any]


class Throttled(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """DynamoDB left a part of a batch undone, again and again; that part changed nothing."""


def batch_get(table: str, keys: Sequence[Item], *, is_consistent: bool = True) -> Iterator[Item]:
    """The items of these keys that exist, in no order: as last written, unless the caller can do
    with what was written shortly before, for half the read units.

    Raises ``Throttled`` when DynamoDB leaves some unread each time that it is asked.
    """
    for start in range(0, len(keys), GET_LIMIT):
        wanted = {table: keys[start : start + GET_LIMIT]}
        yield from (item for _, item in get_together(wanted, is_consistent=is_consistent))


def get_together(
    keys: Mapping[str, Sequence[Item]], *, is_consistent: bool = True
) -> Iterator[tuple[str, Item]]:
    """The items of these keys of several tables that exist, each with its table, in one request:
    100 keys at most. Raises ``Throttled`` as ``batch_get`` does.
    """
    pending: Mapping[str, Any] = {
        table: {"Keys": some, "ConsistentRead": is_consistent} for table, some in keys.items()
    }
    for _ in tries():
        answer = dynamodb().batch_get_item(RequestItems=pending)
        for table, items in answer["Responses"].items():
            yield from ((table, item) for item in items)
        pending = answer["UnprocessedKeys"]
        if not pending:
            return
    left = {table: len(request["Keys"]) for table, request in pending.items()}
    raise Throttled(f"keys could not be read: {left}")


def batch_write(table: str, requests: Sequence[Item]) -> None:
    """Put and delete items, each by itself; ``requests`` are as ``BatchWriteItem`` takes them.

    Raises ``Throttled`` when DynamoDB leaves some undone each time; the others may be done.
    """
    for start in range(0, len(requests), WRITE_LIMIT):
        pending: Sequence[Item] = requests[start : start + WRITE_LIMIT]
        for _ in tries():
            answer = dynamodb().batch_write_item(RequestItems={table: pending})
            pending = answer["UnprocessedItems"].get(table, [])
            if not pending:
                break
        else:
            raise Throttled(f"{len(pending)} items of {table} could not be written")


def tries() -> Iterator[int]:
    """The tries that a batch has, by number; waits between them."""
    for number in range(BATCH_ATTEMPTS):
        if number:
            back_off(number - 1)
        yield number


def back_off(
    attempt: int,
    *,
    first_milliseconds: int = FIRST_WAIT_MILLISECONDS,
    most_milliseconds: int = MOST_WAIT_MILLISECONDS,
) -> None:
    """Sleep before trying again: jittered around 20 ms, then doubling."""
    longest = min(most_milliseconds, first_milliseconds << attempt)
    sleep(random.uniform(longest / 2, longest * JITTER) / 1_000)  # noqa: S311 - not a secret
