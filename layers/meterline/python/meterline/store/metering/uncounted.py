"""Events that may not be counted yet, remembered for customers on test clocks only.

A test clock can be advanced the moment after usage was sent, and the invoice that falls due then
must hold that usage. So acceptance remembers such events before it stores them, and advancing the
clock waits until all of them are counted. On the wall clock, invoices wait an hour.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from meterline.store.base.clients import dynamodb
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings
from meterline.store.metering.meter_events import IDENTITY_BYTES

NOTE_SECONDS = 3_600
"""After an hour such an event is ignored: counting is broken then, and an alarm rings."""


def note(livemode: bool, customer: str, identities: Sequence[bytes], now_microseconds: int) -> None:  # noqa: FBT001 - part of a key
    """Note events of a customer that are about to be stored or cancelled (a hundred at most)."""
    joined = b"".join(identities)
    item: dict[str, Any] = {
        "pk": {"S": _pk(livemode, customer)},
        "sk": {"S": f"{now_microseconds:016d}#{identities[0].hex()}"},
        "identities": {"B": joined},
        "expires_at": {"N": str(now_microseconds // 1_000_000 + NOTE_SECONDS)},
    }
    dynamodb().put_item(TableName=settings().usage_table, Item=item)


def noted(livemode: bool, customer: str, now: int) -> Iterator[bytes]:  # noqa: FBT001 - part of a key
    """The identities in the notes of the last hour."""
    request: dict[str, Any] = {
        "TableName": settings().usage_table,
        "KeyConditionExpression": "pk = :pk AND sk > :oldest",
        "ExpressionAttributeValues": {
            ":pk": {"S": _pk(livemode, customer)},
            ":oldest": {"S": f"{(now - NOTE_SECONDS) * 1_000_000:016d}"},
        },
        "ConsistentRead": True,
    }
    while True:
        answer = dynamodb().query(**request)
        for item in answer["Items"]:
            joined = item["identities"]["B"]
            for start in range(0, len(joined), IDENTITY_BYTES):
                yield joined[start : start + IDENTITY_BYTES]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _pk(livemode: bool, customer: str) -> str:  # noqa: FBT001 - part of a key
    return f"{mode(livemode)}#uncounted#{customer}"
