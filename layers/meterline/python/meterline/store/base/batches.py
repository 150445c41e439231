"""DynamoDB's batch calls on the plain client: chunks, and what a call left undone."""

import random
from collections.abc import Iterator, Sequence
from time import sleep
from typing import Any

from meterline.store.base.clients import dynamodb

GET_LIMIT = 100
STATEMENT_LIMIT = 25
ATTEMPTS = 8

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
    """DynamoDB left a part of a batch undone, again and again; nothing of it was changed."""


def batch_get(table: str, keys: Sequence[Item]) -> Iterator[Item]:
    """The items of these keys that exist, as last written (consistently), in no order."""
    for start in range(0, len(keys), GET_LIMIT):
        pending: Sequence[Item] = keys[start : start + GET_LIMIT]
        for attempt in range(ATTEMPTS):
            request = {table: {"Keys": pending, "ConsistentRead": True}}
            answer = dynamodb().batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(table, ())
            pending = answer["UnprocessedKeys"].get(table, {}).get("Keys", [])
            if not pending:
                break
            back_off(attempt)
        else:
            raise Throttled(f"{len(pending)} keys of {table} could not be read")


def back_off(attempt: int, *, first_milliseconds: int = 20, most_milliseconds: int = 1_000) -> None:
    """Sleep before trying again: jittered around 20 ms, then doubling."""
    longest = min(most_milliseconds, first_milliseconds << attempt)
    sleep(random.uniform(longest / 2, longest * 1.5) / 1_000)  # noqa: S311 - not a secret
