"""The Usage table: one counter item for each hour of a customer's usage of a meter, and its
segments.

========  ==========================  ==========================================================
key       ``pk``                      ``sk``
========  ==========================  ==========================================================
counter   ``t#<meter>#<customer>``    ``h#<hour>``
segment   the same                    ``s#<hour>#<latest acceptance>#<version><number>``
profile   the same                    ``p#<hour>`` (see ``usage_profiles``)
========  ==========================  ==========================================================

A counter has its ``version``; ``sums``: how many events count, their total, the watermark and the
number of segments; ``rows``; and what its formula needs beside them.

Whoever counts replaces the counter under the condition that its version is unchanged, so every
commit is decided on the state that it replaces. A segment is never changed after it was written;
its key holds what its counter's ``watermark`` and ``version`` became, which both only grow, so that
segments sort in the order in which they were written.
"""

from calendar import timegm
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import batched
from time import gmtime, strftime
from typing import Any, NamedTuple

from meterline.core import distinct, metering_rows
from meterline.core.aggregation import Aggregate, Measure, Row
from meterline.core.distinct import Distinct
from meterline.core.metering_buckets import EMPTY, Bucket
from meterline.store import decimals
from meterline.store.batches import RETRIABLE, STATEMENT_LIMIT, batch_get
from meterline.store.clients import dynamodb
from meterline.store.keys import mode
from meterline.store.settings import settings

HOUR_SECONDS = metering_rows.HOUR_SECONDS
COUNTER_BYTES = 1_000
"""A counter keeps its latest rows while the whole item stays below this: one write unit is 1,024.
"""

SEGMENT_ROWS = 5_000
"""The most rows in one segment: 195 KB, far below DynamoDB's 400."""

WRITE_UNIT_BYTES = 1_024

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
        found[key] = bucket_of(item, key.start, measure)
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
        yield hour, bucket_of(item, hour * HOUR_SECONDS, measure)


def read_segments(key: BucketKey, measure: Measure, *, accepted_from: int = 0) -> list[Row]:
    """The rows of all segments that may hold an event accepted at ``accepted_from`` or later."""
    found = _segments(key, measure, f"{_segment_prefix(key)}{accepted_from:016d}")
    return [row for _, rows in found for row in rows]


def segments_after(
    key: BucketKey, measure: Measure, after: str, until: str = ""
) -> list[tuple[str, list[Row]]]:
    """The segments behind the one with the key ``after`` ("": all), in the order in which they
    were written, up to the key ``until`` ("": all): the key and the rows of each.
    """
    return list(_segments(key, measure, f"{after}~" if after else _segment_prefix(key), until))


def _segments(
    key: BucketKey, measure: Measure, low: str, high: str = ""
) -> Iterator[tuple[str, list[Row]]]:
    pk = partition(key.livemode, key.meter, key.customer)
    for item in _query(pk, low, high or f"{_segment_prefix(key)}~"):
        yield item["sk"]["S"], metering_rows.unpack(item["rows"]["B"], key.start, measure)


def _segment_prefix(key: BucketKey) -> str:
    return f"s#{_stamp(key.hour)}#"


class Change(NamedTuple):
    """What a bucket was when somebody decided, and what it is to become."""

    key: BucketKey
    before: Bucket
    after: Bucket
    measure: Measure


class Committed(NamedTuple):
    """What became of changes: the ``refused`` have to be decided again, since others were first or
    the table was too busy. ``spilled`` holds the number of segments of buckets that got more.
    """

    refused: list[Change]
    spilled: list[tuple[Change, int]]


def commit(change: Change) -> None:
    """Replace one bucket, or raise LostRace."""
    if commit_many([change]).refused:
        raise LostRace


def commit_many(changes: Sequence[Change]) -> Committed:
    """Replace buckets that are still what they were.

    While a counter is small its rows stay inline: one plain conditional write, one unit. When it
    outgrows that, rows move into segments, in one transaction with the counter. Whoever lost an
    answer finds what became of it by deciding again.
    """
    small: list[tuple[Change, Item]] = []
    done = Committed([], [])
    for change in changes:
        rows = metering_rows.pack(change.after.inline, change.key.start, change.measure)
        counter = _counter_item(change, rows, change.before.segments)
        if _counted_size(counter) <= COUNTER_BYTES:
            small.append((change, counter))
        elif segments := _commit_with_segments(change, counter):
            done.spilled.append((change, segments))
        else:
            done.refused.append(change)
    for some in batched(small, STATEMENT_LIMIT, strict=False):
        done.refused.extend(_commit_counters(some))
    return done


def _commit_counters(some: Sequence[tuple[Change, Item]]) -> list[Change]:
    """Write counters in one call, each under its own condition; gives the refused ones."""
    statements = [_statement(change, counter) for change, counter in some]
    answers = dynamodb().batch_execute_statement(Statements=statements)["Responses"]
    refused = []
    for (change, _), answer in zip(some, answers, strict=True):
        code = answer["Error"]["Code"] if "Error" in answer else None
        if code in _RACES or code in RETRIABLE:
            refused.append(change)
        elif code is not None:
            raise RuntimeError(f"DynamoDB refused a counter: {code}")
    return refused


def _statement(change: Change, counter: Item) -> Item:
    """Inserts a bucket that was not there, or updates it where its version is unchanged."""
    table = settings().usage_table
    if change.before.version == 0:
        places = ", ".join([f"'{name}': ?" for name in counter])
        return {
            "Statement": f'INSERT INTO "{table}" VALUE {{{places}}}',
            "Parameters": list(counter.values()),
        }
    pk, sk, *values = counter.values()
    changes = [f'SET "{name}" = ?' for name in list(counter)[2:]]
    changes += [f'REMOVE "{name}"' for name in _left_out(change, counter)]
    return {
        "Statement": f'UPDATE "{table}" {" ".join(changes)} {_WHERE_UNCHANGED}',
        "Parameters": [*values, pk, sk, {"N": str(change.before.version)}],
    }


_WHERE_UNCHANGED = 'WHERE "pk" = ? AND "sk" = ? AND "version" = ?'


def _left_out(change: Change, counter: Item) -> list[str]:
    """The attributes that the counter had and that it is not to have any more."""
    before = change.before.aggregate
    had = {
        "extreme": before.extreme,
        "chosen": before.chosen,
        "distinct": before.distinct,
        "sampled_below": None if before.distinct is None or before.distinct.is_exact else True,
    }
    return [name for name, value in had.items() if value is not None and name not in counter]


def _commit_with_segments(change: Change, counter: Item) -> int:
    """Move rows into segments, together with the counter that includes them; gives the number of
    segments, 0 if refused.
    """
    client = dynamodb()
    table = settings().usage_table
    spilled, kept = metering_rows.split(
        counter["rows"]["B"], _rows_to_spill(change, counter), change.measure
    )
    segments = _segment_items(change, spilled)
    number = change.before.segments + len(segments)
    new_counter = _counter_item(change, kept, number)
    condition = _unchanged(change.before)
    writes = [{"Put": {"TableName": table, "Item": new_counter, **condition}}]
    writes += [{"Put": {"TableName": table, "Item": segment}} for segment in segments]
    try:
        client.transact_write_items(TransactItems=writes)
    except client.exceptions.TransactionCanceledException as error:
        codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
        if not _RACES.isdisjoint(codes):
            return 0
        raise
    return number


_RACES = frozenset({"ConditionalCheckFailed", "TransactionConflict", "DuplicateItem"})


def _rows_to_spill(change: Change, counter: Item) -> int:
    """How many rows leave the counter: as many as fill the fewest write units which make it fit.

    What would be the beginning of one more unit stays inline and goes with the next ones.
    """
    rows, data = len(change.after.inline), counter["rows"]["B"]
    each = metering_rows.row_bytes(data, change.measure)
    room = COUNTER_BYTES - _SEGMENTS_BYTES - (_counted_size(counter) - rows * each)
    must = rows - max(0, room // each)
    overhead = len(data) - rows * each + _size(_segment_item(change, b"", 0))
    units = -(-(must * each + overhead) // WRITE_UNIT_BYTES)
    return min(rows, (units * WRITE_UNIT_BYTES - overhead) // each)


_SEGMENTS_BYTES = 8
"""Room for more digits in the number of segments."""


def _unchanged(before: Bucket) -> dict[str, Any]:
    """The condition that the counter is still the one that was read."""
    if before.version == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(before.version)}},
    }


def _counter_item(change: Change, rows: bytes, segments: int) -> Item:
    """What is to be stored of a bucket. Its small numbers share one attribute: every attribute
    costs as much time on its way as the rows of a small batch.
    """
    key, bucket = change.key, change.after
    total = bucket.aggregate
    sums = f"{total.count} {decimals.plain(total.total)} {bucket.watermark} {segments}"
    item: Item = {
        "pk": {"S": partition(key.livemode, key.meter, key.customer)},
        "sk": {"S": _counter_sk(key.hour)},
        "version": {"N": str(bucket.version)},
        "sums": {"S": sums},
        "rows": {"B": rows},
    }
    if total.extreme is not None:
        item["extreme"] = {"S": decimals.plain(total.extreme)}
    if total.chosen is not None:
        item["chosen"] = {"B": metering_rows.pack([total.chosen], key.start, change.measure)}
    if total.distinct is not None:
        item["distinct"] = {"B": total.distinct.pack()}
        if not total.distinct.is_exact:
            item["sampled_below"] = {"S": str(total.distinct.limit)}
    return item


def _segment_items(change: Change, rows: bytes) -> list[Item]:
    """Rows as segments, named so that no two commits can give the same name."""
    segments: list[Item] = []
    while rows:
        some, rows = metering_rows.split(rows, SEGMENT_ROWS, change.measure)
        segments.append(_segment_item(change, some, len(segments)))
    return segments


def segment_key(change: Change, number: int = 99) -> str:
    """The key of a segment that a change writes; by default of the last that it could write."""
    after = change.after
    place = f"{after.watermark:016d}#{after.version:08d}{number:02d}"
    return f"{_segment_prefix(change.key)}{place}"


def _segment_item(change: Change, rows: bytes, number: int) -> Item:
    key = change.key
    return {
        "pk": {"S": partition(key.livemode, key.meter, key.customer)},
        "sk": {"S": segment_key(change, number)},
        "rows": {"B": rows},
        **expiry(change.after.watermark),
    }


def expiry(watermark: int) -> Item:
    """When a segment may go, as an attribute: some time after its latest event (microseconds)."""
    days = settings().segment_retention_days
    return {"expires_at": {"N": str(watermark // 1_000_000 + days * 86_400)}} if days else {}


def counter_place(key: BucketKey) -> Item:
    """The primary key of a counter."""
    pk = partition(key.livemode, key.meter, key.customer)
    return {"pk": {"S": pk}, "sk": {"S": _counter_sk(key.hour)}}


def bucket_of(item: Item, hour_start: int, measure: Measure) -> Bucket:
    """The bucket that a counter item holds."""
    count, total, watermark, segments = item["sums"]["S"].split(" ")
    chosen = None
    if "chosen" in item:
        [chosen] = metering_rows.unpack(item["chosen"]["B"], hour_start, measure)
    return Bucket(
        version=int(item["version"]["N"]),
        aggregate=Aggregate(
            count=int(count),
            total=decimals.exact(total),
            extreme=decimals.exact(item["extreme"]["S"]) if "extreme" in item else None,
            chosen=chosen,
            distinct=_distinct(item) if "distinct" in item else None,
        ),
        watermark=int(watermark),
        segments=int(segments),
        inline=tuple(metering_rows.unpack(item["rows"]["B"], hour_start, measure)),
    )


def _distinct(item: Item) -> Distinct:
    limit = int(item["sampled_below"]["S"]) if "sampled_below" in item else distinct.EVERYTHING
    return distinct.unpack(item["distinct"]["B"], limit)


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


def _counted_size(counter: Item) -> int:
    """A counter's size without its distinct values, which have to stay with it anyway."""
    return _size(counter) - len(counter.get("distinct", {"B": b""})["B"])


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
