"""Counting: from delivered stream records to buckets, each event exactly once.

For each bucket that a batch touches: read the counter, then (in this order) the evidence of what
was counted already, decide, and commit under the condition that the counter is unchanged. Whatever
is delivered twice finds its evidence; whatever is decided on an old state is refused and decided
again.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from meterline.core import metering_buckets
from meterline.core.aggregation import Measure, Row
from meterline.core.metering import measure_from_text
from meterline.core.metering_buckets import Bucket
from meterline.store import usage
from meterline.store.batches import back_off
from meterline.store.meter_events import identity_from_key
from meterline.store.usage import BucketKey, LostRace

ROUNDS = 10
"""How often a bucket is tried before its records are handed back for another delivery."""

type Record = Mapping[str, Any]


class Group:
    """The arrivals of one bucket, and the sequence numbers of the records that brought them."""

    __slots__ = ("arrivals", "key", "measure", "sequence_numbers")

    def __init__(self, key: BucketKey, measure: Measure) -> None:
        self.key = key
        self.measure = measure
        self.arrivals: list[Row] = []
        self.sequence_numbers: list[str] = []


def count_records(records: Iterable[Record]) -> list[str]:
    """Count a batch of MeterEvents stream records; the sequence numbers that must come again."""
    left = count_groups(group_records(records))
    return [number for group in left.values() for number in group.sequence_numbers]


def count_groups(pending: dict[BucketKey, Group]) -> dict[BucketKey, Group]:
    """Count groups of arrivals; gives those that lost every race."""
    for attempt in range(ROUNDS):
        pending = _count_round(pending)
        if not pending:
            break
        back_off(attempt, first_milliseconds=10, most_milliseconds=200)
    return pending


def group_records(records: Iterable[Record]) -> dict[BucketKey, Group]:
    """The arrivals of a batch by bucket; removals are no arrivals."""
    groups: dict[tuple[str, str, str, int], Group] = {}
    for record in records:
        change = record["dynamodb"]
        image = change.get("NewImage")
        if record["eventName"] == "REMOVE" or image is None:
            continue
        stored_key = image["identifier"]["S"]
        timestamp = int(image["timestamp"]["N"])
        hour = timestamp // usage.HOUR_SECONDS
        place = (stored_key[0], image["meter"]["S"], image["customer"]["S"], hour)
        group = groups.get(place)
        if group is None:
            group = groups[place] = _group(place, image)
        group.arrivals.append(
            Row(
                identity_from_key(stored_key),
                timestamp,
                Decimal(image["value"]["S"]),
                int(image["accepted_at"]["N"]),
                "cancelled_at" in image,
            )
        )
        group.sequence_numbers.append(change["SequenceNumber"])
    return {group.key: group for group in groups.values()}


def _group(place: tuple[str, str, str, int], image: Mapping[str, Any]) -> Group:
    mode, meter, customer, hour = place
    measure = measure_from_text(image["measure"]["S"])
    return Group(BucketKey(mode == "l", meter, customer, hour), measure)


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
    key: BucketKey, bucket: Bucket, arrivals: Sequence[Row], measure: Measure
) -> list[Row]:
    """The segment rows that may hold one of the arrivals, read after the bucket was read."""
    accepted_from = metering_buckets.evidence_from(bucket, arrivals, measure)
    if accepted_from is None:
        return []
    return usage.read_segments(key, measure, accepted_from=accepted_from)
