"""The running total of a customer's usage of a meter: of a period, up to an hour, in one item.

It stands beside the counters, under ``g#``, and spares whoever asks how much is used the hours
before. It is derived: when one of its hours changes it is forgotten, and made again when it is next
wanted. ``generation`` grows whenever it is forgotten, so that what was added up before cannot be
stored after.
"""

from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.metering.aggregation import NOTHING, Aggregate, Measure
from meterline.core.metering.day_totals import text_of, total_of
from meterline.store.base.clients import dynamodb
from meterline.store.base.settings import settings
from meterline.store.metering.headrooms import UsageKey
from meterline.store.metering.usage import BucketKey, Counter, counter_place, partition

type Item = dict[str, Any]

_SK = "g#"


@frozen
class RunningTotal:
    """The usage from the second ``since`` to the hour ``through`` (whole hours since 1970)."""

    generation: int = 0
    since: int = -1
    through: int = 0
    aggregate: Aggregate = NOTHING


@frozen
class Recent:
    """What one read shows of a customer's usage of a meter: its running total, and the counters of
    some hours.
    """

    total: RunningTotal
    counters: dict[int, Item]

    def counter(self, hour: int, hour_start: int, measure: Measure) -> Counter | None:
        """The counter of an hour, if it has usage."""
        item = self.counters.get(hour)
        return None if item is None else Counter(item, hour_start, measure)


def recent_keys(key: UsageKey, hours: range) -> list[Item]:
    """The primary keys of a running total and of the counters of these hours."""
    return [_place(key), *(counter_place(BucketKey(*key, hour)) for hour in hours)]


def recent_of(key: UsageKey, hours: range, items: list[Item]) -> Recent:
    """What was found under these keys."""
    by_sk = {item["sk"]["S"]: item for item in items}
    places = {hour: counter_place(BucketKey(*key, hour))["sk"]["S"] for hour in hours}
    counters = {hour: by_sk[sk] for hour, sk in places.items() if sk in by_sk}
    return Recent(_total(by_sk[_SK]) if _SK in by_sk else RunningTotal(), counters)


def save_running_total(key: UsageKey, before: RunningTotal, total: RunningTotal) -> None:
    """Store a total, unless ``before`` was forgotten since it was read."""
    client = dynamodb()
    try:
        client.put_item(
            TableName=settings().usage_table,
            Item=_place(key)
            | {
                "generation": {"N": str(before.generation)},
                "since": {"N": str(total.since)},
                "through": {"N": str(total.through)},
                "total": {"S": text_of(total.aggregate)},
            },
            ConditionExpression="attribute_not_exists(pk) OR generation = :generation",
            ExpressionAttributeValues={":generation": {"N": str(before.generation)}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return


def forget_running_total(key: UsageKey) -> None:
    """Forget the total, and let nobody store one that was added up before."""
    dynamodb().update_item(
        TableName=settings().usage_table,
        Key=_place(key),
        UpdateExpression="ADD generation :one REMOVE through",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )


def _place(key: UsageKey) -> Item:
    return {"pk": {"S": partition(*key)}, "sk": {"S": _SK}}


def _total(item: Item) -> RunningTotal:
    generation = int(item["generation"]["N"])
    if "through" not in item:
        return RunningTotal(generation)
    aggregate = total_of(item["total"]["S"]) or NOTHING
    through = int(item["through"]["N"])
    return RunningTotal(generation, int(item["since"]["N"]), through, aggregate)
