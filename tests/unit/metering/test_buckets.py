"""The decision about a bucket: what is new, what the evidence is, when it need not be read."""

from dataclasses import replace
from decimal import Decimal
from itertools import batched

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering.aggregation import Aggregate, Formula, Measure, Row, Window, aggregate
from meterline.core.metering.buckets import EMPTY, Bucket, count, effective_rows, evidence_from
from meterline.core.metering.distinct import Distinct

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
    assert evidence_from(bucket, arrivals) == expected


@pytest.mark.parametrize(
    ("whole", "value", "expected"),
    [
        (Aggregate(2, Decimal(9), extreme=Decimal(5)), 5, 0),
        (Aggregate(2, Decimal(9), extreme=Decimal(5)), 4, 7),
        (Aggregate(2, Decimal(9), chosen=arrival("a", 4)), 4, 0),
        (Aggregate(2, Decimal(9), chosen=arrival("b", 4)), 4, 7),
        (Aggregate(2, distinct=Distinct(frozenset({4, 5}))), 4, 0),
        (Aggregate(2, distinct=Distinct(frozenset({4}), limit=5)), 5, 0),
        (Aggregate(2, distinct=Distinct(frozenset({4}), limit=5)), 6, 7),
    ],
)
def test_taking_out_an_event_needs_all_rows_only_where_the_aggregate_depends_on_it(
    whole: Aggregate, value: int, expected: int
) -> None:
    bucket = Bucket(watermark=10, segments=1, aggregate=whole)
    assert evidence_from(bucket, [arrival("a", value, at=7, cancels=True)]) == expected


MEASURES = [
    Measure(formula, window)
    for formula in Formula
    for window in (None, Window.HOUR)
    if window is None or formula not in (Formula.AVG, Formula.WEIGHTED_SUM)
]


@given(
    st.sampled_from(MEASURES),
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4), st.booleans()), max_size=30),
    st.integers(1, 6),
)
def test_with_the_evidence_it_asks_for_a_bucket_is_what_its_events_add_up_to(
    measure: Measure, stream: list[tuple[int, int, bool]], batch: int
) -> None:
    values: dict[int, int] = {}
    rows: list[Row] = []
    bucket = EMPTY
    for some in batched(stream, batch, strict=False):
        arrivals = [
            arrival(
                f"{number}", values.setdefault(number, value), at=number + 1, cancels=cancels
            )._replace(timestamp=values[number])
            for number, value, cancels in some
        ]
        since = evidence_from(bucket, arrivals)
        evidence = [row for row in rows if since is not None and row.accepted_at >= since]
        changed = count(bucket, evidence, arrivals, measure)
        if changed is None:
            continue
        rows += changed.inline
        bucket = replace(changed, inline=(), segments=1)
    whole = aggregate(effective_rows(rows), measure)
    kept = bucket.aggregate
    assert replace(kept, distinct=None) == replace(whole, distinct=None)
    assert (kept.distinct or Distinct()) == (whole.distinct or Distinct())


def test_standing_rows_are_those_counted_and_not_cancelled() -> None:
    rows = [arrival("a"), arrival("b"), arrival("a"), arrival("b", cancels=True)]
    assert effective_rows(rows) == [arrival("a")]
