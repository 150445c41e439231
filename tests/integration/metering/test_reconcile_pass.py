"""A pass of reconciliation: resumable, once a week, and what differs is told once."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.core.metering.aggregation import Row
from meterline.core.metering.buckets import EMPTY
from meterline.observability import InvocationFailed
from meterline.services.base.context import Context
from meterline.services.events.event_log import EventSpan, events_in
from meterline.services.metering import count, reconcile_pass
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from meterline.services.metering.groups import Group
from meterline.services.metering.reconcile_pass import (
    BUDGET_SECONDS,
    PASS_SECONDS,
    SEGMENTS,
    SETTLING_SECONDS,
    reconcile,
)
from meterline.store.base.batches import Throttled
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import usage, usage_commits
from meterline.store.metering.reconciliations import read_progress
from meterline.store.metering.usage import BucketKey, NotVisible
from meterline.store.metering.usage_commits import Change, LostRace
from meterline_cli import reconcile as command
from tests.engines import Engine
from tests.handlers import load_handler
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


def told() -> list[Any]:
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
    progress = read_progress(SEGMENTS)
    assert (progress.events, progress.finished_at) == (10, LATER)
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
    assert one["missing_events"] == 6
    assert one["recounted"]["event_count"] == 10


def test_the_same_difference_is_told_once_though_its_round_is_repeated(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_counted(dynamodb)
    with monkeypatch.context() as patch:
        patch.setattr(reconcile_pass, "save_progress", lose_the_call)
        with pytest.raises(ReadTimeoutError):
            reconcile(LATER)
    before = told()
    assert reconcile(LATER).differences == 1
    assert told() == before
    assert len(before) == 1


def lose_the_call(*_: object, **__: object) -> None:
    raise ReadTimeoutError(endpoint_url="table")


def test_a_counter_is_told_once_however_many_rounds_show_it(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_counted(dynamodb)
    one_event_a_round(dynamodb, monkeypatch)
    assert 1 <= reconcile(LATER).differences <= 6
    assert len(told()) == 1


def test_a_counter_that_has_changed_and_still_differs_is_told_again(dynamodb: Engine) -> None:
    half_counted(dynamodb)
    reconcile(LATER)
    assert count.count_records(stored_records(dynamodb)[4:7]) == []
    send(event("never counted"), by=sender("another", at=LATER))
    reconcile(LATER + PASS_SECONDS)
    counted = [one["data"]["object"]["counted"]["event_count"] for one in told()]
    assert sorted(counted) == [4, 7]


def test_a_pass_begins_once_a_week_and_compares_what_was_received_since(dynamodb: Engine) -> None:
    send(event("e"))
    deliver(dynamodb)
    assert reconcile(LATER).events == 1
    send(event("later"), by=sender("another", at=LATER + 60))
    assert reconcile(LATER + PASS_SECONDS - 1).events == 0
    assert reconcile(LATER + PASS_SECONDS).events == 1
    assert reconcile(LATER + 2 * PASS_SECONDS).events == 0


def test_a_pass_compares_again_what_was_cancelled_since(dynamodb: Engine) -> None:
    send(event("e"), event("other"))
    deliver(dynamodb)
    assert reconcile(LATER).events == 2
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e"}}
    create_meter_event_adjustment(sender(at=LATER), cancel)
    done = reconcile(LATER + PASS_SECONDS)
    assert (done.events, done.differences) == (1, 1)


def test_an_event_cancelled_as_a_pass_begins_is_left_to_the_next(dynamodb: Engine) -> None:
    send(event("e"), event("other"))
    deliver(dynamodb)
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e"}}
    create_meter_event_adjustment(sender(at=LATER), cancel)
    assert reconcile(LATER).events == 1
    done = reconcile(LATER + PASS_SECONDS)
    assert (done.events, done.differences) == (1, 1)


@pytest.mark.parametrize("second", range(3))
def test_passes_that_follow_each_other_leave_no_moment_out(dynamodb: Engine, second: int) -> None:
    boundary = LATER - SETTLING_SECONDS
    send(event("e"), by=sender(at=boundary - 1 + second))
    deliver(dynamodb)
    found = [reconcile(LATER + number * PASS_SECONDS).events for number in range(3)]
    assert sum(found) == 1


def test_a_pass_that_ran_out_of_time_goes_on_where_it_stopped(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(*(event(f"e{n}") for n in range(40)))
    deliver(dynamodb)
    one_event_a_round(dynamodb, monkeypatch)
    found = []
    for hour in itertools.count():
        # Every look at the clock takes a sixth of the budget: a round or two.
        clock = itertools.count(step=BUDGET_SECONDS // 6).__next__
        done = reconcile(LATER + hour * 3_600, monotonic=clock)
        found.append(done.events)
        if done.is_done:
            break
    assert sum(found) == 40
    assert len(found) > 2


@pytest.mark.parametrize("days", [37, 38, 39])
def test_a_pass_that_comes_too_late_for_repairs_is_a_failure(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    send(*(event(f"e{n}") for n in range(30)))
    deliver(dynamodb)
    one_event_a_round(dynamodb, monkeypatch)
    monkeypatch.setattr(reconcile_pass, "BUDGET_SECONDS", 2)
    assert not reconcile(LATER, monotonic=itertools.count().__next__).is_late
    later = LATER + days * 86_400
    done = reconcile(later, monotonic=itertools.count().__next__)
    assert not done.is_done
    assert done.is_late == (days == 39)


@pytest.mark.usefixtures("dynamodb")
def test_the_function_fails_when_events_expire_before_they_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile_pass, "BUDGET_SECONDS", 0)
    monkeypatch.setattr(reconcile_pass, "SPARE_SECONDS", 46 * 86_400)
    with pytest.raises(InvocationFailed, match="ReconciliationLate"):
        load_handler("reconcile_usage")({}, None)


def test_an_hour_is_read_once_however_many_pages_show_it(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(*(event(f"e{n}") for n in range(60)))
    deliver(dynamodb)
    one_event_a_page(dynamodb, monkeypatch)
    read = []
    read_buckets = usage.read_buckets

    def noted(keys: list[BucketKey], *args: Any, **options: Any) -> Any:
        read.append((keys, options))
        return read_buckets(keys, *args, **options)

    monkeypatch.setattr(usage, "read_buckets", noted)
    assert reconcile(LATER).events == 60
    [(keys, options)] = read
    assert len(keys) == 1
    assert options == {"is_consistent": False}


@pytest.mark.parametrize("events", [1, 60])
def test_what_an_eventual_read_does_not_show_yet_is_no_difference(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, events: int
) -> None:
    send(*(event(f"e{n}") for n in range(events)))
    deliver(dynamodb)
    read_buckets = usage.read_buckets

    def of_the_past(keys: list[BucketKey], *args: Any, is_consistent: bool = True) -> Any:
        seen = read_buckets(keys, *args)
        return seen if is_consistent else dict.fromkeys(seen, EMPTY)

    monkeypatch.setattr(usage, "read_buckets", of_the_past)
    assert reconcile(LATER).differences == 0


def test_segments_that_an_eventual_read_does_not_show_yet_are_no_difference(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(*(event(f"e{n}") for n in range(60)))
    deliver(dynamodb)

    def unseen(*_: object) -> Iterator[list[Row]]:
        raise NotVisible

    monkeypatch.setattr("meterline.services.metering.reconcile.newest_first", unseen)
    assert reconcile(LATER).differences == 0


def one_event_a_round(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rounds stop after a page of each segment, and pages after an event."""
    one_event_a_page(engine, monkeypatch)
    monkeypatch.setattr(reconcile_pass, "FIRST_EVENTS", 1)
    monkeypatch.setattr(reconcile_pass, "MOST_EVENTS", 1)


def one_event_a_page(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let scans stop after each event, as they do after a megabyte."""
    scan = engine.client.scan

    class Client:
        def __getattr__(self, name: str) -> object:
            return getattr(engine.client, name)

        def scan(self, **request: object) -> object:
            return scan(Limit=1, **request)

    monkeypatch.setattr("meterline.store.metering.event_scan.dynamodb", Client)


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
    send(*(event(f"of {customer}", 5, customer=customer) for customer in CUSTOMERS))
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
    assert {customer: used(customer=customer) for customer in CUSTOMERS} == dict.fromkeys(
        CUSTOMERS, 5
    ) | {failing: 999}


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize("failing", CUSTOMERS)
def test_an_hour_that_cannot_be_counted_is_named_and_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failing: str,
) -> None:
    send(*(event(f"of {customer}", 5, customer=customer) for customer in CUSTOMERS))

    def count_groups(pending: dict[BucketKey, Group]) -> dict[BucketKey, Group]:
        [key] = pending
        return pending if key.customer == failing else count.count_groups(pending)

    monkeypatch.setattr("meterline.services.metering.reconcile.count_groups", count_groups)
    assert command.run(["--repair"]) == 1
    assert ONE_IS_LEFT in capsys.readouterr().out
    assert {customer: used(customer=customer) for customer in CUSTOMERS} == dict.fromkeys(
        CUSTOMERS, 5
    ) | {failing: 0}


def test_a_table_that_does_not_keep_up_is_told_in_words(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    half_counted(dynamodb)

    def throttled(*_: object, **__: object) -> None:
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
    [cut] = [item for item in engine.scan("meter_events") if item["n"]["S"] == "a0"]
    del cut["a"]
    engine.client.put_item(TableName=engine.tables["meter_events"], Item=cut)


def spoil_event(engine: Engine) -> None:
    """Let an event of ``cus_a`` have no number as its value."""
    [spoiled] = [item for item in engine.scan("meter_events") if item["n"]["S"] == "a0"]
    spoiled["v"] = {"S": "spoiled"}
    engine.client.put_item(TableName=engine.tables["meter_events"], Item=spoiled)


@pytest.mark.parametrize("spoil", [spoil_counter, spoil_segment, spoil_event, cut_event])
def test_what_cannot_be_read_is_counted_and_keeps_nothing_else_from_being_compared(
    dynamodb: Engine, capsys: pytest.CaptureFixture[str], spoil: Callable[[Engine], None]
) -> None:
    send(*(event(f"a{n}") for n in range(100)))
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
    assert [metric["UsageDifferences"] for metric in metrics if "UsageDifferences" in metric] == [
        [1]
    ]


def test_a_table_that_does_not_answer_is_no_difference(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(event("e"))
    deliver(dynamodb)

    monkeypatch.setattr(usage, "read_buckets", lose_the_call)
    with pytest.raises(ReadTimeoutError):
        reconcile(LATER)
    assert read_progress(SEGMENTS).unreadable == 0
