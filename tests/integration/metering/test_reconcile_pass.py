"""A pass of reconciliation: resumable, once a day, and what differs is told once."""

import itertools
import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.core.metering.aggregation import NOTHING, Measure, Row
from meterline.core.metering.buckets import Bucket
from meterline.services.base.context import Context
from meterline.services.events.event_log import EventSpan, events_in
from meterline.services.metering import count, reconcile_pass
from meterline.services.metering.count import Group
from meterline.services.metering.reconcile import Known, Remembered
from meterline.services.metering.reconcile_pass import (
    BUDGET_SECONDS,
    PASS_SECONDS,
    SEGMENTS,
    reconcile,
)
from meterline.store.base.batches import Throttled
from meterline.store.base.documents import Body
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import usage, usage_commits
from meterline.store.metering.reconciliations import read_progress
from meterline.store.metering.usage import BucketKey
from meterline.store.metering.usage_commits import Change, LostRace
from meterline_cli import reconcile as command
from tests.engines import Engine
from tests.integration.api.bridge import load_handler
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    deliver,
    event,
    meter_body,
    send,
    sender,
    stored_records,
    used,
)

LATER = NOW + 7_200
CUSTOMERS = ("cus_a", "cus_b")
ONE_IS_LEFT = (
    "2 differences found.\n"
    "What was received in the last 3,600 s was left out.\n"
    "1 of them could not be repaired (repeat the command):\n"
    f"  {meter_body()['id']} hour from {HOUR_START}\n"
)


def told() -> list[Body]:
    store = BillingStore(livemode=False)
    ctx = Context(store, LATER, LATER)
    return list(events_in(ctx, EventSpan()))


def half_counted(engine: Engine) -> None:
    """Ten events of one hour, and four of them counted."""
    send(*(event(f"e{n}", n) for n in range(10)))
    assert count.count_records(stored_records(engine)[:4]) == []


def test_right_counters_give_a_result_and_no_event(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n) for n in range(10)))
    deliver(dynamodb)
    done = reconcile(LATER)
    assert (done.events, done.differences, done.is_done) == (10, 0, True)
    progress = [read_progress(segment, SEGMENTS) for segment in range(SEGMENTS)]
    assert sum(one.events for one in progress) == 10
    assert all(one.finished_at == LATER for one in progress)
    assert told() == []


def test_a_difference_is_told_in_an_event_with_both_numbers(dynamodb: Engine) -> None:
    half_counted(dynamodb)
    assert reconcile(LATER).differences > 0
    [found] = told()
    assert found["type"] == "meterline.usage_difference.found"
    one = found["data"]["object"]
    assert one["customer"] == "cus_a"
    assert (one["start_time"], one["end_time"]) == (HOUR_START, HOUR_START + 3_600)
    assert one["counted"]["event_count"] == 4
    assert one["wrong_events"] == 0
    assert 1 <= one["missing_events"] <= 6
    assert one["recounted"]["event_count"] == 4 + one["missing_events"]


def test_the_same_difference_is_told_once_however_often_it_is_found(dynamodb: Engine) -> None:
    half_counted(dynamodb)
    reconcile(LATER)
    before = told()
    assert reconcile(LATER + PASS_SECONDS).differences > 0
    assert told() == before


def test_a_counter_is_told_once_wherever_pages_begin(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_counted(dynamodb)
    reconcile(LATER)
    before = told()
    one_event_a_page(dynamodb, monkeypatch)
    assert reconcile(LATER + PASS_SECONDS).differences == 6
    assert told() == before
    assert len(before) == 1


def test_a_counter_that_has_changed_and_still_differs_is_told_again(dynamodb: Engine) -> None:
    half_counted(dynamodb)
    reconcile(LATER)
    assert count.count_records(stored_records(dynamodb)[4:7]) == []
    reconcile(LATER + PASS_SECONDS)
    counted = [one["data"]["object"]["counted"]["event_count"] for one in told()]
    assert sorted(counted) == [4, 7]


def test_a_pass_begins_once_a_day(dynamodb: Engine) -> None:
    send(event("e"))
    deliver(dynamodb)
    assert reconcile(LATER).events == 1
    assert reconcile(LATER + 3_600).events == 0
    assert reconcile(LATER + PASS_SECONDS).events == 1


def test_a_pass_that_ran_out_of_time_goes_on_where_it_stopped(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(*(event(f"e{n}") for n in range(20)))
    deliver(dynamodb)
    one_event_a_page(dynamodb, monkeypatch)
    found = []
    for hour in itertools.count():
        # Every look at the clock takes a sixth of the budget: a page or two a segment.
        clock = itertools.count(step=BUDGET_SECONDS // 6).__next__
        done = reconcile(LATER + hour * 3_600, monotonic=clock)
        found.append(done.events)
        if done.is_done:
            break
    assert sum(found) == 20
    assert len(found) > 2


def test_an_hour_is_read_once_however_many_pages_show_it(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(*(event(f"e{n}") for n in range(60)))
    deliver(dynamodb)
    one_event_a_page(dynamodb, monkeypatch)
    read = []
    read_segments = usage.read_segments

    def noted(key: BucketKey, bucket: Bucket, measure: Measure) -> list[Row]:
        read.append(key)
        return read_segments(key, bucket, measure)

    monkeypatch.setattr(usage, "read_segments", noted)
    monkeypatch.setattr(reconcile_pass, "in_parallel", lambda calls: [call() for call in calls])
    assert reconcile(LATER).events == 60
    assert len(read) == 1


def test_an_hour_that_does_not_fit_is_forgotten_first() -> None:
    remembered = Remembered(most_rows=5)
    keys = [BucketKey(False, "mtr", "cus", hour) for hour in range(3)]  # noqa: FBT003
    for key in keys:
        remembered.put(key, Known(1, frozenset(range(2)), frozenset(), NOTHING))
    assert [remembered.get(key, 1) is not None for key in keys] == [False, True, True]
    assert remembered.get(keys[2], 2) is None


def one_event_a_page(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scans stop after each event, as they do after a megabyte."""
    scan = engine.client.scan

    class Client:
        def __getattr__(self, name: str) -> object:
            return getattr(engine.client, name)

        def scan(self, **request: object) -> object:
            return scan(Limit=1, **request)

    monkeypatch.setattr("meterline.store.metering.meter_events.dynamodb", Client)


def test_the_command_shows_differences_and_repairs_them(
    dynamodb: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    half_counted(dynamodb)
    assert command.run([]) == 1
    assert "1 differences found." in capsys.readouterr().out
    assert command.run(["--repair"]) == 0
    assert used() == 45
    assert command.run([]) == 0
    assert "10 events compared: 0 differences found." in capsys.readouterr().out


FAILURES = [
    LostRace(),
    Throttled("1 keys could not be read"),
    ReadTimeoutError(endpoint_url="table"),
    ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem"),
    ValueError("spoiled"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("failing", CUSTOMERS)
def test_a_counter_that_cannot_be_set_right_is_named_and_keeps_no_other_from_it(
    dynamodb: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failing: str,
    failure: Exception,
) -> None:
    send(*(event(f"of {one}", 5, customer=one) for one in CUSTOMERS))
    deliver(dynamodb)
    for counter in dynamodb.scan("usage"):
        number, _, *others = counter["sums"]["S"].split()
        wrong = counter | {"sums": {"S": " ".join([number, "999", *others])}}
        dynamodb.client.put_item(TableName=dynamodb.tables["usage"], Item=wrong)

    def commit(change: Change) -> None:
        if change.key.customer == failing:
            raise failure
        usage_commits.commit(change)

    monkeypatch.setattr("meterline.services.metering.reconcile.commit", commit)
    assert command.run(["--repair"]) == 1
    assert ONE_IS_LEFT in capsys.readouterr().out
    assert {one: used(customer=one) for one in CUSTOMERS} == dict.fromkeys(CUSTOMERS, 5) | {
        failing: 999
    }


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize("failing", CUSTOMERS)
def test_an_hour_that_cannot_be_counted_is_named_and_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failing: str,
) -> None:
    send(*(event(f"of {one}", 5, customer=one) for one in CUSTOMERS))

    def count_groups(pending: dict[BucketKey, Group]) -> dict[BucketKey, Group]:
        [key] = pending
        return pending if key.customer == failing else count.count_groups(pending)

    monkeypatch.setattr("meterline.services.metering.reconcile.count_groups", count_groups)
    assert command.run(["--repair"]) == 1
    assert ONE_IS_LEFT in capsys.readouterr().out
    assert {one: used(customer=one) for one in CUSTOMERS} == dict.fromkeys(CUSTOMERS, 5) | {
        failing: 0
    }


def test_a_table_that_does_not_keep_up_is_told_in_words(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    half_counted(dynamodb)

    def throttled(*_: object) -> None:
        raise Throttled("3 keys could not be read")

    monkeypatch.setattr(usage, "read_buckets", throttled)
    assert command.run(["--repair"]) == 2
    assert "Not all was compared: 3 keys could not be read." in capsys.readouterr().out


def spoil_counter(engine: Engine) -> None:
    """Leave the counter of ``cus_a`` without its numbers."""
    [counter] = [item for item in engine.scan("usage") if item["sk"]["S"].startswith("h#")]
    del counter["sums"]
    engine.client.put_item(TableName=engine.tables["usage"], Item=counter)


def spoil_segment(engine: Engine) -> None:
    """Let the rows of ``cus_a`` in a segment be none."""
    [segment] = [item for item in engine.scan("usage") if item["sk"]["S"].startswith("s#")]
    segment["rows"] = {"S": "spoiled"}
    engine.client.put_item(TableName=engine.tables["usage"], Item=segment)


def cut_event(engine: Engine) -> None:
    [cut] = [item for item in engine.scan("meter_events") if item["name"]["S"] == "a0"]
    del cut["measure"]
    engine.client.put_item(TableName=engine.tables["meter_events"], Item=cut)


def spoil_event(engine: Engine) -> None:
    """Let an event of ``cus_a`` have no number as its value."""
    [spoiled] = [item for item in engine.scan("meter_events") if item["name"]["S"] == "a0"]
    spoiled["value"] = {"S": "spoiled"}
    engine.client.put_item(TableName=engine.tables["meter_events"], Item=spoiled)


@pytest.mark.parametrize("spoil", [spoil_counter, spoil_segment, spoil_event, cut_event])
def test_what_cannot_be_read_is_counted_and_keeps_nothing_else_from_being_compared(
    dynamodb: Engine, capsys: pytest.CaptureFixture[str], spoil: Callable[[Engine], None]
) -> None:
    send(*(event(f"a{n}") for n in range(60)))
    deliver(dynamodb)
    send(event("b", customer="cus_b"), by=sender("never counted"))
    spoil(dynamodb)
    done = reconcile(LATER)
    assert (done.differences, done.is_done) == (1, True)
    assert done.unreadable > 0
    assert [one["data"]["object"]["customer"] for one in told()] == ["cus_b"]
    capsys.readouterr()
    assert command.run(["--repair"]) == 1
    assert "cannot be read" in capsys.readouterr().out
    assert used(customer="cus_b") == 1


def test_the_alarm_counts_what_cannot_be_read(
    dynamodb: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    send(event("a0"))
    deliver(dynamodb)
    spoil_counter(dynamodb)
    function = load_handler("reconcile_usage")
    assert function({}, None)["unreadable"] == 1
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["UsageDifferences"] for one in metrics if "UsageDifferences" in one] == [[1]]


def test_a_table_that_does_not_answer_is_no_difference(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(event("e"))
    deliver(dynamodb)

    def lost(*_: object) -> None:
        raise ReadTimeoutError(endpoint_url="table")

    monkeypatch.setattr(usage, "read_buckets", lost)
    with pytest.raises(ReadTimeoutError):
        reconcile(LATER)
    assert not any(read_progress(segment, SEGMENTS).unreadable for segment in range(SEGMENTS))
