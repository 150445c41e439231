"""The events behind a number, by the time of their receipt too, also when they are forgotten."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import pytest

from meterline.services.metering.accept import Sender
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from meterline.services.metering.counted_events import EventRange, counted_events
from tests.engines import Engine
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    FakeDirectory,
    deliver,
    event,
    meter_body,
    send,
    sender,
    used,
)

DAY = 86_400


def send_in_turn(engine: Engine, *, until: int = 4) -> None:
    """Events of the same two hours, received in turns a minute apart; enough for segments.

    Turn 2's are named ``2-0`` to ``2-79``.
    """
    for turn in range(until):
        events = [event(f"{turn}-{n}", at=HOUR_START - 50 * n) for n in range(80)]
        send(*events, by=sender(f"turn {turn}", at=NOW + 60 * turn))
        deliver(engine)


def pages(
    span: EventRange, *, limit: int = 7, window: str | None = None
) -> Iterator[Sequence[Mapping[str, object]]]:
    after = None
    meter = meter_body(event_time_window=window)
    while True:
        events = counted_events(
            meter, "cus_a", span, livemode=False, older_than=after, at_once=limit + 1
        )
        page = list(islice(events, limit))
        yield page
        if next(events, None) is None:
            return
        assert len(page) == limit
        after = str(page[-1]["id"])


def names(span: EventRange, *, limit: int = 7, window: str | None = None) -> list[object]:
    found = pages(span, limit=limit, window=window)
    return [one["identifier"] for page in found for one in page]


@pytest.mark.parametrize(
    ("from_second", "until_second", "turns"),
    [
        (None, None, "0123"),
        (61, None, "23"),
        (60, 120, "12"),
        (None, 0, "0"),
        (181, None, ""),
    ],
)
def test_events_are_chosen_by_their_receipt(
    dynamodb: Engine, from_second: int | None, until_second: int | None, turns: str
) -> None:
    send_in_turn(dynamodb)
    received = (None if one is None else NOW + one for one in (from_second, until_second))
    found = names(EventRange(0, NOW + DAY, *received))
    assert sorted(map(str, found)) == sorted(f"{turn}-{n}" for turn in turns for n in range(80))


def test_pages_are_newest_first_and_hold_each_event_once(dynamodb: Engine) -> None:
    send_in_turn(dynamodb, until=2)
    found = [one for page in pages(EventRange(0, NOW + DAY)) for one in page]
    times = [int(str(one["timestamp"])) for one in found]
    assert times == sorted(times, reverse=True)
    assert len({one["id"] for one in found}) == len(found) == 160


def forget_events(engine: Engine) -> None:
    """Let the table keep no event any more, as it does after a while."""
    for item in engine.scan("meter_events"):
        engine.client.delete_item(
            TableName=engine.tables["meter_events"], Key={"identifier": item["identifier"]}
        )


def test_forgotten_events_are_paged_through_like_others(dynamodb: Engine) -> None:
    send_in_turn(dynamodb, until=1)
    forget_events(dynamodb)
    found = [one for page in pages(EventRange(0, NOW + DAY)) for one in page]
    assert len({one["id"] for one in found}) == 80
    assert {one["identifier"] for one in found} == {None}
    assert {str(one["payload"]) for one in found} == {
        str({"stripe_customer_id": "cus_a", "value": "1"})
    }
    assert names(EventRange(0, NOW + DAY, created_from=1)) == []


LATER_OWNERS = [
    # Who has the identifier anew: the meter, the customer, the time of the event.
    ("mtr_test_other", "cus_a", NOW),
    (meter_body()["id"], "cus_b", NOW),
    (meter_body()["id"], "cus_a", NOW + 60),
]


@pytest.mark.parametrize("window", [None, "hour"])
@pytest.mark.parametrize(("meter", "customer", "at"), LATER_OWNERS)
def test_a_forgotten_event_shows_nothing_of_who_has_its_identifier_anew(
    dynamodb: Engine, meter: str, customer: str, at: int, window: str | None
) -> None:
    first, later = (
        FakeDirectory(bodies=[meter_body(id=one, event_time_window=window)])
        for one in (meter_body()["id"], meter)
    )
    send(event("again", 5), by=sender("first", directory=first))
    deliver(dynamodb)
    forget_events(dynamodb)
    by = sender("later", at=NOW + DAY, directory=later)
    assert send(event("again", 7, at=at, customer=customer), by=by) == ["accepted"]
    [[shown]] = pages(EventRange(0, NOW + DAY), window=window)
    assert (shown["identifier"], shown["created"], shown["timestamp"]) == (None, None, NOW)
    assert shown["payload"] == {"stripe_customer_id": "cus_a", "value": "5"}


WINDOWED = [
    # Name, value, time, minute of receipt: the last received of each hour (day) counts.
    ("early", 1, HOUR_START - DAY, 0),
    ("latest of its hour", 2, HOUR_START + 20, 3),
    ("later by time", 4, HOUR_START + 30, 1),
    ("latest of its day", 8, HOUR_START - 7_200, 5),
    ("not even of its hour", 16, HOUR_START - 7_190, 2),
]


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize(
    ("window", "span", "listed"),
    [
        ("hour", (0, NOW), ["latest of its hour", "latest of its day", "early"]),
        ("day", (0, NOW), ["latest of its day", "early"]),
        # An event that counts counts where it lies, and no other takes its place beside the cut.
        ("hour", (HOUR_START + 25, NOW), []),
        ("day", (HOUR_START, NOW), []),
        ("day", (0, HOUR_START), ["latest of its day", "early"]),
    ],
)
def test_of_each_window_only_the_event_that_counts_is_listed(
    dynamodb: Engine, window: str, span: tuple[int, int], listed: list[str], limit: int
) -> None:
    send_windowed(dynamodb, window)
    assert names(EventRange(*span), limit=limit, window=window) == listed
    values = {name: value for name, value, _, _ in WINDOWED}
    billed = used(*span, meter=meter_body(event_time_window=window))
    assert billed == sum(values[name] for name in listed)


def test_the_event_of_a_window_is_chosen_by_its_receipt_like_others(dynamodb: Engine) -> None:
    send_windowed(dynamodb, "hour")
    received = EventRange(0, NOW, NOW + 60, NOW + 240)
    assert names(received, window="hour") == ["latest of its hour"]


def test_a_cancelled_event_leaves_its_window_to_the_one_before(dynamodb: Engine) -> None:
    by = send_windowed(dynamodb, "hour")
    cancel = {"identifier": "latest of its hour"}
    params = {"type": "cancel", "event_name": "tokens", "cancel": cancel}
    create_meter_event_adjustment(by, params)
    deliver(dynamodb)
    assert names(EventRange(HOUR_START, NOW), window="hour") == ["later by time"]


def send_windowed(engine: Engine, window: str) -> Sender:
    """Send the table's events to a meter with a window; gives who sent them."""
    directory = FakeDirectory(bodies=[meter_body(event_time_window=window)])
    for name, value, at, minute in WINDOWED:
        by = sender(name, at=NOW + minute * 60, directory=directory)
        send(event(name, value, at=at), by=by)
    deliver(engine)
    return sender("cancel", at=NOW + 600, directory=directory)
