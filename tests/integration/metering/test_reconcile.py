"""Reconciliation finds what is wrong with counters, and puts it right."""

from meterline.services import count
from meterline.services.adjustments import create_meter_event_adjustment
from meterline.services.reconcile import repair
from tests.engines import Engine
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    all_differences,
    deliver,
    event,
    send,
    sender,
    stored_records,
    used,
)


def test_right_counters_have_no_differences(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n, at=HOUR_START + n) for n in range(80)))
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e3"}}
    create_meter_event_adjustment(sender(), cancel)
    deliver(dynamodb)
    assert all_differences() == []


def test_events_that_were_never_counted_are_found_and_counted_once(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n) for n in range(30)))
    count.count_records(stored_records(dynamodb)[:20])
    differences = all_differences()
    assert sum(len(one.missing) for one in differences) == 10
    repair(differences)
    repair(differences)
    assert used() == sum(range(30))
    assert all_differences() == []


def test_a_counter_that_contradicts_its_rows_is_found_and_set_right(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n) for n in range(5)))
    deliver(dynamodb)
    [counter] = dynamodb.scan("usage")
    number, _, *others = counter["sums"]["S"].split()
    wrong = counter | {"sums": {"S": " ".join([number, "999", *others])}}
    dynamodb.client.put_item(TableName=dynamodb.tables["usage"], Item=wrong)
    assert used() == 999
    repair(all_differences())
    assert used() == 10
    assert all_differences() == []


def test_events_on_their_way_are_left_alone(dynamodb: Engine) -> None:
    send(event("young"))
    assert all_differences(accepted_before=NOW * 1_000_000) == []
    deliver(dynamodb)


def test_cancellations_on_their_way_are_left_alone(dynamodb: Engine) -> None:
    send(event("e"))
    deliver(dynamodb)
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e"}}
    create_meter_event_adjustment(sender(at=NOW + 60), cancel)
    assert all_differences(accepted_before=(NOW + 30) * 1_000_000) == []
    assert len(all_differences()) == 1


def test_events_cancelled_before_they_were_counted_are_no_difference(dynamodb: Engine) -> None:
    send(*(event(f"e{n}") for n in range(3)))
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e1"}}
    create_meter_event_adjustment(sender(), cancel)
    deliver(dynamodb)
    assert used() == 2
    assert all_differences() == []
