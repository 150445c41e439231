"""Reconciliation finds what is wrong with counters, and puts it right."""

from meterline.services import count
from meterline.services.adjustments import create_meter_event_adjustment
from meterline.services.reconcile import Cursor, Difference, reconcile_page, repair
from tests.engines import Engine
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    deliver,
    event,
    send,
    sender,
    stored_records,
    used,
)

LATER = (NOW + 3_600) * 1_000_000


def _differences(*, accepted_before: int = LATER) -> list[Difference]:
    found: list[Difference] = []
    for segment in range(3):
        cursor: Cursor = None
        while True:
            page = reconcile_page(
                cursor, segment=segment, segments=3, accepted_before=accepted_before
            )
            found += page.differences
            cursor = page.following
            if cursor is None:
                break
    return found


def test_right_counters_have_no_differences(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n, at=HOUR_START + n) for n in range(80)))
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e3"}}
    create_meter_event_adjustment(sender(), cancel)
    deliver(dynamodb)
    assert _differences() == []


def test_events_that_were_never_counted_are_found_and_counted_once(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n) for n in range(30)))
    count.count_records(stored_records(dynamodb)[:20])
    differences = _differences()
    assert sum(len(one.missing) for one in differences) == 10
    repair(differences)
    repair(differences)
    assert used() == sum(range(30))
    assert _differences() == []


def test_a_counter_that_contradicts_its_rows_is_found_and_set_right(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n) for n in range(5)))
    deliver(dynamodb)
    [counter] = dynamodb.scan("usage")
    wrong = counter | {"total": {"S": "999"}}
    dynamodb.client.put_item(TableName=dynamodb.tables["usage"], Item=wrong)
    assert used() == 999
    repair(_differences())
    assert used() == 10
    assert _differences() == []


def test_events_on_their_way_are_left_alone(dynamodb: Engine) -> None:
    send(event("young"))
    assert _differences(accepted_before=NOW * 1_000_000) == []
    deliver(dynamodb)


def test_cancellations_on_their_way_are_left_alone(dynamodb: Engine) -> None:
    send(event("e"))
    deliver(dynamodb)
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e"}}
    create_meter_event_adjustment(sender(at=NOW + 60), cancel)
    assert _differences(accepted_before=(NOW + 30) * 1_000_000) == []
    assert len(_differences()) == 1


def test_events_cancelled_before_they_were_counted_are_no_difference(dynamodb: Engine) -> None:
    send(*(event(f"e{n}") for n in range(3)))
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e1"}}
    create_meter_event_adjustment(sender(), cancel)
    deliver(dynamodb)
    assert used() == 2
    assert _differences() == []
