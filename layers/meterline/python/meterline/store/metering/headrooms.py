"""What is remembered of how far a customer's usage of a meter is from its next threshold.

It stands beside the counters, under ``w#<what for>``. Whoever is to add the usage up forgets it
first: then whoever looks meanwhile has to forget it and add it up as well, and no change of a
counter can fall between what was added up and what is remembered of it. ``generation`` grows with
each write, so that what is remembered is of the last who forgot.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.metering.aggregation import Formula
from meterline.core.metering.headroom import Headroom
from meterline.store.base.batches import batch_get
from meterline.store.base.clients import dynamodb
from meterline.store.base.settings import settings
from meterline.store.metering.usage import partition

type Item = dict[str, Any]


class UsageKey(NamedTuple):
    """Whose usage of which meter."""

    livemode: bool
    meter: str
    customer: str


@frozen
class Remembered:
    """A headroom as stored, None if it is forgotten; ``basis`` tells what it was decided on."""

    generation: int = 0
    basis: str = ""
    headroom: Headroom | None = None


NOTHING = Remembered()


def read_headrooms(keys: Sequence[UsageKey], purpose: str) -> dict[UsageKey, Remembered]:
    """What is remembered, as last written; in one request for each hundred."""
    by_place = {_place(key, purpose)["pk"]["S"]: key for key in keys}
    found = dict.fromkeys(keys, NOTHING)
    places = [_place(key, purpose) for key in by_place.values()]
    for item in batch_get(settings().usage_table, places):
        found[by_place[item["pk"]["S"]]] = _remembered(item)
    return found


def forget_headroom(key: UsageKey, purpose: str) -> Remembered:
    """Forget what is remembered, before the usage is added up.

    From then on nobody who forgot before can remember what was added up meanwhile.
    """
    answer = dynamodb().update_item(
        TableName=settings().usage_table,
        Key=_place(key, purpose),
        UpdateExpression="ADD generation :one REMOVE each_hour",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues="UPDATED_NEW",
    )
    return Remembered(int(answer["Attributes"]["generation"]["N"]))


def save_headroom(
    key: UsageKey, purpose: str, forgotten: Remembered, basis: str, headroom: Headroom
) -> None:
    """Remember a headroom, unless another wrote since it was ``forgotten``."""
    client = dynamodb()
    try:
        client.put_item(
            TableName=settings().usage_table,
            Item=_place(key, purpose) | _fields(forgotten.generation + 1, basis, headroom),
            **_unchanged(forgotten),
        )
    except client.exceptions.ConditionalCheckFailedException:
        return


def _unchanged(seen: Remembered) -> dict[str, Any]:
    if seen.generation == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "generation = :seen",
        "ExpressionAttributeValues": {":seen": {"N": str(seen.generation)}},
    }


def _place(key: UsageKey, purpose: str) -> Item:
    return {"pk": {"S": partition(*key)}, "sk": {"S": f"w#{purpose}"}}


def _fields(generation: int, basis: str, headroom: Headroom) -> Item:
    item: Item = {
        "generation": {"N": str(generation)},
        "basis": {"S": basis},
        "formula": {"S": headroom.formula.value},
        "each_hour": {"S": str(headroom.share)},
    }
    if headroom.hours is not None:
        levels = sorted(headroom.levels.items())
        item["first"] = {"N": str(headroom.hours.start)}
        item["hours"] = {"N": str(len(headroom.hours))}
        item["levels"] = {
            "S": " ".join(
                f"{hour - headroom.hours.start}:{format_decimal(level)}" for hour, level in levels
            )
        }
    return item


def _remembered(item: Item) -> Remembered:
    generation = int(item["generation"]["N"])
    if "each_hour" not in item:
        return Remembered(generation)
    hours, levels = None, {}
    if "first" in item:
        first = int(item["first"]["N"])
        hours = range(first, first + int(item["hours"]["N"]))
        pairs = (pair.split(":") for pair in item["levels"]["S"].split())
        levels = {first + int(place): Decimal(level) for place, level in pairs}
    formula = Formula(item["formula"]["S"])
    headroom = Headroom(formula, Decimal(item["each_hour"]["S"]), hours, levels)
    return Remembered(generation, item["basis"]["S"], headroom)
