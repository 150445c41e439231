"""Reconciliation finds what is wrong with counters, and puts it right."""

from decimal import Decimal
from typing import Any

import pytest

from meterline.core.metering import packed_rows
from meterline.core.metering.aggregation import Formula, Measure
from meterline.services.metering import count
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from meterline.services.metering.reconcile import Difference, repair
from meterline.store.metering.meter_events import identity_of
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


@pytest.mark.usefixtures("come_alone")
def test_events_that_were_never_counted_are_found_and_counted_once(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n) for n in range(30)))
    count.count_records(stored_records(dynamodb)[:20])
    differences = all_differences()
    assert sum(len(difference.missing) for difference in differences) == 10
    assert repair(differences) == []
    assert repair(differences) == []
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
    assert repair(all_differences()) == []
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


@pytest.mark.parametrize("change", [{"value": Decimal(50)}, {"timestamp": HOUR_START + 7}])
@pytest.mark.parametrize("events", [1, 100])
def test_a_row_that_contradicts_its_event_is_found_and_never_becomes_the_measure(
    dynamodb: Engine, change: dict[str, Any], events: int
) -> None:
    send(*(event(f"e{n}", 5, at=HOUR_START + 20) for n in range(events)))
    deliver(dynamodb)
    falsify_first_row(dynamodb, change)
    before = used()
    [difference] = differences_by_hour()
    assert (len(difference.missing), len(difference.wrong)) == (0, 1)
    assert difference.wrong[0].value == 5
    assert difference.recounted.total == events * 5
    assert repair([difference]) == []
    assert used() == before
    assert len(differences_by_hour()) == 1


def test_the_row_of_an_event_that_was_cancelled_may_say_anything(dynamodb: Engine) -> None:
    send(event("e", 5), event("other", 1))
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e"}}
    deliver(dynamodb)
    create_meter_event_adjustment(sender(), cancel)
    deliver(dynamodb)
    falsify_first_row(dynamodb, {"value": Decimal(50)}, identity_of("e"))
    assert all_differences() == []


@pytest.mark.parametrize("events", [2, 100])
def test_an_event_that_was_counted_twice_is_found(dynamodb: Engine, events: int) -> None:
    send(*(event(f"e{n}", 5) for n in range(events)))
    deliver(dynamodb)
    count_first_row_again(dynamodb)
    assert used() == 5 * events + 5
    [difference] = all_differences()
    assert difference.counted.count == events + 1
    assert difference.recounted.count == events
    assert repair([difference]) == []
    assert used() == 5 * events


def count_first_row_again(engine: Engine) -> None:
    """Let the oldest row stand in the counter once more, and its numbers say so."""
    measure = Measure(Formula.SUM)
    items = sorted(engine.scan("usage"), key=lambda item: item["sk"]["S"], reverse=True)
    row = packed_rows.unpack(bytes(items[0]["rows"]["B"]), HOUR_START, measure)[0]
    counter = items[-1]
    inline = packed_rows.unpack(bytes(counter["rows"]["B"]), HOUR_START, measure)
    number, total, *others = counter["sums"]["S"].split()
    twice = [str(int(number) + 1), str(Decimal(total) + row.value), *others]
    counter["rows"] = {"B": packed_rows.pack([*inline, row], HOUR_START, measure)}
    counter["sums"] = {"S": " ".join(twice)}
    engine.client.put_item(TableName=engine.tables["usage"], Item=counter)


def differences_by_hour() -> list[Difference]:
    """What all pages together find, an hour once."""
    return list(
        {
            (difference.key, difference.wrong): difference for difference in all_differences()
        }.values()
    )


def falsify_first_row(
    engine: Engine, change: dict[str, Any], identity: bytes | None = None
) -> None:
    """Change the first stored row (of an event), and the counter's total with it."""
    measure = Measure(Formula.SUM)
    items = sorted(engine.scan("usage"), key=lambda item: item["sk"]["S"], reverse=True)
    rows = packed_rows.unpack(bytes(items[0]["rows"]["B"]), HOUR_START, measure)
    place = next(n for n, row in enumerate(rows) if identity in (None, row.identity))
    added = change.get("value", rows[place].value) - rows[place].value
    rows[place] = rows[place]._replace(**change)
    items[0]["rows"] = {"B": packed_rows.pack(rows, HOUR_START, measure)}
    if identity is None:
        number, total, *others = items[-1]["sums"]["S"].split()
        items[-1]["sums"] = {"S": " ".join([number, str(Decimal(total) + added), *others])}
    for item in items:
        engine.client.put_item(TableName=engine.tables["usage"], Item=item)
