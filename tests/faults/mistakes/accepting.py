"""Accepting events, cancelling them, and handing them to the counters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.services.metering import (
    accept,
    count,
)
from meterline.services.metering.groups import Group
from meterline.store.base import failures
from meterline.store.base.batches import RETRIABLE
from meterline.store.base.clients import dynamodb
from meterline.store.metering import meter_events, usage_commits
from meterline.store.metering.usage import BucketKey
from tests.faults.engine import FakeDynamoDB
from tests.faults.mistakes.mistake import Miscount
from tests.faults.simulation import NOTHING_IS_SET_ASIDE


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


MISTAKES = (
    Miscount(unconditional_acceptance),
    Miscount(a_lost_answer_taken_for_a_duplicate, noticed_by="what is stored was accepted"),
    Miscount(a_cancellation_that_is_only_said, noticed_by="what was cancelled says so"),
    Miscount(a_removal_taken_for_a_cancellation),
    Miscount(a_batch_that_broke_off_taken_for_committed),
    Miscount(a_read_that_forgets_what_was_left_undone, first=9),
    Miscount(events_that_were_throttled_taken_for_stored, noticed_by="what was accepted is stored"),
    Miscount(counters_that_met_a_transaction_taken_for_written),
    Miscount(records_set_aside_for_what_passes, noticed_by=NOTHING_IS_SET_ASIDE),
)
