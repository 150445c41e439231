"""The decision about a bucket: what is new, what the evidence is, when it need not be read."""

from decimal import Decimal

import pytest

from meterline.core.aggregation import Formula, Measure, Row
from meterline.core.metering_buckets import EMPTY, Bucket, count, evidence_from, standing

SUM = Measure(Formula.SUM)
MAX = Measure(Formula.MAX)


def arrival(name: str, value: int = 1, *, at: int = 10, cancels: bool = False) -> Row:
    return Row(name.encode().ljust(16), 0, Decimal(value), at, cancels)


def after(bucket: Bucket, *arrivals: Row, measure: Measure = SUM) -> Bucket:
    changed = count(bucket, [], arrivals, measure)
    assert changed is not None
    return changed


def test_new_events_are_counted_with_one_more_version() -> None:
    bucket = after(EMPTY, arrival("a", 2), arrival("b", 3, at=12))
    assert (bucket.version, bucket.aggregate.count) == (1, 2)
    assert bucket.aggregate.total == 5
    assert bucket.watermark == 12


def test_what_is_known_changes_nothing() -> None:
    bucket = after(EMPTY, arrival("a"))
    assert count(bucket, [], [arrival("a")], SUM) is None
    assert after(EMPTY, arrival("a"), arrival("a")).aggregate.count == 1


def test_rows_of_segments_are_evidence_too() -> None:
    spilled = Bucket(version=4, segments=1, watermark=10)
    assert count(spilled, [arrival("a")], [arrival("a")], SUM) is None


def test_a_cancelled_event_is_taken_out_once() -> None:
    bucket = after(EMPTY, arrival("a", 5), arrival("b", 7))
    bucket = after(bucket, arrival("a", 5, cancels=True))
    assert bucket.aggregate.count == 1
    assert bucket.aggregate.total == 7
    assert count(bucket, [], [arrival("a", 5, cancels=True), arrival("a", 5)], SUM) is None


def test_an_event_cancelled_before_it_was_counted_leaves_a_tombstone() -> None:
    bucket = after(EMPTY, arrival("a", 5, cancels=True))
    assert bucket.aggregate.count == 0
    assert count(bucket, [], [arrival("a", 5)], SUM) is None


def test_cancelling_the_greatest_leaves_the_next() -> None:
    bucket = after(EMPTY, arrival("a", 5), arrival("b", 9), arrival("c", 7), measure=MAX)
    bucket = after(bucket, arrival("b", 9, cancels=True), measure=MAX)
    assert bucket.aggregate.extreme == 7


@pytest.mark.parametrize(
    ("bucket", "arrivals", "expected"),
    [
        (Bucket(watermark=10), [arrival("a", at=5)], None),
        (Bucket(watermark=10, segments=1), [arrival("a", at=11)], None),
        (Bucket(watermark=10, segments=1), [arrival("a", at=10)], 10),
        (Bucket(watermark=10, segments=1), [arrival("a", at=12), arrival("b", at=3)], 3),
    ],
)
def test_evidence_is_read_from_the_earliest_acceptance_unless_all_is_newer(
    bucket: Bucket, arrivals: list[Row], expected: int | None
) -> None:
    assert evidence_from(bucket, arrivals, SUM) == expected


def test_taking_out_of_a_measure_that_is_not_additive_needs_all_rows() -> None:
    bucket = Bucket(watermark=10, segments=1)
    assert evidence_from(bucket, [arrival("a", at=11, cancels=True)], MAX) == 0


def test_standing_rows_are_those_counted_and_not_cancelled() -> None:
    rows = [arrival("a"), arrival("b"), arrival("a"), arrival("b", cancels=True)]
    assert standing(rows) == [arrival("a")]
