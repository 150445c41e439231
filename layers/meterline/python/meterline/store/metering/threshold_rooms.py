"""What is remembered of how far a customer's usage is from billing thresholds.

One item of the Usage table holds it for all meters of the customer: what is left to a threshold is
divided among them, so they are remembered together. It is forgotten and remembered by the rules of
``headrooms``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.metering.aggregation import Formula
from meterline.core.metering.headroom import Headroom
from meterline.store.base.batches import batch_get
from meterline.store.base.clients import dynamodb
from meterline.store.base.keys import mode
from meterline.store.base.packing import pack, unpack
from meterline.store.base.settings import settings

type Item = dict[str, Any]


@frozen
class RememberedRooms:
    """The headrooms of meters as stored, and what they count for; None of a meter that may not
    change at all. Other meters have nothing to do with the thresholds. ``may_recover`` says that no
    meter of them may fall.
    """

    generation: int = 0
    basis: str = ""
    until: int = 0
    may_recover: bool = False
    rooms: Mapping[str, Headroom | None] = field(default_factory=dict)


NOTHING = RememberedRooms()


def read_rooms(livemode: bool, customers: Iterable[str]) -> dict[str, RememberedRooms]:  # noqa: FBT001 - a part of the key
    """What is remembered of customers, as last written; in one request for each hundred."""
    by_place = {_place(livemode, customer)["pk"]["S"]: customer for customer in customers}
    found = dict.fromkeys(by_place.values(), NOTHING)
    places = [_place(livemode, customer) for customer in by_place.values()]
    for item in batch_get(settings().usage_table, places):
        found[by_place[item["pk"]["S"]]] = _remembered(item)
    return found


def forget_rooms(livemode: bool, customer: str) -> int:  # noqa: FBT001 - a part of the key
    """Forget what is remembered, before anything is read; gives the generation to save after."""
    answer = dynamodb().update_item(
        TableName=settings().usage_table,
        Key=_place(livemode, customer),
        UpdateExpression="ADD generation :one REMOVE rooms",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    return int(answer["Attributes"]["generation"]["N"])


def save_rooms(livemode: bool, customer: str, remembered: RememberedRooms) -> None:  # noqa: FBT001 - a part of the key
    """Remember headrooms, unless another wrote since they were forgotten as this generation."""
    client = dynamodb()
    rooms = {
        meter: None if room is None else _packed(room) for meter, room in remembered.rooms.items()
    }
    try:
        client.put_item(
            TableName=settings().usage_table,
            Item={
                **_place(livemode, customer),
                "generation": {"N": str(remembered.generation + 1)},
                "basis": {"S": remembered.basis},
                "until": {"N": str(remembered.until)},
                "may_recover": {"BOOL": remembered.may_recover},
                "rooms": {"B": pack(rooms)},
            },
            ConditionExpression="generation = :seen",
            ExpressionAttributeValues={":seen": {"N": str(remembered.generation)}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return


def _place(livemode: bool, customer: str) -> Item:  # noqa: FBT001 - a part of the key
    return {"pk": {"S": f"{mode(livemode)}#thresholds#{customer}"}, "sk": {"S": "w#thresholds"}}


def _packed(room: Headroom) -> dict[str, Any]:
    hours = room.hours
    levels = {str(hour): format_decimal(level) for hour, level in sorted(room.levels.items())}
    packed: dict[str, Any] = {"formula": room.formula.value, "share": str(room.share)}
    if hours is not None:
        packed |= {"first": hours.start, "stop": hours.stop, "levels": levels}
    return packed


def _remembered(item: Item) -> RememberedRooms:
    generation = int(item["generation"]["N"])
    if "rooms" not in item:
        return RememberedRooms(generation)
    packed = unpack(item["rooms"]["B"])
    rooms = {meter: None if room is None else _unpacked(room) for meter, room in packed.items()}
    basis, until = item["basis"]["S"], int(item["until"]["N"])
    may_recover = item.get("may_recover", {}).get("BOOL", False)
    return RememberedRooms(generation, basis, until, may_recover, rooms)


def _unpacked(packed: Mapping[str, Any]) -> Headroom:
    hours = range(packed["first"], packed["stop"]) if "first" in packed else None
    levels = {int(hour): Decimal(level) for hour, level in packed.get("levels", {}).items()}
    return Headroom(Formula(packed["formula"]), Decimal(packed["share"]), hours, levels)
