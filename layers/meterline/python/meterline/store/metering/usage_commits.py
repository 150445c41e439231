"""Changing buckets in the Usage table.

Counting replaces a counter under the condition that its version is unchanged, so every commit is
decided on the state that it replaces.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import batched
from time import time
from typing import Any, NamedTuple

from meterline.core.base.money import format_decimal
from meterline.core.metering import packed_rows, packed_samples
from meterline.core.metering.aggregation import Measure
from meterline.core.metering.buckets import Bucket
from meterline.core.metering.day_totals import has_day_totals
from meterline.store.base.batches import RETRIABLE, STATEMENT_LIMIT
from meterline.store.base.clients import dynamodb
from meterline.store.base.settings import settings
from meterline.store.metering.day_totals import mark_late
from meterline.store.metering.usage import (
    BucketKey,
    counter_place,
    segment_key,
    segment_prefix,
)

COUNTER_BYTES = 1_000
"""A counter keeps its latest rows while the whole item stays below this: one write unit is 1,024.
"""

SEGMENT_ROWS = 5_000
"""The most rows in one segment: 195 KB, far below DynamoDB's 400."""

WRITE_UNIT_BYTES = 1_024

type Item = dict[str, Any]


class LostRace(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """Another worker committed to the bucket first: read it again and decide again."""


class Change(NamedTuple):
    """What a bucket was when it was decided on, and what it is to become."""

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
    outgrows that, rows move into segments, in one transaction with the counter. If an
    answer was lost, deciding again shows what became of it. Late changes are marked first, so that
    no day's total outlives them.
    """
    late = [change.key for change in changes if has_day_totals(change.measure)]
    mark_late(late, int(time()))
    small: list[tuple[Change, Item]] = []
    done = Committed([], [])
    for change in changes:
        rows = packed_rows.pack(change.after.inline, change.key.start, change.measure)
        counter = _counter_item(change, rows, change.before.segments, change.before.newest)
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
        return {
            "Statement": _insertion(table, *counter),
            "Parameters": list(counter.values()),
        }
    pk, sk, *values = counter.values()
    return {
        "Statement": _update(table, tuple(counter)[2:], _left_out(change, counter)),
        "Parameters": [*values, pk, sk, {"N": str(change.before.version)}],
    }


@lru_cache
def _insertion(table: str, *names: str) -> str:
    places = ", ".join([f"'{name}': ?" for name in names])
    return f'INSERT INTO "{table}" VALUE {{{places}}}'


@lru_cache
def _update(table: str, names: tuple[str, ...], left_out: tuple[str, ...]) -> str:
    changes = [f'SET "{name}" = ?' for name in names]
    changes += [f'REMOVE "{name}"' for name in left_out]
    return f'UPDATE "{table}" {" ".join(changes)} {_WHERE_UNCHANGED}'


_WHERE_UNCHANGED = 'WHERE "pk" = ? AND "sk" = ? AND "version" = ?'


def _left_out(change: Change, counter: Item) -> tuple[str, ...]:
    """The attributes that the counter had and that it is not to have any more."""
    before = change.before.aggregate
    had = {
        "extreme": before.extreme,
        "chosen": before.chosen,
        "distinct": before.distinct,
        "first": before.first,
        "samples": before.samples,
        "sampled_below": None if before.distinct is None or before.distinct.is_exact else True,
    }
    return tuple(name for name, value in had.items() if value is not None and name not in counter)


def _commit_with_segments(change: Change, counter: Item) -> int:
    """Move rows into segments, together with the counter that includes them; gives the number of
    segments, 0 if refused.
    """
    client = dynamodb()
    table = settings().usage_table
    spilled, kept = packed_rows.split(
        counter["rows"]["B"], _rows_to_spill(change, counter), change.measure
    )
    segments = _segment_items(change, spilled)
    number = change.before.segments + len(segments)
    newest = segments[-1]["sk"]["S"].removeprefix(segment_prefix(change.key))
    new_counter = _counter_item(change, kept, number, newest)
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
    each = packed_rows.row_bytes(data, change.measure)
    room = COUNTER_BYTES - _SEGMENTS_BYTES - (_counted_size(counter) - rows * each)
    must = rows - max(0, room // each)
    overhead = len(data) - rows * each + _size(_segment_item(change, b"", 0))
    units = -(-(must * each + overhead) // WRITE_UNIT_BYTES)
    return min(rows, (units * WRITE_UNIT_BYTES - overhead) // each)


_SEGMENTS_BYTES = 36
"""Room for more digits in the number of segments, and for the end of the newest one's key."""


def _unchanged(before: Bucket) -> dict[str, Any]:
    """The condition that the counter is still the one that was read."""
    if before.version == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": {"N": str(before.version)}},
    }


def _counter_item(change: Change, rows: bytes, segments: int, newest: str) -> Item:
    """What is to be stored of a bucket. Its small numbers share one attribute: every attribute
    costs as much time on its way as the rows of a small batch.
    """
    key, bucket = change.key, change.after
    total = bucket.aggregate
    numbers = f"{total.count} {format_decimal(total.total)} {bucket.watermark} {segments}"
    item: Item = {
        **counter_place(key),
        "version": {"N": str(bucket.version)},
        "sums": {"S": f"{numbers} {newest}" if newest else numbers},
        "rows": {"B": rows},
    }
    if total.extreme is not None:
        item["extreme"] = {"S": format_decimal(total.extreme)}
    if total.chosen is not None:
        item["chosen"] = {"B": packed_rows.pack([total.chosen], key.start, change.measure)}
    if total.first is not None:
        item["first"] = {"N": str(total.first)}
    if total.samples is not None:
        item["samples"] = {"B": packed_samples.pack(total.samples, key.start)}
    if total.distinct is not None:
        item["distinct"] = {"B": total.distinct.pack()}
        if not total.distinct.is_exact:
            item["sampled_below"] = {"S": str(total.distinct.limit)}
    return item


def _segment_items(change: Change, rows: bytes) -> list[Item]:
    """Rows as segments, named so that no two commits can give the same name."""
    segments: list[Item] = []
    while rows:
        some, rows = packed_rows.split(rows, SEGMENT_ROWS, change.measure)
        segments.append(_segment_item(change, some, len(segments)))
    return segments


def _segment_item(change: Change, rows: bytes, number: int) -> Item:
    key = change.key
    return {
        "pk": {"S": key.partition},
        "sk": {"S": segment_key(key, change.after, number)},
        "rows": {"B": rows},
        **expiry(change.after.watermark),
    }


def expiry(watermark: int) -> Item:
    """When a segment may go, as an attribute: some time after its latest event (microseconds)."""
    days = settings().segment_retention_days
    return {"expires_at": {"N": str(watermark // 1_000_000 + days * 86_400)}} if days else {}


def _counted_size(counter: Item) -> int:
    """A counter's size without its distinct values, which have to stay with it anyway."""
    return _size(counter) - len(counter.get("distinct", {"B": b""})["B"])


def _size(item: Item) -> int:
    """An item's size in bytes by DynamoDB's rule: a byte holds two digits of a number."""
    size = 0
    for name, value in item.items():
        [(kind, data)] = value.items()
        if kind == "N":
            size += len(name) + len(data) // 2 + 2
        elif kind == "B" or data.isascii():
            size += len(name) + len(data)
        else:
            size += len(name) + len(data.encode())
    return size
