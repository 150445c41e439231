"""Many events of one counter come in a parcel; each is counted once, whoever counts it."""

from base64 import b64encode
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from meterline.services.metering import count, parcels
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from meterline.services.metering.contention import CONTENDED_SECONDS, Contention
from meterline.services.metering.parcels import LEAST_EVENTS
from meterline.store.metering import usage_commits
from meterline.store.metering.parcels import put_parcel
from meterline.store.metering.usage_commits import Change, Committed
from tests.engines import Engine
from tests.integration.metering.worlds import (
    NOW,
    FakeDirectory,
    deliver,
    event,
    meter_body,
    send,
    sender,
    stored_parcels,
    stored_records,
    used,
)

type Record = dict[str, Any]

MANY = LEAST_EVENTS + 5


def send_many(number: int = MANY, **options: Any) -> None:
    send(*(event(f"e{n}", n) for n in range(number)), **options)


def counters_of(engine: Engine) -> list[dict[str, Any]]:
    return [item for item in engine.scan("usage") if item["sk"]["S"].startswith("h#")]


def rows_of(engine: Engine) -> int:
    """How many rows the only parcel has."""
    [record] = stored_parcels(engine)
    [parcel] = parcels.parcels_of(record)
    return len(parcel.rows)


def test_many_events_of_a_counter_go_in_one_parcel_and_few_come_alone(dynamodb: Engine) -> None:
    few = [event(f"f{n}", customer="cus_b") for n in range(LEAST_EVENTS - 1)]
    send(*(event(f"e{n}") for n in range(LEAST_EVENTS)), *few)
    assert rows_of(dynamodb) == LEAST_EVENTS


def test_the_parcels_of_a_request_are_one_item_for_a_customer_and_meter(dynamodb: Engine) -> None:
    """Each counter of the item gets its own; an event that is alone in its hour comes alone."""
    half = LEAST_EVENTS // 2
    early = [event(f"a{n}", 1, at=NOW - 7_200) for n in range(half)]
    late = [event(f"b{n}", 100) for n in range(half)]
    send(*early, *late, event("alone", 10_000, at=NOW - 3_600))
    [record] = stored_parcels(dynamodb)
    assert sorted(len(parcel.rows) for parcel in parcels.parcels_of(record)) == [half, half]
    assert count.count_records([record]) == []
    assert used() == 101 * half
    deliver(dynamodb)
    assert used() == 101 * half + 10_000


def test_a_parcel_from_before_names_its_counter_in_its_key(dynamodb: Engine) -> None:
    send_many()
    [record] = stored_parcels(dynamodb)
    image = dict(record["dynamodb"]["NewImage"])
    maker = image["sk"]["S"].removeprefix("q#")
    former = {"sk": {"S": f"q#{NOW // 3_600}#{maker}"}, "rows": image.pop(ROWS)}
    record["dynamodb"]["NewImage"] = {**image, **former}
    assert count.count_records([record]) == []
    deliver(dynamodb)
    assert used() == sum(range(MANY))


def test_a_parcel_is_counted_and_its_events_are_left_to_it(dynamodb: Engine) -> None:
    send_many()
    assert count.count_records(stored_records(dynamodb)) == []
    assert counters_of(dynamodb) == []
    assert count.count_records(stored_parcels(dynamodb)) == []
    assert used() == sum(range(MANY))


def test_events_are_counted_where_their_request_died_before_its_parcel(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "send", lambda *_, **__: None)
    send_many()
    deliver(dynamodb)
    assert used() == sum(range(MANY))


def test_a_request_is_answered_though_its_parcel_cannot_be_stored(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise ReadTimeoutError(endpoint_url="table")

    monkeypatch.setattr("meterline.store.metering.parcels.put_parcels", lost)
    send_many()
    deliver(dynamodb)
    assert used() == sum(range(MANY))


@pytest.mark.parametrize("formula", ["sum", "last", "max", "unique_count"])
@pytest.mark.parametrize("order", ["events first", "parcels first"])
def test_both_ways_together_count_each_event_once(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, formula: str, order: str
) -> None:
    meter = meter_body(formula=formula)
    sent = [event(f"e{n}", n + 1) for n in range(MANY)]
    send(*sent, by=sender(directory=FakeDirectory([meter])))
    monkeypatch.setattr(parcels, "without_those_in_parcels", lambda records: records)
    batches = [stored_records(dynamodb), stored_parcels(dynamodb)]
    for batch in batches if order == "events first" else reversed(batches):
        assert count.count_records(batch) == []
    expected = {"sum": MANY * (MANY + 1) / 2}.get(formula, MANY)
    assert used(meter=meter) == expected


def test_duplicates_are_in_no_parcel(dynamodb: Engine) -> None:
    send(event("e3", 1_000, customer="cus_b"))
    send_many(by=sender("request-2"))
    assert rows_of(dynamodb) == MANY - 1


def test_a_request_that_comes_again_puts_what_it_stored_before_into_its_parcel(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(parcels, "send", lambda *_, **__: None)
        send_many()
    deliver(dynamodb)
    send_many(by=sender(at=NOW + 5))
    assert rows_of(dynamodb) == MANY
    assert count.count_records(stored_parcels(dynamodb)) == []
    assert used() == sum(range(MANY))


def test_an_event_that_is_not_in_the_parcel_of_its_request_is_counted_alone(
    dynamodb: Engine,
) -> None:
    send_many()
    [record] = stored_parcels(dynamodb)
    [short] = parcels.parcels_of(record)
    short = short._replace(rows=short.rows[1:])
    put_parcel(short, now=NOW)
    deliver(dynamodb)
    assert count.count_records(stored_parcels(dynamodb)) == []
    assert used() == sum(range(MANY))


def test_a_cancellation_is_never_left_to_the_parcel(dynamodb: Engine) -> None:
    send_many()
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "e7"}}
    create_meter_event_adjustment(sender(), cancel)
    deliver(dynamodb)
    assert count.count_records(stored_parcels(dynamodb)) == []
    assert used() == sum(range(MANY)) - 7


def test_bytes_come_as_lambda_hands_them_over(dynamodb: Engine) -> None:
    send_many()
    for records in (stored_parcels(dynamodb), stored_records(dynamodb)):
        for record in records:
            image = record["dynamodb"]["NewImage"]
            record["dynamodb"]["NewImage"] = {
                name: {"B": b64encode(value["B"]).decode()} if "B" in value else value
                for name, value in image.items()
            }
        assert count.count_records(records) == []
    assert used() == sum(range(MANY))


ROWS = f"{NOW // 3_600}#"
"""The attribute with the rows of the events of now."""


@pytest.mark.parametrize("attribute", [ROWS, "measure"])
def test_a_parcel_that_cannot_be_read_holds_up_no_other(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, attribute: str
) -> None:
    send_many()
    [whole] = stored_parcels(dynamodb)
    image = {**whole["dynamodb"]["NewImage"], attribute: {"S": "spoiled"}}
    spoiled = {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": "9"}}
    aside: list[Record] = []
    monkeypatch.setattr(count, "set_aside", lambda records, _: aside.extend(records))
    assert count.count_records([spoiled, whole], function="count_usage") == []
    assert aside == [spoiled]
    assert used() == sum(range(MANY))


# what another release, or a fault, has left of a parcel
UNKNOWN: dict[str, dict[str, dict[str, Any]]] = {
    "rows of a later version": {ROWS: {"B": bytes([99]) + bytes(40)}},
    "rows that are cut off": {ROWS: {"B": bytes([3, 1, 0]) + bytes(5)}},
    "rows of another type": {ROWS: {"S": "spoiled"}},
    "a formula of a later version": {"measure": {"S": "median"}},
    "a place of a later version": {"sk": {"S": "q#later"}},
}


@pytest.mark.parametrize("left", UNKNOWN.values(), ids=UNKNOWN)
def test_events_whose_parcel_cannot_be_read_are_counted_alone(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, left: dict[str, Any]
) -> None:
    send_many()
    [record] = stored_parcels(dynamodb)
    item = {**record["dynamodb"]["NewImage"], **left}
    monkeypatch.setattr("meterline.store.metering.parcels.batch_get", lambda *_, **__: iter([item]))
    assert count.count_records(stored_records(dynamodb)) == []
    assert used() == sum(range(MANY))


@pytest.mark.parametrize("attribute", ["identifier", "timestamp", "request"])
def test_an_event_of_a_parcel_that_cannot_be_read_holds_up_no_other(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, attribute: str
) -> None:
    send_many()
    records = stored_records(dynamodb)
    spoiled = records[0]["dynamodb"]["NewImage"]
    spoiled[attribute] = {"S": "t#spoiled"}
    monkeypatch.setattr(count, "set_aside", lambda *_: None)
    assert count.count_records(records, function="count_usage") == []
    assert count.count_records(stored_parcels(dynamodb)) == []
    assert used() == sum(range(MANY))


class Racing:
    """Commits that are lost, as others are always faster; of parcels none is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tries = 0
        self.is_over = False
        self._commit = usage_commits.commit_many
        monkeypatch.setattr(usage_commits, "commit_many", self.commit_many)
        monkeypatch.setattr(count, "back_off", lambda *_, **__: None)

    def commit_many(self, changes: list[Change]) -> Committed:
        if self.is_over:
            return self._commit(changes)
        self.tries += 1
        return Committed(list(changes), [])


def test_who_loses_races_hands_over_at_once_for_a_minute(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(count, "CONTENTION", Contention(clock=lambda: NOW + seconds[0]))
    racing = Racing(monkeypatch)
    for name, tries in (("a", 2), ("b", 0), ("c", 2)):
        racing.tries = 0
        send(event(name, 5), by=sender(name))
        records = [record for record in stored_records(dynamodb) if _name(record) == name]
        assert count.count_records(records) == []
        assert racing.tries == tries
        seconds[0] += CONTENDED_SECONDS / 2 + 1
    racing.is_over = True
    assert count.count_records(stored_parcels(dynamodb)) == []
    assert used() == 15


def test_what_comes_in_a_parcel_is_not_handed_over_again(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_many()
    records = stored_parcels(dynamodb)
    Racing(monkeypatch)
    assert count.count_records(records) == ["0"]
    assert len(stored_parcels(dynamodb)) == 1


def _name(record: Record) -> str:
    return str(record["dynamodb"]["NewImage"]["n"]["S"])
