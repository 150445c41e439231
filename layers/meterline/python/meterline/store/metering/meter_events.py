"""The MeterEvents table: each accepted event once, under its identity.

The key is made of 16 bytes of the identifier's digest; those bytes are the event's identity in
counters and segments, so every counted row leads back to its event. The item also remembers which
request wrote it: a request that repeats itself because its answer was lost finds its own event.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from meterline.store.base.batches import (
    RETRIABLE,
    STATEMENT_LIMIT,
    Throttled,
    batch_get,
    tries,
)
from meterline.store.base.clients import dynamodb
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings

IDENTITY_BYTES = 16
_DAY_SECONDS = 86_400
_KEY_CHARACTERS = 24
_STRIDE_BYTES = 18
"""The 22 characters of an identity and two more stand for so many bytes."""


type Item = dict[str, Any]

_ATTRIBUTES = (
    "identifier",
    "name",
    "event_name",
    "meter",
    "measure",
    "customer",
    "value",
    "timestamp",
    "accepted_at",
    "payload",
    "request",
    "fingerprint",
    "expires_at",
)
_PLACES = ", ".join(f"'{name}': ?" for name in _ATTRIBUTES)
_MARK = "in_parcel"


class AcceptedEvent(NamedTuple):
    """An event as accepted: resolved to its meter and customer once and for all.

    ``measure`` is the meter's formula and window; ``timestamp`` is in UTC seconds, ``accepted_at``
    in UTC microseconds of the wall clock; ``payload`` is its JSON text. ``request`` identifies the
    request that sent it, ``fingerprint`` what it said. ``in_parcel`` marks one that its request
    also puts in a parcel.
    """

    livemode: bool
    identifier: str
    event_name: str
    meter: str
    measure: str
    customer: str
    value: str
    timestamp: int
    accepted_at: int
    payload: str
    request: bytes
    fingerprint: bytes
    cancelled_at: int | None = None
    in_parcel: bool = False


def identity_of(identifier: str) -> bytes:
    """The 16 bytes that stand for an identifier."""
    return hashlib.sha256(identifier.encode()).digest()[:IDENTITY_BYTES]


def key_of(livemode: bool, identity: bytes) -> str:  # noqa: FBT001 - a part of the key
    """The key of the event with this identity."""
    return f"{mode(livemode)}#{base64.urlsafe_b64encode(identity)[:-2].decode()}"


def identities_from_keys(keys: Sequence[str]) -> list[bytes]:
    """The identities in many keys, decoded at once; ValueError unless all are keys of events."""
    if not keys:
        return []
    if set(map(len, keys)) != {_KEY_CHARACTERS}:
        raise ValueError("a key that is not of an event")
    data = base64.urlsafe_b64decode("AA".join([key[2:] for key in keys]) + "AA")
    if len(data) != len(keys) * _STRIDE_BYTES:
        raise ValueError("a key that is not of an event")
    return [data[at : at + IDENTITY_BYTES] for at in range(0, len(data), _STRIDE_BYTES)]


def insert(event: AcceptedEvent) -> AcceptedEvent | None:
    """Store ``event`` unless its identifier is taken; the event that holds it then, else None."""
    client = dynamodb()
    try:
        client.put_item(
            TableName=settings().meter_events_table,
            Item=_item(event),
            ConditionExpression="attribute_not_exists(identifier)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except client.exceptions.ConditionalCheckFailedException as error:
        return _event(error.response["Item"])
    return None


def insert_many(events: Sequence[AcceptedEvent]) -> list[AcceptedEvent | None]:
    """Store each of ``events`` (distinct identifiers): None, or who holds its identifier."""
    if not events:
        return []
    if len(events) == 1:
        return [insert(events[0])]
    taken: list[int] = []
    for start in range(0, len(events), STATEMENT_LIMIT):
        taken += _insert_batch(events, list(range(len(events))[start : start + STATEMENT_LIMIT]))
    holders = read([(events[place].livemode, events[place].identifier) for place in taken])
    return [holders.get(event.identifier) for event in events]


def read(identifiers: Sequence[tuple[bool, str]]) -> dict[str, AcceptedEvent]:
    """The events with these (livemode, identifier) that exist, by identifier, consistently."""
    keys = [key_of(livemode, identity_of(identifier)) for livemode, identifier in identifiers]
    return {event.identifier: event for event in _read_keys(keys)}


def read_identities(livemode: bool, identities: Iterable[bytes]) -> list[AcceptedEvent]:  # noqa: FBT001 - part of a key
    """The events with these identities that exist, consistently."""
    return _read_keys([key_of(livemode, identity) for identity in identities])


def cancel(livemode: bool, identifier: str, *, now: int) -> None:  # noqa: FBT001 - part of a key
    """Mark an existing event as cancelled, once: the mark reaches counting through the stream."""
    client = dynamodb()
    try:
        client.update_item(
            TableName=settings().meter_events_table,
            Key={"identifier": {"S": key_of(livemode, identity_of(identifier))}},
            UpdateExpression="SET cancelled_at = :now",
            ConditionExpression=(
                "attribute_exists(identifier) AND attribute_not_exists(cancelled_at)"
            ),
            ExpressionAttributeValues={":now": {"N": str(now)}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return


def _read_keys(keys: Sequence[str]) -> list[AcceptedEvent]:
    places = [{"identifier": {"S": key}} for key in dict.fromkeys(keys)]
    return [_event(item) for item in batch_get(settings().meter_events_table, places)]


def _insert_batch(events: Sequence[AcceptedEvent], places: list[int]) -> list[int]:
    """Insert the events at ``places`` in one call; gives the places whose identifier was taken."""
    table = settings().meter_events_table
    plain = f'INSERT INTO "{table}" VALUE {{{_PLACES}}}'
    marked = f"INSERT INTO \"{table}\" VALUE {{{_PLACES}, '{_MARK}': ?}}"
    taken: list[int] = []
    for _ in tries():
        statements = [
            {
                "Statement": marked if events[place].in_parcel else plain,
                "Parameters": _values(events[place]),
            }
            for place in places
        ]
        answers = dynamodb().batch_execute_statement(Statements=statements)["Responses"]
        codes = [answer["Error"]["Code"] if "Error" in answer else None for answer in answers]
        if not any(codes):
            return taken
        taken += [place for place, code in zip(places, codes, strict=True) if _is_taken(code)]
        places = [place for place, code in zip(places, codes, strict=True) if code in RETRIABLE]
        _refuse_unknown(codes)
        if not places:
            return taken
    raise Throttled(f"{len(places)} events could not be stored")


def _is_taken(code: str | None) -> bool:
    return code in ("DuplicateItem", "ConditionalCheckFailed")


def _refuse_unknown(codes: Sequence[str | None]) -> None:
    for code in codes:
        if code is not None and not _is_taken(code) and code not in RETRIABLE:
            raise RuntimeError(f"DynamoDB refused an event: {code}")


def _item(event: AcceptedEvent) -> Item:
    names = (*_ATTRIBUTES, _MARK) if event.in_parcel else _ATTRIBUTES
    return dict(zip(names, _values(event), strict=True))


def _values(event: AcceptedEvent) -> list[dict[str, Any]]:
    """The values of the stored item's attributes, in their order."""
    mark = [{"BOOL": True}] if event.in_parcel else []
    return [
        {"S": key_of(event.livemode, identity_of(event.identifier))},
        {"S": event.identifier},
        {"S": event.event_name},
        {"S": event.meter},
        {"S": event.measure},
        {"S": event.customer},
        {"S": event.value},
        {"N": str(event.timestamp)},
        {"N": str(event.accepted_at)},
        {"S": event.payload},
        {"B": event.request},
        {"B": event.fingerprint},
        {"N": str(event.accepted_at // 1_000_000 + settings().event_retention_days * _DAY_SECONDS)},
        *mark,
    ]


def _event(item: Item) -> AcceptedEvent:
    cancelled_at = item.get("cancelled_at")
    return AcceptedEvent(
        livemode=item["identifier"]["S"].startswith("l#"),
        identifier=item["name"]["S"],
        event_name=item["event_name"]["S"],
        meter=item["meter"]["S"],
        measure=item["measure"]["S"],
        customer=item["customer"]["S"],
        value=item["value"]["S"],
        timestamp=int(item["timestamp"]["N"]),
        accepted_at=int(item["accepted_at"]["N"]),
        payload=item["payload"]["S"],
        request=item["request"]["B"],
        fingerprint=item["fingerprint"]["B"],
        cancelled_at=int(cancelled_at["N"]) if cancelled_at else None,
        in_parcel=_MARK in item,
    )
