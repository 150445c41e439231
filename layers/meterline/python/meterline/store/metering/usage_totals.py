"""The total of a customer's old usage of a meter: what spares adding up years of hours again.

It stands beside the counters, under ``o#``, and holds the hours before ``through``. It is derived:
when a counter of those hours changes it is forgotten, and made again when it is next wanted.
``generation`` grows whenever it is forgotten, so that what was added up before cannot be stored
after.
"""

from decimal import Decimal
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.metering import distinct, packed_rows
from meterline.core.metering.aggregation import NOTHING, Aggregate, Measure, Row
from meterline.store.base.clients import dynamodb
from meterline.store.base.settings import settings
from meterline.store.metering.usage import HOUR_SECONDS, partition

MOST_DISTINCT = 10_000
"""A total of more distinct values is not kept: an item holds 400 KB."""

type Item = dict[str, Any]


@frozen
class OldTotal:
    """The usage before the hour ``through`` (whole hours since 1970); nothing before it is kept."""

    generation: int = 0
    through: int = 0
    aggregate: Aggregate = NOTHING


def read_old_total(livemode: bool, meter: str, customer: str, measure: Measure) -> OldTotal:  # noqa: FBT001 - a part of the key
    """The total as last stored."""
    answer = dynamodb().get_item(
        TableName=settings().usage_table,
        Key=_key(livemode, meter, customer),
        ConsistentRead=True,
    )
    return _total(answer["Item"], measure) if "Item" in answer else OldTotal()


def save_old_total(
    livemode: bool,  # noqa: FBT001 - a part of the key
    meter: str,
    customer: str,
    before: OldTotal,
    through: int,
    aggregate: Aggregate,
    measure: Measure,
) -> None:
    """Store a longer total, unless ``before`` was forgotten meanwhile, or is not to be kept."""
    if aggregate.distinct is not None and len(aggregate.distinct.digests) > MOST_DISTINCT:
        return
    client = dynamodb()
    try:
        client.put_item(
            TableName=settings().usage_table,
            Item=_key(livemode, meter, customer)
            | {"generation": {"N": str(before.generation)}, "through": {"N": str(through)}}
            | _fields(aggregate, measure),
            ConditionExpression="attribute_not_exists(pk) OR generation = :generation",
            ExpressionAttributeValues={":generation": {"N": str(before.generation)}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return


def forget_old_total(livemode: bool, meter: str, customer: str) -> None:  # noqa: FBT001 - a part of the key
    """Forget the total, and let nobody store one that was added up before."""
    dynamodb().update_item(
        TableName=settings().usage_table,
        Key=_key(livemode, meter, customer),
        UpdateExpression="ADD generation :one REMOVE through",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def _key(livemode: bool, meter: str, customer: str) -> Item:  # noqa: FBT001 - a part of the key
    return {"pk": {"S": partition(livemode, meter, customer)}, "sk": {"S": "o#"}}


def _fields(aggregate: Aggregate, measure: Measure) -> Item:
    item: Item = {
        "events": {"N": str(aggregate.count)},
        "total": {"S": format_decimal(aggregate.total)},
    }
    if aggregate.extreme is not None:
        item["extreme"] = {"S": format_decimal(aggregate.extreme)}
    if aggregate.chosen is not None:
        hour = aggregate.chosen.timestamp // HOUR_SECONDS
        item["chosen_hour"] = {"N": str(hour)}
        rows = packed_rows.pack([aggregate.chosen], hour * HOUR_SECONDS, measure)
        item["chosen"] = {"B": rows}
    if aggregate.distinct is not None:
        item["distinct"] = {"B": aggregate.distinct.pack()}
        item["sampled_below"] = {"S": str(aggregate.distinct.limit)}
    return item


def _total(item: Item, measure: Measure) -> OldTotal:
    generation = int(item["generation"]["N"])
    if "through" not in item:
        return OldTotal(generation)
    values = None
    if "distinct" in item:
        limit = int(item["sampled_below"]["S"])
        values = distinct.unpack(item["distinct"]["B"], limit)
    whole = Aggregate(
        count=int(item["events"]["N"]),
        total=Decimal(item["total"]["S"]),
        extreme=Decimal(item["extreme"]["S"]) if "extreme" in item else None,
        chosen=_chosen(item, measure),
        distinct=values,
    )
    return OldTotal(generation, int(item["through"]["N"]), whole)


def _chosen(item: Item, measure: Measure) -> Row | None:
    if "chosen" not in item:
        return None
    start = int(item["chosen_hour"]["N"]) * HOUR_SECONDS
    [chosen] = packed_rows.unpack(item["chosen"]["B"], start, measure)
    return chosen
