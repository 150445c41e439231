"""Accept, count, read: each event exactly once, whatever is repeated."""

from decimal import Decimal
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Measure
from meterline.core.metering.buckets import EMPTY, Bucket
from meterline.core.metering.calendar_windows import Grouping
from meterline.services.metering import count
from meterline.services.metering.accept import create_meter_event
from meterline.services.metering.cancel_events import (
    create_meter_event_adjustment,
    create_meter_event_adjustment_v2,
)
from meterline.services.metering.lifetime import lifetime_usage
from meterline.services.metering.summaries import list_event_summaries
from meterline.services.metering.windows import Windows
from meterline.store.metering import usage
from meterline.store.metering.usage import BucketKey
from tests.engines import Engine
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


def v1_event(identifier: str | None, value: str = "1", **changes: str) -> dict[str, object]:
    params: dict[str, object] = {
        "event_name": "tokens",
        "payload": {"stripe_customer_id": "cus_a", "value": value},
        "timestamp": NOW,
    }
    return params | ({"identifier": identifier} if identifier else {}) | changes


@pytest.mark.usefixtures("dynamodb")
def test_an_event_is_echoed_with_its_identifier() -> None:
    body = create_meter_event(sender(), v1_event("one", "25.50"))
    assert body == {
        "object": "billing.meter_event",
        "created": NOW,
        "event_name": "tokens",
        "identifier": "one",
        "livemode": False,
        "payload": {"stripe_customer_id": "cus_a", "value": "25.50"},
        "timestamp": NOW,
    }


def test_accepted_events_are_counted_and_read(dynamodb: Engine) -> None:
    assert (
        send(event("a", "1.5"), event("b", "-0.25"), event("c", 2, customer="cus_b"))
        == ["accepted"] * 3
    )
    deliver(dynamodb)
    assert used() == Decimal("1.25")
    assert used(customer="cus_b") == 2


@pytest.mark.usefixtures("dynamodb")
def test_the_identifier_of_another_request_is_a_duplicate() -> None:
    create_meter_event(sender("first"), v1_event("one"))
    with pytest.raises(BillingError) as refused:
        create_meter_event(sender("second"), v1_event("one"))
    assert refused.value.message == "An event already exists with identifier one."
    assert refused.value.code is None
    assert send(event("one"), by=sender("third")) == ["duplicate"]


def test_a_request_repeated_after_a_lost_answer_was_accepted(dynamodb: Engine) -> None:
    first = create_meter_event(sender("same"), v1_event("one"))
    assert create_meter_event(sender("same", at=NOW + 9), v1_event("one")) == first
    assert send(event("x"), event("y"), by=sender("stream")) == ["accepted"] * 2
    assert send(event("x"), event("y"), by=sender("stream")) == ["accepted"] * 2
    deliver(dynamodb)
    assert used() == 3


@pytest.mark.usefixtures("dynamodb")
def test_an_event_without_identifier_gets_the_same_one_when_its_request_is_repeated() -> None:
    first = create_meter_event(sender("same"), v1_event(None))
    assert create_meter_event(sender("same"), v1_event(None))["identifier"] == first["identifier"]
    other = create_meter_event(sender("other"), v1_event(None))
    assert other["identifier"] != first["identifier"]


@pytest.mark.usefixtures("dynamodb")
def test_a_key_with_other_parameters_is_an_idempotency_error() -> None:
    create_meter_event(sender("same"), v1_event(None))
    with pytest.raises(BillingError) as refused:
        create_meter_event(sender("same"), v1_event(None, "2"))
    assert refused.value.type == "idempotency_error"


def test_of_equal_identifiers_in_a_request_the_first_is_the_event(dynamodb: Engine) -> None:
    assert send(event("a", 1), event("b"), event("a", 5)) == ["accepted", "accepted", "duplicate"]
    deliver(dynamodb)
    assert used() == 2


@pytest.mark.usefixtures("dynamodb")
def test_a_hundred_events_of_one_request_are_accepted() -> None:
    assert send(*(event(f"e{n}") for n in range(100))) == ["accepted"] * 100


@pytest.mark.usefixtures("come_alone")
def test_whatever_is_delivered_again_changes_nothing(dynamodb: Engine) -> None:
    send(*(event(f"e{n}", n) for n in range(100)))
    records = stored_records(dynamodb)
    assert count.count_records(records) == []
    after_first = dynamodb.scan("usage")
    for again in (records, records[::-1], records[30:70], records + records):
        assert count.count_records(again) == []
    assert dynamodb.scan("usage") == after_first
    assert used() == sum(range(100))


def test_ranges_are_exact_to_the_second(dynamodb: Engine) -> None:
    times = [HOUR_START - 1, HOUR_START, HOUR_START + 59, HOUR_START + 3_599, HOUR_START + 3_600]
    late = sender(at=HOUR_START + 3_600)
    assert (
        send(*(event(f"t{t}", 10**n, at=t) for n, t in enumerate(times)), by=late)
        == ["accepted"] * 5
    )
    deliver(dynamodb)
    start = HOUR_START
    assert used(start - 1, start) == 1
    assert used(start, start + 3_600) == 1_110
    assert used(start + 1, start + 59) == 0
    assert used(start + 1, start + 60) == 100
    assert used(start - 1, start + 3_601) == 11_111
    assert used(start + 59, start + 3_600) == 1_100


@pytest.mark.parametrize("counted_first", [True, False])
def test_a_cancelled_event_never_counts_again(dynamodb: Engine, *, counted_first: bool) -> None:
    send(event("keep", 1), event("drop", 10))
    before = stored_records(dynamodb)
    if counted_first:
        count.count_records(before)
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "drop"}}
    assert create_meter_event_adjustment(sender(), cancel)["status"] == "pending"
    create_meter_event_adjustment(sender(), cancel)
    deliver(dynamodb)
    count.count_records(before)
    deliver(dynamodb)
    assert used() == 1


@pytest.mark.usefixtures("dynamodb")
def test_only_events_of_the_last_day_can_be_cancelled() -> None:
    send(event("old"))
    cancel = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "old"}}
    with pytest.raises(BillingError, match="24 hours"):
        create_meter_event_adjustment(sender(at=NOW + 86_401), cancel)
    in_time = create_meter_event_adjustment_v2(sender(at=NOW + 86_400), cancel)
    assert create_meter_event_adjustment_v2(sender(at=NOW + 2 * 86_400), cancel) == in_time


def test_a_busy_hour_spills_into_segments_and_stays_exact(dynamodb: Engine) -> None:
    for batch in range(5):
        send(
            *(event(f"{batch}-{n}", n, at=HOUR_START + n) for n in range(60)),
            by=sender(f"request-{batch}", at=NOW + batch),
        )
        deliver(dynamodb)
    items = dynamodb.scan("usage")
    assert len([item for item in items if item["sk"]["S"].startswith("s#")]) == 4
    assert used() == 5 * sum(range(60))
    assert used(HOUR_START + 10, HOUR_START + 20) == 5 * sum(range(10, 20))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [("sum", "34"), ("count", "4"), ("last", "5"), ("max", "20"), ("min", "4"), ("avg", "8.5")],
)
def test_formulas_over_hours_and_pieces(dynamodb: Engine, formula: str, expected: str) -> None:
    meter = meter_body(formula=formula)
    by = sender()
    by.directory.bodies = [meter]  # type: ignore[attr-defined]  # the tests' own directory
    send(
        event("a", 20, at=NOW - 8_000),
        event("b", 5, at=NOW),
        event("c", 4, at=NOW - 60),
        event("d", 5, at=NOW - 60),
        by=by,
    )
    deliver(dynamodb)
    assert used(meter=meter) == Decimal(expected)
    measure = measure_of(meter)
    lifetime = lifetime_usage(False, meter["id"], "cus_a", measure, now=NOW)  # noqa: FBT003
    assert lifetime == Decimal(expected)


def test_summaries_come_newest_first_without_empty_windows(dynamodb: Engine) -> None:
    send(event("a", 2, at=NOW - 7_200), event("b", "0.5", at=NOW), event("c", 3, at=NOW - 7_100))
    deliver(dynamodb)
    day = HOUR_START - HOUR_START % 86_400
    hours = list_event_summaries(
        meter_body(), "cus_a", Windows(day, day + 86_400, Grouping.HOUR), livemode=False
    )
    assert [(row["start_time"], row["aggregated_value"]) for row in hours] == [
        (HOUR_START, Decimal("0.5")),
        (HOUR_START - 7_200, Decimal(5)),
    ]
    days = list_event_summaries(
        meter_body(), "cus_a", Windows(day, day + 86_400, Grouping.DAY), livemode=False
    )
    assert [(row["start_time"], row["end_time"], row["aggregated_value"]) for row in days] == [
        (day, day + 86_400, Decimal("5.5"))
    ]


@pytest.mark.parametrize("events", [1, count.MANY - 1, count.MANY])
def test_few_events_look_at_a_counter_for_half_the_price_and_again_where_that_is_out_of_date(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, events: int
) -> None:
    send(event("before", 1_000))
    deliver(dynamodb)
    looks: list[bool] = []
    read_buckets = usage.read_buckets

    def of_the_past(
        keys: list[BucketKey], measures: list[Measure], *, is_consistent: bool = True
    ) -> dict[BucketKey, Bucket]:
        looks.append(is_consistent)
        seen = read_buckets(keys, measures)
        return seen if is_consistent else dict.fromkeys(seen, EMPTY)

    monkeypatch.setattr(count, "back_off", lambda *_, **__: None)
    send(*(event(f"e{n}", 1) for n in range(events)), by=sender("another"))
    fresh = [record for record in stored_records(dynamodb) if _name(record) != "before"]
    with monkeypatch.context() as patched:
        patched.setattr(usage, "read_buckets", of_the_past)
        assert count.count_records(fresh) == []
    assert looks == ([False, True] if events < count.MANY else [True])
    assert used() == 1_000 + events


def _name(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["NewImage"]["n"]["S"])
