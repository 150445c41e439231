"""The simulator proves something only if it catches every way of getting counting wrong.

Each mutation breaks one rule of the mechanism; some seed among the first few hundred must notice.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.core.metering import aggregation, buckets, day_totals, second_profiles
from meterline.core.metering.aggregation import Aggregate, Measure, Row
from meterline.core.metering.buckets import Bucket
from meterline.core.metering.dimensions import WHOLE, Cells
from meterline.core.metering.samples import Samples
from meterline.core.metering.second_profiles import Seconds
from meterline.services.metering import (
    accept,
    contention,
    count,
    hour_profiles,
    parcels,
    usage_query,
)
from meterline.services.metering import day_totals as day_totals_service
from meterline.services.metering.groups import Group
from meterline.store.base import failures
from meterline.store.base.batches import RETRIABLE
from meterline.store.base.clients import dynamodb
from meterline.store.metering import cells, meter_events, usage, usage_commits
from meterline.store.metering import day_totals as stored_totals
from meterline.store.metering import parcels as stored_parcels
from meterline.store.metering.parcels import Parcel, ParcelKey
from meterline.store.metering.segment_chain import Chain
from meterline.store.metering.usage import BucketKey
from meterline.store.metering.usage_commits import Change
from tests.dynamodb import partiql
from tests.dynamodb.tables import Table
from tests.faults.engine import FakeDynamoDB
from tests.faults.simulation import NOTHING_IS_SET_ASIDE, Simulation

SEEDS = 300

FIRST = {
    "a_cancellation_without_tombstone": 101,
    "a_watermark_that_goes_back": 25,
    "a_profile_that_overlooks_cancellations": 58,
    "a_profile_that_takes_tombstones_for_events": 7,
    "a_mark_after_its_change": 238,
    "a_parcel_that_tells_the_time_of_the_retry": 15,
    "a_read_that_forgets_what_was_left_undone": 9,
    "cells_admitted_over_those_of_others": 13,
    "days_that_settle_before_changes_are_late": 103,
    "levels_in_the_order_of_receipt": 40,
    "marks_that_do_not_ripen": 54,
    "no_dedupe": 48,
    "segments_that_are_not_looked_for_again": 11,
    "totals_that_overwrite_marks": 76,
}
"""Where to begin to look: some mutations need a rare run. Earlier seeds come at the end."""

FORMULAS = {
    "a_greatest_value_that_outlives_its_event": "max",
    "a_level_that_ends_with_its_hour": "weighted_sum",
    "levels_in_the_order_of_receipt": "weighted_sum",
    "a_day_that_forgets_its_last_level": "weighted_sum",
    "samples_that_are_told_without_zeros": "percentile",
    "a_sample_that_outlives_its_events": "percentile",
}
"""What the meter counts where it matters; a sum elsewhere."""

OF_DAYS = {
    "a_late_change_without_a_mark",
    "a_mark_after_its_change",
    "days_that_settle_before_changes_are_late",
    "marks_that_do_not_ripen",
    "totals_that_overwrite_marks",
    "a_mark_on_the_day_of_another_cell",
    "a_day_that_forgets_its_last_level",
}
"""Those that need usage of several days; that of one is never added up."""

OF_CELLS = {
    "cells_that_are_counted_together",
    "cells_that_are_read_in_the_wrong_place",
    "cells_that_are_admitted_in_vain",
    "cells_admitted_over_those_of_others",
    "a_cell_too_many_that_is_only_told",
    "a_parcel_that_forgets_its_cell",
    "a_mark_on_the_day_of_another_cell",
}
"""Those that need a meter with dimensions."""

type Break = Callable[[pytest.MonkeyPatch], None]


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


def unconditional_acceptance(patch: pytest.MonkeyPatch) -> None:
    def insert_many(events: Sequence[meter_events.AcceptedEvent]) -> list[None]:
        for event in events:
            item = meter_events._item(event)  # noqa: SLF001 - the mutation is in there
            dynamodb().put_item(TableName="meter_events", Item=item)
        return [None] * len(events)

    patch.setattr(meter_events, "insert_many", insert_many)


def a_lost_answer_taken_for_a_duplicate(patch: pytest.MonkeyPatch) -> None:
    final_outcome = accept._final_outcome  # noqa: SLF001 - the mutation is in there

    def of_another_request(
        outcome: accept.Outcome,
        passed: Mapping[str, meter_events.AcceptedEvent],
        holders: Mapping[str, meter_events.AcceptedEvent | None],
    ) -> accept.Outcome:
        final = final_outcome(outcome, passed, holders)
        is_held = holders.get(outcome.identifier) is not None
        return final._replace(event=None) if is_held and final.refusal is None else final

    patch.setattr(accept, "_final_outcome", of_another_request)


def a_cancellation_that_is_only_said(patch: pytest.MonkeyPatch) -> None:
    def cancel(*_: object, **__: object) -> None:
        """Say that it was done."""

    patch.setattr(meter_events, "cancel", cancel)


def a_removal_taken_for_a_cancellation(patch: pytest.MonkeyPatch) -> None:
    group_records = count.group_records

    def expired(records: Iterable[count.Record]) -> dict[BucketKey, Group]:
        return group_records([_as_cancelled(record) for record in records])

    patch.setattr(count, "group_records", expired)


def _as_cancelled(record: count.Record) -> count.Record:
    change = record["dynamodb"]
    if "OldImage" not in change:
        return record
    image = change["OldImage"] | {"cancelled_at": {"N": "1"}}
    return {"eventName": "MODIFY", "dynamodb": change | {"NewImage": image}}


def a_batch_that_broke_off_taken_for_committed(patch: pytest.MonkeyPatch) -> None:
    commit_many = usage_commits.commit_many

    def hopeful(changes: Sequence[usage_commits.Change]) -> usage_commits.Committed:
        try:
            return commit_many(changes)
        except (ClientError, ReadTimeoutError):
            return usage_commits.Committed([], [])

    patch.setattr(usage_commits, "commit_many", hopeful)


def a_read_that_forgets_what_was_left_undone(patch: pytest.MonkeyPatch) -> None:
    batch_get_item = FakeDynamoDB.batch_get_item

    def as_if_whole(engine: FakeDynamoDB, **request: Any) -> dict[str, Any]:
        return batch_get_item(engine, **request) | {"UnprocessedKeys": {}}

    patch.setattr(FakeDynamoDB, "batch_get_item", as_if_whole)


def events_that_were_throttled_taken_for_stored(patch: pytest.MonkeyPatch) -> None:
    _overlook(patch, "meter_events", {*RETRIABLE})


def counters_that_met_a_transaction_taken_for_written(patch: pytest.MonkeyPatch) -> None:
    _overlook(patch, "usage", {"TransactionConflict"})


def _overlook(patch: pytest.MonkeyPatch, table: str, codes: set[str]) -> None:
    """Take statements to a table that were refused with these codes for done."""
    execute = FakeDynamoDB.batch_execute_statement

    def hopeful(engine: FakeDynamoDB, **request: Any) -> dict[str, Any]:
        answers = execute(engine, **request)["Responses"]
        done = {"TableName": table}
        return {
            "Responses": [
                done
                if answer["TableName"] == table and answer.get("Error", {}).get("Code") in codes
                else answer
                for answer in answers
            ]
        }

    patch.setattr(FakeDynamoDB, "batch_execute_statement", hopeful)


def records_set_aside_for_what_passes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(failures, "passes", lambda _: False)


def a_late_change_without_a_mark(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage_commits, "mark_late", lambda *_: None)


def a_mark_after_its_change(patch: pytest.MonkeyPatch) -> None:
    commit_many, mark_late = usage_commits.commit_many, stored_totals.mark_late

    def too_late(changes: Sequence[Change]) -> usage_commits.Committed:
        done = commit_many(changes)
        mark_late([change.key for change in changes], int(vars(usage_commits)["time"]()))
        return done

    a_late_change_without_a_mark(patch)
    patch.setattr(usage_commits, "commit_many", too_late)


def days_that_settle_before_changes_are_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(day_totals, "SETTLED_SECONDS", day_totals.LATE_SECONDS - 2 * 3_600)


def marks_that_do_not_ripen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(day_totals, "RIPE_SECONDS", 0)


def totals_that_overwrite_marks(patch: pytest.MonkeyPatch) -> None:
    save_totals = stored_totals.save_totals

    def anyhow(months: Sequence[stored_totals.Month], totals: Mapping[int, Aggregate]) -> None:
        places = [month.place for month in months]
        save_totals([*stored_totals._read_months(places).values()], totals)  # noqa: SLF001 - see above

    patch.setattr(stored_totals, "save_totals", anyhow)


def events_of_a_parcel_left_to_it_unseen(patch: pytest.MonkeyPatch) -> None:
    def as_if_there(keys: Iterable[ParcelKey]) -> Mapping[ParcelKey, object]:
        return dict.fromkeys(keys, Everything())

    patch.setattr(stored_parcels, "identities_in", as_if_there)


class Everything:
    def __contains__(self, _: object) -> bool:
        return True


def a_parcel_that_was_there_first_taken_for_all(patch: pytest.MonkeyPatch) -> None:
    """The parcel is stored before its events are, whatever becomes of them."""
    in_parcels = parcels.in_parcels

    def hasty(events: Sequence[meter_events.AcceptedEvent]) -> list[meter_events.AcceptedEvent]:
        marked = in_parcels(events)
        parcels.send(marked, now=0)
        return marked

    patch.setattr(parcels, "in_parcels", hasty)


def a_parcel_that_tells_the_time_of_the_retry(patch: pytest.MonkeyPatch) -> None:
    row = parcels._row  # noqa: SLF001 - the mutation is in there

    def late(event: meter_events.AcceptedEvent) -> Row:
        return row(event)._replace(accepted_at=event.accepted_at + 10**9)

    patch.setattr(parcels, "_row", late)


def a_cancellation_left_to_the_parcel(patch: pytest.MonkeyPatch) -> None:
    def is_marked(record: count.Record) -> bool:
        return "in_parcel" in record["dynamodb"].get("NewImage", {})

    patch.setattr(parcels, "_is_marked", is_marked)


def cancellations_dropped_when_handing_over(patch: pytest.MonkeyPatch) -> None:
    put_parcel = stored_parcels.put_parcel

    def without(parcel: Parcel, *, now: int) -> None:
        rows = [row for row in parcel.rows if not row.cancels]
        if rows:
            put_parcel(parcel._replace(rows=rows), now=now)

    patch.setattr(contention, "put_parcel", without)


def a_parcel_that_failed_taken_for_handed_over(patch: pytest.MonkeyPatch) -> None:
    put_parcel = stored_parcels.put_parcel

    def hopeful(parcel: Parcel, *, now: int) -> None:
        with suppress(ClientError, ReadTimeoutError):
            put_parcel(parcel, now=now)

    patch.setattr(contention, "put_parcel", hopeful)


def cells_that_are_counted_together(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(accept, "cell_of", lambda values: values and "one")


def cells_that_are_read_in_the_wrong_place(patch: pytest.MonkeyPatch) -> None:
    first_query = day_totals_service._first_query  # noqa: SLF001 - the rule that is broken

    def of_the_whole(one: day_totals_service.Range) -> Any:
        return first_query(one._replace(key=one.key._replace(cell=WHOLE)))

    patch.setattr(day_totals_service, "_first_query", of_the_whole)


def cells_that_are_admitted_in_vain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cells, "_save", lambda *_: True)


def cells_admitted_over_those_of_others(patch: pytest.MonkeyPatch) -> None:
    save = cells._save  # noqa: SLF001 - the rule that is broken

    def anyhow(key: cells.CellsKey, before: Any, admitted: Cells) -> bool:
        latest = cells._known([key], is_consistent=True)[key]  # noqa: SLF001
        return save(key, replace(before, version=latest.version), admitted)

    patch.setattr(cells, "_save", anyhow)


def a_cell_too_many_that_is_only_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cells, "_left_out", lambda *_: [])


def a_parcel_that_forgets_its_cell(patch: pytest.MonkeyPatch) -> None:
    def of_the_whole(record: Mapping[str, Any]) -> list[Parcel]:
        return [
            parcel._replace(key=parcel.key._replace(bucket=parcel.key.bucket._replace(cell="")))
            for parcel in stored_parcels.parcels_of(record["dynamodb"]["NewImage"])
        ]

    patch.setattr(parcels, "parcels_of", of_the_whole)


def a_mark_on_the_day_of_another_cell(patch: pytest.MonkeyPatch) -> None:
    mark = stored_totals.mark_late

    def elsewhere(keys: Iterable[BucketKey], now: int) -> None:
        mark([key._replace(cell="") for key in keys], now)

    patch.setattr(usage_commits, "mark_late", elsewhere)


def a_level_that_ends_with_its_hour(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage_query, "_level_before", lambda *_: aggregation.ZERO)


def levels_in_the_order_of_receipt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(aggregation, "_by_time", lambda row: (row.accepted_at, row.identity))


def a_day_that_forgets_its_last_level(patch: pytest.MonkeyPatch) -> None:
    total_of = day_totals.total_of

    def without_it(state: day_totals.State) -> Aggregate | None:
        total = total_of(state)
        if total is None or total.chosen is None:
            return total
        return replace(total, chosen=total.chosen._replace(value=aggregation.ZERO))

    patch.setattr(day_totals, "total_of", without_it)


def samples_that_are_told_without_zeros(patch: pytest.MonkeyPatch) -> None:
    told = Samples.told

    def of_those_with_events(self: Samples, start: int, end: int, percentage: Decimal) -> Samples:
        return replace(told(self, start, end, percentage), left_out=len(self.sums) // 50)

    patch.setattr(Samples, "told", of_those_with_events)


def a_sample_that_outlives_its_events(patch: pytest.MonkeyPatch) -> None:
    take_out = aggregation.without

    def but_for_samples(whole: Aggregate, row: Row, measure: Measure) -> Aggregate:
        return replace(take_out(whole, row, measure), samples=whole.samples)

    patch.setattr(aggregation, "without", but_for_samples)


WRONG_USAGE = "usage is what its events add up to"

WRONG_PARTS = "parts are what their events add up to"

NOTICED_BY: dict[Break, str] = {
    no_version_condition: WRONG_USAGE,
    no_dedupe: WRONG_USAGE,
    evidence_read_before_the_counter: WRONG_USAGE,
    evidence_read_from_the_past: WRONG_USAGE,
    counters_read_from_the_past: WRONG_USAGE,
    a_watermark_that_is_off_by_one: WRONG_USAGE,
    a_watermark_that_goes_back: WRONG_USAGE,
    segments_that_overwrite_each_other: WRONG_USAGE,
    a_counter_without_its_segment: NOTHING_IS_SET_ASIDE,
    copies_left_behind_taken_for_segments: WRONG_USAGE,
    rows_dropped_where_their_copy_was_throttled: NOTHING_IS_SET_ASIDE,
    a_cancellation_without_tombstone: WRONG_USAGE,
    a_greatest_value_that_outlives_its_event: WRONG_USAGE,
    segments_that_are_not_looked_for_again: WRONG_USAGE,
    a_profile_that_overlooks_cancellations: WRONG_USAGE,
    a_profile_that_takes_tombstones_for_events: "usage can be read",
    unconditional_acceptance: WRONG_USAGE,
    a_lost_answer_taken_for_a_duplicate: "what is stored was accepted",
    a_cancellation_that_is_only_said: "what was cancelled says so",
    a_removal_taken_for_a_cancellation: WRONG_USAGE,
    a_batch_that_broke_off_taken_for_committed: WRONG_USAGE,
    a_read_that_forgets_what_was_left_undone: WRONG_USAGE,
    events_that_were_throttled_taken_for_stored: "what was accepted is stored",
    counters_that_met_a_transaction_taken_for_written: WRONG_USAGE,
    records_set_aside_for_what_passes: NOTHING_IS_SET_ASIDE,
    a_late_change_without_a_mark: WRONG_USAGE,
    a_mark_after_its_change: WRONG_USAGE,
    days_that_settle_before_changes_are_late: WRONG_USAGE,
    marks_that_do_not_ripen: WRONG_USAGE,
    totals_that_overwrite_marks: WRONG_USAGE,
    events_of_a_parcel_left_to_it_unseen: WRONG_USAGE,
    a_parcel_that_was_there_first_taken_for_all: WRONG_USAGE,
    a_parcel_that_tells_the_time_of_the_retry: WRONG_USAGE,
    a_cancellation_left_to_the_parcel: WRONG_USAGE,
    cancellations_dropped_when_handing_over: WRONG_USAGE,
    a_parcel_that_failed_taken_for_handed_over: WRONG_USAGE,
    cells_that_are_counted_together: WRONG_PARTS,
    cells_that_are_read_in_the_wrong_place: WRONG_USAGE,
    cells_that_are_admitted_in_vain: WRONG_USAGE,
    cells_admitted_over_those_of_others: WRONG_USAGE,
    a_cell_too_many_that_is_only_told: "cells are bounded",
    a_parcel_that_forgets_its_cell: WRONG_USAGE,
    a_mark_on_the_day_of_another_cell: WRONG_USAGE,
    a_level_that_ends_with_its_hour: WRONG_USAGE,
    levels_in_the_order_of_receipt: WRONG_USAGE,
    a_day_that_forgets_its_last_level: WRONG_USAGE,
    samples_that_are_told_without_zeros: WRONG_USAGE,
    a_sample_that_outlives_its_events: WRONG_USAGE,
}
"""The rule by which each is noticed: that the code fails in some other way does not count."""


@pytest.mark.parametrize("mutation", NOTICED_BY, ids=lambda mutation: str(mutation.__name__))
def test_the_simulator_catches(
    mutation: Break, simulate: Callable[[Simulation], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutation(monkeypatch)
    first = FIRST.get(mutation.__name__, 0)
    noticed: Counter[str] = Counter()
    for seed in (*range(first, SEEDS), *range(first)):
        try:
            days = 3 if mutation.__name__ in OF_DAYS else 1
            formula = FORMULAS.get(mutation.__name__, "sum")
            has_dimensions = mutation.__name__ in OF_CELLS
            simulate(Simulation(seed, formula, days=days, has_dimensions=has_dimensions))
        except Exception as error:  # noqa: BLE001 - what is no broken rule is counted, and told
            noticed[getattr(error, "rule", repr(error))] += 1
            if noticed[NOTICED_BY[mutation]]:
                print(mutation.__name__, seed, error)
                return
    pytest.fail(f"{mutation.__name__} broke no rule in {SEEDS} seeds: {noticed}")
