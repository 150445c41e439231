"""Idempotency records: who works on a request, what it committed, and what it answered.

A record is *running* from its claim (under a lease), *committed* once the business transaction has
marked it (``store.commit`` does that, with the lease as its condition), and *answered* when the
response is stored. Only the holder of the lease can commit, so an attempt that outlives its lease
cannot take effect after another one took over.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from meterline.store.clients import dynamodb
from meterline.store.documents import Receipt
from meterline.store.settings import settings

LEASE_SECONDS = 45
"""Longer than any API function may run, so a lease that ended belongs to a dead attempt."""
RETENTION_SECONDS = 86_400


class State(StrEnum):
    """How far a request has come."""

    RUNNING = "running"
    COMMITTED = "committed"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Record:
    """An idempotency record as stored."""

    state: State
    fingerprint: str
    request_id: str
    lease: str
    leased_until: int
    expires_at: int
    result_id: str = ""
    status: int = 0
    answer: bytes = b""


def claim(pk: str, fingerprint: str, request_id: str, now: int) -> Receipt | Record:
    """Start the request under ``pk``: the receipt of this attempt, or the record that is there.

    An expired record, and one whose attempt died before it committed, is taken over.
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
        client.put_item(
            TableName=settings().access_table,
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
    """Keep the response for replays; without effect if another attempt took over meanwhile."""
    client = dynamodb()
    try:
        client.update_item(
            TableName=settings().access_table,
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
    except client.exceptions.ConditionalCheckFailedException:
        return


def release(receipt: Receipt) -> None:
    """Forget a request that was refused, so that its key may be used again."""
    client = dynamodb()
    try:
        client.delete_item(
            TableName=settings().access_table,
            Key={"pk": {"S": receipt.pk}},
            ConditionExpression="#lease = :lease AND #state = :running",
            ExpressionAttributeNames={"#lease": "lease", "#state": "state"},
            ExpressionAttributeValues={
                ":lease": {"S": receipt.lease},
                ":running": {"S": State.RUNNING.value},
            },
        )
    except client.exceptions.ConditionalCheckFailedException:
        return


def _record(item: dict[str, Any]) -> Record:
    return Record(
        state=State(item["state"]["S"]),
        fingerprint=item["fingerprint"]["S"],
        request_id=item["request_id"]["S"],
        lease=item["lease"]["S"],
        leased_until=int(item["leased_until"]["N"]),
        expires_at=int(item["expires_at"]["N"]),
        result_id=item.get("result_id", {}).get("S", ""),
        status=int(item.get("status", {}).get("N", "0")),
        answer=item.get("answer", {}).get("B", b""),
    )
