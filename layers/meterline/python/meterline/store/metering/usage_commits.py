"""Changing buckets in the Usage table.

Counting replaces a counter under the condition that its version is unchanged, so every commit is
decided on the state that it replaces.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
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
from meterline.store.metering.segment_chain import prior_of
from meterline.store.metering.usage import (
    BucketKey,
    counter_place,
    key_of_moved,
    segment_key,
    segment_prefix,
)

COUNTER_BYTES = 1_000
"""A counter keeps its latest rows while the whole item stays below this: one write unit is 1,024.
"""

MOST_UNITS = 2
"""A counter may take so many write units rather than give rows away in a transaction, which costs
twice as much."""

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
    the table was too busy. ``spilled`` are those of buckets that got segments, with what they are
    now.
    """

    refused: list[Change]
    spilled: list[Change]


def commit(change: Change) -> None:
    """Replace one bucket, or raise LostRace."""
    if commit_many([change]).refused:
        raise LostRace


def commit_many(changes: Sequence[Change]) -> Committed:
    """Replace buckets that are still what they were.

    While a counter is small its rows stay inline: one plain conditional write, one unit. When it
    outgrows that, rows that it has counted already are first copied into a segment, which no reader
    sees before the counter names it: so this is two plain writes. Only where the arrivals by
    themselves are too many are they moved in one transaction with the counter. If an answer was
    lost, deciding again shows what became of it. Late changes are marked first, so that no day's
    total outlives them.
    """
    late = [change.key for change in changes if has_day_totals(change.measure)]
    mark_late(late, int(time()))
    plain: list[tuple[Change, Item]] = []
    moves: list[_Move] = []
    done = Committed([], [])
    for change in changes:
        rows = packed_rows.pack(change.after.inline, change.key.start, change.measure)
        counter = _counter_item(change, rows, change.before.segments, change.before.newest)
        if _counted_size(counter) <= COUNTER_BYTES:
            plain.append((change, counter))
        elif (number := _rows_to_move(change, counter)) is None:
            if spilled := _commit_with_segments(change, counter):
                done.spilled.append(spilled)
            else:
                done.refused.append(change)
        elif number:
            moves.append(_move(change, rows, number))
        else:
            plain.append((change, counter))
    for move in _copied(moves, done.refused):
        plain.append((move.change, move.counter))
        done.spilled.append(_spilled(move.change, [move.segment]))
    refused: list[Change] = []
    for some in batched(plain, STATEMENT_LIMIT, strict=False):
        refused.extend(_commit_counters(some))
    done.refused.extend(refused)
    lost = {change.key for change in refused}
    return done._replace(spilled=[change for change in done.spilled if change.key not in lost])


class _Move(NamedTuple):
    """Rows on their way from a counter into a segment: what both are to be."""

    change: Change
    segment: Item
    counter: Item


def _move(change: Change, rows: bytes, number: int) -> _Move:
    moved, kept = packed_rows.split(rows, number, change.measure)
    place = key_of_moved(change.key, change.before, number)
    segment = _segment_item(change, place, moved)
    after = _spilled(change, [segment]).after
    return _Move(change, segment, _counter_item(change, kept, after.segments, after.newest))


def _spilled(change: Change, segments: Sequence[Item]) -> Change:
    """A change that gives a bucket segments."""
    newest = segments[-1]["sk"]["S"].removeprefix(segment_prefix(change.key))
    number = change.before.segments + len(segments)
    return change._replace(after=replace(change.after, segments=number, newest=newest))


def _copied(moves: Sequence[_Move], refused: list[Change]) -> Iterator[_Move]:
    """Write the segments of moves; gives those whose counters may follow, and notes the others.

    One that is there already holds the same rows: somebody was here before.
    """
    table = settings().usage_table
    for some in batched(moves, STATEMENT_LIMIT, strict=False):
        segments = [move.segment for move in some]
        statements = [
            {"Statement": _insertion(table, *item), "Parameters": list(item.values())}
            for item in segments
        ]
        answers = dynamodb().batch_execute_statement(Statements=statements)["Responses"]
        for move, answer in zip(some, answers, strict=True):
            code = answer["Error"]["Code"] if "Error" in answer else None
            if code is None or code == _IS_THERE:
                yield move
            elif code in RETRIABLE:
                refused.append(move.change)
            else:
                raise RuntimeError(f"DynamoDB refused a segment: {code}")


_IS_THERE = "DuplicateItem"


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


def _commit_with_segments(change: Change, counter: Item) -> Change | None:
    """Move rows into segments, together with the counter that includes them; None if refused."""
    client = dynamodb()
    table = settings().usage_table
    spilled, kept = packed_rows.split(
        counter["rows"]["B"], _rows_to_spill(change, counter), change.measure
    )
    segments = _segment_items(change, spilled)
    spilt = _spilled(change, segments)
    new_counter = _counter_item(change, kept, spilt.after.segments, spilt.after.newest)
    condition = _unchanged(change.before)
    writes = [{"Put": {"TableName": table, "Item": new_counter, **condition}}]
    writes += [{"Put": {"TableName": table, "Item": segment}} for segment in segments]
    try:
        client.transact_write_items(TransactItems=writes)
    except client.exceptions.TransactionCanceledException as error:
        codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
        if not _RACES.isdisjoint(codes):
            return None
        raise
    return spilt


_RACES = frozenset({"ConditionalCheckFailed", "TransactionConflict", "DuplicateItem"})


def _rows_to_move(change: Change, counter: Item) -> int | None:
    """How many of the rows that it had before leave a counter: as many as fill the write units that
    let both be written with the fewest; None where those are not enough.

    What would be the beginning of one more unit stays inline and goes with the next ones.
    """
    held, size = len(change.before.inline), _sizes(change, counter)
    best: tuple[int, int] | None = None
    for units in range(1, MOST_UNITS + 1):
        must = size.beyond(units * COUNTER_BYTES)
        if must <= held:
            of_segment = size.units_of_segment(must)
            rows = min(held, size.rows_of_segment(of_segment), _MOST_MOVED)
            if rows >= must and (best is None or units + of_segment < best[0]):
                best = units + of_segment, rows
    return None if best is None else best[1]


_MOST_MOVED = 899
"""Three digits of a segment's key tell their number, before those of the last key of a version."""


def _rows_to_spill(change: Change, counter: Item) -> int:
    """How many rows leave a counter in a transaction: as many as fill the fewest write units which
    make it fit.
    """
    size = _sizes(change, counter)
    must = size.beyond(COUNTER_BYTES)
    return min(size.rows, size.rows_of_segment(size.units_of_segment(must)))


class _Sizes(NamedTuple):
    """What a counter comes to, in bytes: ``each`` of its rows, and a counter and a segment without
    any.
    """

    rows: int
    each: int
    counter: int
    segment: int

    def beyond(self, limit: int) -> int:
        """How many rows must leave a counter for it to fit."""
        return max(0, self.rows - max(0, (limit - _SEGMENTS_BYTES - self.counter) // self.each))

    def units_of_segment(self, rows: int) -> int:
        """The write units of a segment of so many rows; of none there is no segment."""
        return -(-(rows * self.each + self.segment) // WRITE_UNIT_BYTES) if rows else 0

    def rows_of_segment(self, units: int) -> int:
        """How many rows a segment of so many units has."""
        return max(0, units * WRITE_UNIT_BYTES - self.segment) // self.each


def _sizes(change: Change, counter: Item) -> _Sizes:
    rows, data = len(change.after.inline), counter["rows"]["B"]
    each = packed_rows.row_bytes(data, change.measure)
    header = len(data) - rows * each
    place = segment_key(change.key, change.after)
    segment = _size(_segment_item(change, f"{place}000", b"")) + header
    return _Sizes(rows, each, _counted_size(counter) - rows * each, segment)


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
        place = segment_key(change.key, change.after, len(segments))
        segments.append(_segment_item(change, place, some))
    return segments


def _segment_item(change: Change, place: str, rows: bytes) -> Item:
    return {
        "pk": {"S": change.key.partition},
        "sk": {"S": place},
        "rows": {"B": rows},
        **prior_of(change.before.newest),
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
