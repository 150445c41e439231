"""The Usage table: one counter item for each hour of a customer's usage of a meter, and its
segments.

========  ==========================  ==========================================================
key       ``pk``                      ``sk``
========  ==========================  ==========================================================
counter   ``t#<meter>#<customer>``    ``h#<hour>``
segment   the same                    ``s#<hour>#<latest acceptance>#<version of the counter>``
========  ==========================  ==========================================================

Whoever counts replaces the counter under the condition that its version is unchanged, so every
commit is decided on the state that it replaces. A segment is never changed after it was written.
"""

from calendar import timegm
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from time import gmtime, strftime
from typing import Any, NamedTuple

from meterline.core import distinct, metering_rows
from meterline.core.aggregation import Aggregate, Measure, Row
from meterline.core.distinct import Distinct
from meterline.core.metering_buckets import EMPTY, Bucket
from meterline.store import decimals
from meterline.store.batches import batch_get
from meterline.store.clients import dynamodb
from meterline.store.keys import mode
from meterline.store.settings import settings

HOUR_SECONDS = metering_rows.HOUR_SECONDS
COUNTER_BYTES = 1_000
"""A counter keeps its latest rows while the whole item stays below this: one write unit is 1,024.
"""

SEGMENT_ROWS = 5_000
"""The most rows in one segment: 175 KB, far below DynamoDB's 400."""

type Item = dict[str, Any]


class BucketKey(NamedTuple):
    """Which bucket: ``hour`` counts whole hours since 1970, UTC."""

    livemode: bool
    meter: str
    customer: str
    hour: int

    @property
    def start(self) -> int:
        """The bucket's first second."""
        return self.hour * HOUR_SECONDS


def key_of_counter(pk: str, sk: str) -> BucketKey:
    """The bucket whose counter has this key."""
    letter, meter, customer = pk.split("#", 2)
    return BucketKey(letter == mode(livemode=True), meter, customer, _hour(sk))


class LostRace(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """Another worker committed to the bucket first: read it again and decide again."""


def read_buckets(keys: Sequence[BucketKey], measures: Sequence[Measure]) -> dict[BucketKey, Bucket]:
    """The buckets as last committed; those not yet stored are empty."""
    by_key = {
        (partition(key.livemode, key.meter, key.customer), _counter_sk(key.hour)): (key, measure)
        for key, measure in zip(keys, measures, strict=True)
    }
    found = dict.fromkeys(keys, EMPTY)
    wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in by_key]
    for item in batch_get(settings().usage_table, wanted):
        key, measure = by_key[item["pk"]["S"], item["sk"]["S"]]
        found[key] = _bucket(item, key.start, measure)
    return found


def buckets_between(
    livemode: bool,  # noqa: FBT001 - a part of the key
    meter: str,
    customer: str,
    hours: range,
    measure: Measure,
) -> Iterator[tuple[int, Bucket]]:
    """The stored buckets of a range of hours, in order, as (hour, bucket): at most one item an
    hour.
    """
    items = _query(
        partition(livemode, meter, customer), _counter_sk(hours.start), _counter_sk(hours.stop - 1)
    )
    for item in items:
        hour = _hour(item["sk"]["S"])
        yield hour, _bucket(item, hour * HOUR_SECONDS, measure)


def read_segments(key: BucketKey, measure: Measure, *, accepted_from: int = 0) -> list[Row]:
    """The rows of all segments that may hold an event accepted at ``accepted_from`` or later."""
    prefix = f"s#{_stamp(key.hour)}#"
    items = _query(
        partition(key.livemode, key.meter, key.customer),
        f"{prefix}{accepted_from:016d}",
        f"{prefix}~",
    )
    rows: list[Row] = []
    for item in items:
        data = item["rows"]["B"]
        rows.extend(metering_rows.unpack(data, key.start, measure))
    return rows


def commit(key: BucketKey, before: Bucket, after: Bucket, measure: Measure) -> None:
    """Replace the bucket ``before`` by ``after``, or raise LostRace; a lost answer is found by
    retrying.

    While the counter is small its rows stay inline: one plain conditional write, one unit. When
    it outgrows that, its rows move into segments, in one transaction with the counter.
    """
    counter = _counter_item(key, after, measure)
    if _size(counter) - len(counter.get("distinct", {"B": b""})["B"]) <= COUNTER_BYTES:
        _put_counter(counter, before)
    else:
        spilled = replace(after, segments=before.segments + 1, inline=())
        segments = _segment_items(key, after, measure)
        _put_with_segments(_counter_item(key, spilled, measure), segments, before)


def _put_counter(counter: Item, before: Bucket) -> None:
    client = dynamodb()
    try:
        client.put_item(TableName=settings().usage_table, Item=counter, **_unchanged(before))
    except client.exceptions.ConditionalCheckFailedException:
        raise LostRace from None


def _put_with_segments(counter: Item, segments: Sequence[Item], before: Bucket) -> None:
    client = dynamodb()
    table = settings().usage_table
    writes = [{"Put": {"TableName": table, "Item": counter, **_unchanged(before)}}]
    writes += [{"Put": {"TableName": table, "Item": segment}} for segment in segments]
    try:
        client.transact_write_items(TransactItems=writes)
    except client.exceptions.TransactionCanceledException as error:
        if any(_is_race(reason.get("Code")) for reason in error.response["CancellationReasons"]):
            raise LostRace from None
        raise


def _is_race(code: str | None) -> bool:
    return code in ("ConditionalCheckFailed", "TransactionConflict")


def _unchanged(before: Bucket) -> dict[str, Any]:
    """The condition that the counter is still the one that was read."""
    if before.version == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(before.version)}},
    }


def _counter_item(key: BucketKey, bucket: Bucket, measure: Measure) -> Item:
    total = bucket.aggregate
    item: Item = {
        "pk": {"S": partition(key.livemode, key.meter, key.customer)},
        "sk": {"S": _counter_sk(key.hour)},
        "version": {"N": str(bucket.version)},
        "events": {"N": str(total.count)},
        "total": {"S": decimals.plain(total.total)},
        "watermark": {"N": str(bucket.watermark)},
    }
    if bucket.segments:
        item["segments"] = {"N": str(bucket.segments)}
    if bucket.inline:
        item["rows"] = {"B": _packed(bucket.inline, key.start, measure)}
    if total.extreme is not None:
        item["extreme"] = {"S": decimals.plain(total.extreme)}
    if total.chosen is not None:
        item["chosen"] = {"B": _packed([total.chosen], key.start, measure)}
    if total.distinct is not None:
        item["distinct"] = {"B": total.distinct.pack()}
        if not total.distinct.is_exact:
            item["sampled_below"] = {"S": str(total.distinct.limit)}
    return item


def _segment_items(key: BucketKey, after: Bucket, measure: Measure) -> list[Item]:
    """The rows of ``after`` as segments, named so that no two commits can give the same name."""
    items = []
    for start in range(0, len(after.inline), SEGMENT_ROWS):
        rows = after.inline[start : start + SEGMENT_ROWS]
        place = f"{after.watermark:016d}#{after.version}"
        suffix = f"#{start}" if start else ""
        items.append(
            {
                "pk": {"S": partition(key.livemode, key.meter, key.customer)},
                "sk": {"S": f"s#{_stamp(key.hour)}#{place}{suffix}"},
                "rows": {"B": _packed(rows, key.start, measure)},
                **_expiry(after.watermark),
            }
        )
    return items


def _expiry(watermark: int) -> Item:
    """When a segment may go: counted from the receipt of its latest event (microseconds)."""
    days = settings().segment_retention_days
    return {"expires_at": {"N": str(watermark // 1_000_000 + days * 86_400)}} if days else {}


def _bucket(item: Item, hour_start: int, measure: Measure) -> Bucket:
    rows = item["rows"]["B"] if "rows" in item else b""
    chosen = item["chosen"]["B"] if "chosen" in item else b""
    return Bucket(
        version=int(item["version"]["N"]),
        aggregate=Aggregate(
            count=int(item["events"]["N"]),
            total=decimals.exact(item["total"]["S"]),
            extreme=decimals.exact(item["extreme"]["S"]) if "extreme" in item else None,
            chosen=next(metering_rows.unpack(chosen, hour_start, measure), None),
            distinct=_distinct(item) if "distinct" in item else None,
        ),
        watermark=int(item["watermark"]["N"]),
        segments=int(item["segments"]["N"]) if "segments" in item else 0,
        inline=tuple(metering_rows.unpack(rows, hour_start, measure)),
    )


def _distinct(item: Item) -> Distinct:
    limit = int(item["sampled_below"]["S"]) if "sampled_below" in item else distinct.EVERYTHING
    return distinct.unpack(item["distinct"]["B"], limit)


def _packed(rows: Iterable[Row], hour_start: int, measure: Measure) -> bytes:
    return metering_rows.pack(rows, hour_start, measure)


def _query(pk: str, low: str, high: str) -> Iterator[Item]:
    """The items of a partition from ``low`` to ``high``, consistently, page after page."""
    request: dict[str, Any] = {
        "TableName": settings().usage_table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":pk": {"S": pk},
            ":low": {"S": low},
            ":high": {"S": high},
        },
        "ConsistentRead": True,
    }
    while True:
        answer = dynamodb().query(**request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _size(item: Item) -> int:
    """An item's size in bytes by DynamoDB's rule: a byte holds two digits of a number."""
    return sum(len(name) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    if "N" in value:
        return len(value["N"]) // 2 + 2
    data = value.get("S", value.get("B", b""))
    return len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())


def partition(livemode: bool, meter: str, customer: str) -> str:  # noqa: FBT001 - a part of the key
    """The key of everything about a customer's usage of a meter."""
    return f"{mode(livemode)}#{meter}#{customer}"


def _counter_sk(hour: int) -> str:
    return f"h#{_stamp(hour)}"


@lru_cache(maxsize=4_096)
def _stamp(hour: int) -> str:
    """The hour as people read it: ``2026-01-31T23``; sorts by time."""
    return strftime("%Y-%m-%dT%H", gmtime(hour * HOUR_SECONDS))


@lru_cache(maxsize=4_096)
def _hour(counter_sk: str) -> int:
    year, month, day_hour = counter_sk[2:].split("-")
    day, _, hour = day_hour.partition("T")
    return timegm((int(year), int(month), int(day), int(hour), 0, 0)) // HOUR_SECONDS
