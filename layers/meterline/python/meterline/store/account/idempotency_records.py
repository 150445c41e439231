"""Idempotency records: who works on a request, what it committed, and what it answered.

A record is *running* from its claim (under a lease), *committed* once the business transaction has
marked it (``store.commit`` does that, with the lease as its condition), and *answered* when the
response is stored. Only the holder of the lease can commit, so an attempt that outlives its lease
cannot take effect after another one took over.
"""

import random
import secrets
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.store.base.budgets import LEASE_SECONDS
from meterline.store.base.clients import dynamodb
from meterline.store.base.documents import Receipt
from meterline.store.base.settings import settings

RETENTION_SECONDS = 86_400
_TRIES = 4
_BACK_OFF_SECONDS = 0.02


class State(StrEnum):
    """How far a request has come."""

    RUNNING = "running"
    COMMITTED = "committed"
    ANSWERED = "answered"


class RecordBusyError(Exception):
    """A transaction was still at work on the record each time that it was to be written."""


@frozen
class Record:
    """An idempotency record as stored."""

    state: State
    fingerprint: str
    request_id: str
    lease: str
    expires_at: int
    result_id: str = ""
    status: int = 0
    answer: bytes = b""


def claim(pk: str, fingerprint: str, request_id: str, now: int) -> Receipt | Record:
    """Start the request under ``pk``: the receipt of this attempt, or the record that is there.

    An expired record, and one whose attempt died before it committed, is taken over.
    RecordBusyError while another attempt commits.
    """
    lease = secrets.token_hex(8)
    item = {
        "pk": {"S": pk},
        "state": {"S": State.RUNNING.value},
        "fingerprint": {"S": fingerprint},
        "request_id": {"S": request_id},
        "lease": {"S": lease},
        "leased_until": {"N": str(now + LEASE_SECONDS)},
        "expires_at": {"N": str(now + RETENTION_SECONDS)},
    }
    client = dynamodb()
    try:
        _write(
            client.put_item,
            Item=item,
            ConditionExpression=(
                "attribute_not_exists(pk) OR expires_at <= :now OR "
                "(#state = :running AND leased_until <= :now AND fingerprint = :fingerprint)"
            ),
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":now": {"N": str(now)},
                ":running": {"S": State.RUNNING.value},
                ":fingerprint": {"S": fingerprint},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except client.exceptions.ConditionalCheckFailedException as refused:
        return _record(refused.response["Item"])
    return Receipt(pk, lease)


def store_answer(receipt: Receipt, status: int, answer: bytes) -> None:
    """Keep the response for replays; without effect if another attempt took over meanwhile.

    Nor if a transaction holds the record: a replay finds the committed result, and renders it.
    """
    client = dynamodb()
    try:
        _write(
            client.update_item,
            Key={"pk": {"S": receipt.pk}},
            UpdateExpression="SET #state = :answered, #status = :status, answer = :answer",
            ConditionExpression="#lease = :lease",
            ExpressionAttributeNames={"#state": "state", "#status": "status", "#lease": "lease"},
            ExpressionAttributeValues={
                ":answered": {"S": State.ANSWERED.value},
                ":status": {"N": str(status)},
                ":answer": {"B": answer},
                ":lease": {"S": receipt.lease},
            },
        )
    except (client.exceptions.ConditionalCheckFailedException, RecordBusyError):
        return


def release(receipt: Receipt) -> None:
    """Forget a request that was refused, so that its key may be used again.

    If a transaction holds the record, the end of the lease forgets it.
    """
    client = dynamodb()
    try:
        _write(
            client.delete_item,
            Key={"pk": {"S": receipt.pk}},
            ConditionExpression="#lease = :lease AND #state = :running",
            ExpressionAttributeNames={"#lease": "lease", "#state": "state"},
            ExpressionAttributeValues={
                ":lease": {"S": receipt.lease},
                ":running": {"S": State.RUNNING.value},
            },
        )
    except (client.exceptions.ConditionalCheckFailedException, RecordBusyError):
        return


def _write(call: Callable[..., Any], **parameters: Any) -> None:  # noqa: ANN401 - DynamoDB's own
    """Write to the table; waits for a transaction that is at work on the same item."""
    conflict = dynamodb().exceptions.TransactionConflictException
    for attempt in range(_TRIES):
        try:
            call(TableName=settings().access_table, **parameters)
        except conflict:
            time.sleep(random.uniform(0, _BACK_OFF_SECONDS * 2**attempt))  # noqa: S311 - jitter
        else:
            return
    raise RecordBusyError


def _record(item: dict[str, Any]) -> Record:
    return Record(
        state=State(item["state"]["S"]),
        fingerprint=item["fingerprint"]["S"],
        request_id=item["request_id"]["S"],
        lease=item["lease"]["S"],
        expires_at=int(item["expires_at"]["N"]),
        result_id=item.get("result_id", {}).get("S", ""),
        status=int(item.get("status", {}).get("N", "0")),
        answer=item.get("answer", {}).get("B", b""),
    )
