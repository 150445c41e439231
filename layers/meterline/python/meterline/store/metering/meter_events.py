"""The MeterEvents table: each accepted event once, under its identity.

The key is made of 16 bytes of the identifier's digest; those bytes are the event's identity in
counters and segments, so every counted row leads back to its event. The item also remembers which
request wrote it: a request that repeats itself because its answer was lost finds its own event.
"""

import base64
import hashlib
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from meterline.core.metering import payload_texts
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
from meterline.store.base.stream_images import as_bytes

IDENTITY_BYTES = 16
REQUEST_BYTES, FINGERPRINT_BYTES = 8, 4
"""Of the digests of requests and of what they said. Requests are compared where identifiers are
equal; what they said where requests are equal too, to notice a mistake of whoever sends.
"""

_DAY_SECONDS = 86_400
_UUID_CHARACTERS = 36
_HEXADECIMAL = re.compile(r"[0-9a-f]{32}", re.ASCII)
_KEY_CHARACTERS = 24
_STRIDE_BYTES = 18
"""The 22 characters of an identity and two more stand for so many bytes."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


type Item = dict[str, Any]

SHORT_NAMES = {
    "event_name": "e",
    "meter": "m",
    "measure": "a",
    "customer": "c",
    "value": "v",
    "timestamp": "t",
    "accepted_at": "u",
    "request": "r",
    "fingerprint": "f",
}
"""Attributes under the names that they are stored by: an event has each name, for 45 days.

Before there were short ones they were stored by their own. The identifier's text and the payload
have other forms too: they are ``n`` and ``p``, and were ``name`` and ``payload``.
"""

_OWN_NAMES = {short: own for own, short in SHORT_NAMES.items()}
_ATTRIBUTES = ("identifier", "n", *SHORT_NAMES.values(), "p", "expires_at")
_PLACES = ", ".join(f"'{name}': ?" for name in _ATTRIBUTES)
_MARK = "in_parcel"
_COUNTED = ("meter", "customer", "value", "timestamp", "accepted_at", "measure")
_short_counted = itemgetter("identifier", *map(SHORT_NAMES.__getitem__, _COUNTED))
_own_counted = itemgetter("identifier", *_COUNTED)


class AcceptedEvent(NamedTuple):
    """An event as accepted: resolved to its meter and customer once and for all.

    ``measure`` is the meter's formula and window; ``timestamp`` is in UTC seconds, ``accepted_at``
    in UTC microseconds of the wall clock; ``payload`` is its JSON text, without control characters.
    ``request`` identifies the request that sent it, ``fingerprint`` what it said: the first bytes
    of their digests. ``in_parcel`` marks one that its request also puts in a parcel.
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
    text = b2a_base64(identity, newline=False).translate(_URL_SAFE)
    return f"{mode(livemode)}#{text[:-2].decode()}"


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
        _short_text(event.identifier),
        {"S": event.event_name},
        {"S": event.meter},
        {"S": event.measure},
        {"S": event.customer},
        {"S": event.value},
        {"N": str(event.timestamp)},
        {"N": str(event.accepted_at)},
        {"B": event.request},
        {"B": event.fingerprint},
        {"S": payload_texts.shortened(event.payload, event.customer, event.value)},
        {"N": str(event.accepted_at // 1_000_000 + settings().event_retention_days * _DAY_SECONDS)},
        *mark,
    ]


def counted_attributes(images: Iterable[Mapping[str, Any]]) -> list[tuple[dict[str, Any], ...]]:
    """What counting takes of each event, as its table or its stream shows it: its key, meter,
    customer, value, timestamp, receipt and measure.
    """
    return [_short_counted(image) if "m" in image else _own_counted(image) for image in images]


def attribute_names(*names: str) -> tuple[str, ...]:
    """The names that these attributes are stored by, of late and before."""
    return tuple(stored_name for name in names for stored_name in (SHORT_NAMES[name], name))


def with_own_names(image: Mapping[str, Any]) -> Item:
    """An event as its table or its stream shows it, its attributes under their own names."""
    item = {_OWN_NAMES.get(name, name): value for name, value in image.items()}
    if "n" in item:
        item["name"] = {"S": _whole_text(item.pop("n"))}
    if "p" in item:
        customer, value = item["customer"]["S"], item["value"]["S"]
        item["payload"] = {"S": payload_texts.whole(item.pop("p")["S"], customer, value)}
    return item


def replace_payload(stored: Mapping[str, Any], payload: str) -> bool:
    """Replace the payload of an event that was just read; False if another did meanwhile."""
    item = with_own_names(stored)
    name = "p" if "p" in stored else "payload"
    if name == "p":
        payload = payload_texts.shortened(payload, item["customer"]["S"], item["value"]["S"])
    client = dynamodb()
    try:
        client.update_item(
            TableName=settings().meter_events_table,
            Key={"identifier": stored["identifier"]},
            UpdateExpression="SET #payload = :after",
            ConditionExpression="#payload = :before",
            ExpressionAttributeNames={"#payload": name},
            ExpressionAttributeValues={":before": stored[name], ":after": {"S": payload}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _short_text(identifier: str) -> Item:
    """An identifier's text; that of a UUID, as most are, takes its 16 bytes."""
    if len(identifier) == _UUID_CHARACTERS:
        digits = identifier.replace("-", "")
        if _HEXADECIMAL.fullmatch(digits) and _with_hyphens(digits) == identifier:
            return {"B": bytes.fromhex(digits)}
    return {"S": identifier}


def _whole_text(value: Mapping[str, Any]) -> str:
    return str(value["S"]) if "S" in value else _with_hyphens(as_bytes(value).hex())


def _with_hyphens(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _event(stored: Item) -> AcceptedEvent:
    item = with_own_names(stored)
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
        request=item["request"]["B"][:REQUEST_BYTES],
        fingerprint=item["fingerprint"]["B"][:FINGERPRINT_BYTES],
        cancelled_at=int(cancelled_at["N"]) if cancelled_at else None,
        in_parcel=_MARK in item,
    )
