"""Counting: from delivered stream records to buckets, each event exactly once.

For each bucket that a batch touches: read the counter, then (in this order) the evidence of what
was counted already, decide, and commit under the condition that the counter is unchanged. Whatever
is delivered twice finds its evidence; whatever is decided on an old state is refused and decided
again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from meterline.core import metering_buckets
from meterline.core.aggregation import Measure, Row
from meterline.core.metering import measure_from_text
from meterline.core.metering_buckets import Arrival, Bucket
from meterline.store import usage
from meterline.store.batches import back_off
from meterline.store.meter_events import identity_from_key
from meterline.store.usage import BucketKey, LostRace

ROUNDS = 10
"""How often a bucket is tried before its records are handed back for another delivery."""

type Record = Mapping[str, Any]


@dataclass(slots=True)
class Group:
    """The arrivals of one bucket, and the sequence numbers of the records that brought them."""

    measure: Measure
    arrivals: list[Arrival] = field(default_factory=list)
    sequence_numbers: list[str] = field(default_factory=list)


def count_records(records: Iterable[Record]) -> list[str]:
    """Count a batch of MeterEvents stream records; the sequence numbers that must come again."""
    pending = group_records(records)
    for attempt in range(ROUNDS):
        pending = _count_round(pending)
        if not pending:
            return []
        back_off(attempt, first_milliseconds=10, most_milliseconds=200)
    return [number for group in pending.values() for number in group.sequence_numbers]


def group_records(records: Iterable[Record]) -> dict[BucketKey, Group]:
    """The arrivals of a batch by bucket; removals are no arrivals."""
    groups: dict[BucketKey, Group] = {}
    for record in records:
        change = record["dynamodb"]
        image = change.get("NewImage")
        if record["eventName"] == "REMOVE" or image is None:
            continue
        key, measure, arrival = _arrival(image)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Group(measure)
        group.arrivals.append(arrival)
        group.sequence_numbers.append(change["SequenceNumber"])
    return groups


def _arrival(image: Mapping[str, Any]) -> tuple[BucketKey, Measure, Arrival]:
    stored_key = image["identifier"]["S"]
    timestamp = int(image["timestamp"]["N"])
    accepted_at = int(image["accepted_at"]["N"])
    measure = measure_from_text(image["measure"]["S"])
    key = BucketKey(
        livemode=stored_key.startswith("l#"),
        meter=image["meter"]["S"],
        customer=image["customer"]["S"],
        hour=timestamp // usage.HOUR_SECONDS,
    )
    row = Row(
        identity=identity_from_key(stored_key),
        timestamp=timestamp,
        value=Decimal(image["value"]["S"]),
        accepted_at=accepted_at if measure.is_ordered else 0,
        cancels="cancelled_at" in image,
    )
    return key, measure, Arrival(row, accepted_at)


def _count_round(pending: Mapping[BucketKey, Group]) -> dict[BucketKey, Group]:
    """One try for each bucket; gives those that lost a race."""
    keys = list(pending)
    buckets = usage.read_buckets(keys, [pending[key].measure for key in keys])
    lost: dict[BucketKey, Group] = {}
    for key, group in pending.items():
        try:
            _count_bucket(key, buckets[key], group)
        except LostRace:
            lost[key] = group
    return lost


def _count_bucket(key: BucketKey, bucket: Bucket, group: Group) -> None:
    evidence = _evidence(key, bucket, group.arrivals, group.measure)
    after = metering_buckets.count(bucket, evidence, group.arrivals, group.measure)
    if after is not None:
        usage.commit(key, bucket, after, group.measure)


def _evidence(
    key: BucketKey, bucket: Bucket, arrivals: Sequence[Arrival], measure: Measure
) -> list[Row]:
    """The segment rows that may hold one of the arrivals, read after the bucket was read."""
    accepted_from = metering_buckets.evidence_from(bucket, arrivals, measure)
    if accepted_from is None:
        return []
    return usage.read_segments(key, measure, accepted_from=accepted_from)
