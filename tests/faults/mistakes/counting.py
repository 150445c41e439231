"""Counters and the evidence of what they have counted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from meterline.core.metering import aggregation, buckets, second_profiles
from meterline.core.metering.aggregation import Measure, Row
from meterline.core.metering.buckets import Bucket
from meterline.core.metering.second_profiles import Seconds
from meterline.services.metering import (
    count,
    hour_profiles,
)
from meterline.store.metering import usage, usage_commits
from meterline.store.metering.segment_chain import Chain
from meterline.store.metering.usage import BucketKey
from meterline.store.metering.usage_commits import Change
from tests.dynamodb import partiql
from tests.dynamodb.tables import Table
from tests.faults.engine import FakeDynamoDB
from tests.faults.mistakes.mistake import Miscount
from tests.faults.simulation import NOTHING_IS_SET_ASIDE

THE_LATEST = Bucket(version=99_999_999, watermark=9_999_999_999_999_999, segments=1)


def no_version_condition(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage_commits, "_unchanged", lambda _: {})
    patch.setattr(partiql, "holds", lambda *_: True)


def no_dedupe(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(buckets, "_new_rows", lambda _, arrivals: list(arrivals))


def evidence_read_before_the_counter(patch: pytest.MonkeyPatch) -> None:
    read_buckets = usage.read_buckets
    early: dict[BucketKey, list[Row]] = {}

    def read_late(
        keys: Sequence[BucketKey], measures: Sequence[Measure], **how: bool
    ) -> Mapping[BucketKey, Bucket]:
        for key, measure in zip(keys, measures, strict=True):
            early[key] = usage.read_segments(key, THE_LATEST, measure)
        return read_buckets(keys, measures, **how)

    patch.setattr(usage, "read_buckets", read_late)
    patch.setattr(count, "_evidence", lambda key, *_: early[key])


def evidence_read_from_the_past(patch: pytest.MonkeyPatch) -> None:
    query = FakeDynamoDB.query

    def stale(engine: FakeDynamoDB, **request: Any) -> dict[str, Any]:
        return query(engine, **request | {"ConsistentRead": False})

    patch.setattr(FakeDynamoDB, "query", stale)


def counters_read_from_the_past(patch: pytest.MonkeyPatch) -> None:
    no_version_condition(patch)
    patch.setattr(Table, "seen", lambda table, _: table.past)


def a_watermark_that_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    def too_late(bucket: Bucket, arrivals: Sequence[Row]) -> int | None:
        lowered = [row._replace(accepted_at=row.accepted_at + 1) for row in arrivals]
        return evidence_from(bucket, lowered)

    evidence_from = buckets.evidence_from
    patch.setattr(buckets, "evidence_from", too_late)


def a_watermark_that_goes_back(patch: pytest.MonkeyPatch) -> None:
    counting = buckets.count

    def count_latest(
        bucket: Bucket, rows: Sequence[Row], arrivals: Sequence[Row], measure: Measure
    ) -> Bucket | None:
        fresh = replace(bucket, watermark=0)
        return counting(fresh, rows, arrivals, measure)

    patch.setattr(buckets, "count", count_latest)


def segments_that_overwrite_each_other(patch: pytest.MonkeyPatch) -> None:
    segment_items = usage_commits._segment_items  # noqa: SLF001 - the mutation is in there

    def same_name(change: Change, rows: bytes) -> list[dict[str, Any]]:
        items = segment_items(change, rows)
        for number, item in enumerate(items):
            item["sk"]["S"] = f"{item['sk']['S'][:16]}{9:016d}#{number:02d}"
        return items

    patch.setattr(usage_commits, "_segment_items", same_name)


def a_counter_without_its_segment(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage_commits, "_segment_items", lambda *_: [])


def copies_left_behind_taken_for_segments(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Chain, "has", lambda *_: True)


def rows_dropped_where_their_copy_was_throttled(patch: pytest.MonkeyPatch) -> None:
    copied = usage_commits._copied  # noqa: SLF001 - the mutation is in there

    def hopeful(moves: Sequence[Any], _: list[Change]) -> Iterable[Any]:
        list(copied(moves, []))
        return moves

    patch.setattr(usage_commits, "_copied", hopeful)


def a_cancellation_without_tombstone(patch: pytest.MonkeyPatch) -> None:
    new_rows = buckets._new_rows  # noqa: SLF001 - the mutation is in there

    def forgetful(known: Sequence[Row], arrivals: Sequence[Row]) -> list[Row]:
        added = new_rows(known, arrivals)
        counted = {row.identity for row in [*known, *added] if not row.cancels}
        return [row for row in added if row.identity in counted]

    patch.setattr(buckets, "_new_rows", forgetful)


def segments_that_are_not_looked_for_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage, "newest_segments", lambda *_: set())


def a_greatest_value_that_outlives_its_event(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(aggregation, "depends_on", lambda *_: False)


def a_profile_that_overlooks_cancellations(patch: pytest.MonkeyPatch) -> None:
    def without_cancelled(
        seconds: Seconds, later: Sequence[Row], _: Measure
    ) -> tuple[Seconds, list[Row]]:
        return seconds, buckets.effective_rows(later)

    patch.setattr(second_profiles, "without_cancelled", without_cancelled)
    patch.setattr(hour_profiles, "without_cancelled", without_cancelled)


def a_profile_that_takes_tombstones_for_events(patch: pytest.MonkeyPatch) -> None:
    without_cancelled = second_profiles.without_cancelled

    def with_tombstones(
        seconds: Seconds, later: Iterable[Row], measure: Measure
    ) -> tuple[Seconds, list[Row]]:
        rows = [row._replace(tombstone=False) for row in later]
        empty = dict.fromkeys((row.timestamp for row in rows), aggregation.NOTHING)
        return without_cancelled(empty | dict(seconds), rows, measure)

    patch.setattr(second_profiles, "without_cancelled", with_tombstones)
    patch.setattr(hour_profiles, "without_cancelled", with_tombstones)


MISTAKES = (
    Miscount(no_version_condition),
    Miscount(no_dedupe, first=48),
    Miscount(evidence_read_before_the_counter),
    Miscount(evidence_read_from_the_past),
    Miscount(counters_read_from_the_past),
    Miscount(a_watermark_that_is_off_by_one),
    Miscount(a_watermark_that_goes_back, first=25),
    Miscount(segments_that_overwrite_each_other),
    Miscount(a_counter_without_its_segment, noticed_by=NOTHING_IS_SET_ASIDE),
    Miscount(copies_left_behind_taken_for_segments),
    Miscount(rows_dropped_where_their_copy_was_throttled, noticed_by=NOTHING_IS_SET_ASIDE),
    Miscount(a_cancellation_without_tombstone, first=101),
    Miscount(segments_that_are_not_looked_for_again, first=11),
    Miscount(a_greatest_value_that_outlives_its_event, formula="max"),
    Miscount(a_profile_that_overlooks_cancellations, first=58),
    Miscount(a_profile_that_takes_tombstones_for_events, noticed_by="usage can be read", first=7),
)
