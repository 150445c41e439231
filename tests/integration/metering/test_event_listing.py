"""The events behind a number, by the time of their receipt too, also when they are forgotten."""

from collections.abc import Iterator

import pytest

from meterline.services.event_listing import EventRange, list_counted_events
from tests.engines import Engine
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    deliver,
    event,
    meter_body,
    send,
    sender,
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


def pages(span: EventRange, *, limit: int = 7) -> Iterator[list[dict[str, object]]]:
    after = None
    while True:
        page, has_more = list_counted_events(
            meter_body(), "cus_a", span, livemode=False, limit=limit, starting_after=after
        )
        yield page
        if not has_more:
            return
        assert len(page) == limit
        after = str(page[-1]["id"])


def names(span: EventRange) -> list[object]:
    return [one["identifier"] for page in pages(span) for one in page]


@pytest.mark.parametrize(
    ("created_from", "created_until", "turns"),
    [
        (None, None, "0123"),
        (NOW + 61, None, "23"),
        (NOW + 60, NOW + 120, "12"),
        (None, NOW, "0"),
        (NOW + 181, None, ""),
    ],
)
def test_events_are_chosen_by_their_receipt(
    dynamodb: Engine, created_from: int | None, created_until: int | None, turns: str
) -> None:
    send_in_turn(dynamodb)
    found = names(EventRange(0, NOW + DAY, created_from, created_until))
    assert sorted(map(str, found)) == sorted(f"{turn}-{n}" for turn in turns for n in range(80))


def test_pages_are_newest_first_and_hold_each_event_once(dynamodb: Engine) -> None:
    send_in_turn(dynamodb, until=2)
    found = [one for page in pages(EventRange(0, NOW + DAY)) for one in page]
    times = [int(str(one["timestamp"])) for one in found]
    assert times == sorted(times, reverse=True)
    assert len({one["id"] for one in found}) == len(found) == 160


def test_forgotten_events_are_paged_through_like_others(dynamodb: Engine) -> None:
    send_in_turn(dynamodb, until=1)
    for item in dynamodb.scan("meter_events"):
        dynamodb.client.delete_item(
            TableName=dynamodb.tables["meter_events"], Key={"identifier": item["identifier"]}
        )
    found = [one for page in pages(EventRange(0, NOW + DAY)) for one in page]
    assert len({one["id"] for one in found}) == 80
    assert {one["identifier"] for one in found} == {None}
    assert {str(one["payload"]) for one in found} == {
        str({"stripe_customer_id": "cus_a", "value": "1"})
    }
    assert names(EventRange(0, NOW + DAY, created_from=1)) == []
