"""Pages of summaries: an id says where to go on, whatever has become of its summary."""

from typing import Any

import pytest

from meterline.api.routes.usage import list_summaries
from meterline.core.base.errors import BillingError
from meterline.services.metering.cancel_events import create_meter_event_adjustment
from tests.engines import Engine
from tests.factories.objects import context, place
from tests.integration.metering.worlds import (
    HOUR_START,
    NOW,
    deliver,
    event,
    meter_body,
    send,
    sender,
)

HOUR = 3_600
NEWEST_FIRST = [HOUR_START - n * HOUR for n in range(4)]
SPAN = {
    "start_time": HOUR_START - 6 * HOUR,
    "end_time": HOUR_START + HOUR,
    "value_grouping_window": "hour",
}


@pytest.fixture
def four_hours(dynamodb: Engine) -> Engine:
    """A meter, two customers, and an event of ``cus_a`` in each of four hours."""
    customers = [{"id": name, "object": "customer", "created": NOW} for name in ("cus_a", "cus_b")]
    place(meter_body(), *customers)
    send(*(event(f"h{n}", at=start) for n, start in enumerate(NEWEST_FIRST)))
    deliver(dynamodb)
    return dynamodb


def page(**params: Any) -> tuple[list[dict[str, Any]], bool]:
    found = list_summaries(context(NOW), meter_body()["id"], {"customer": "cus_a"} | SPAN | params)
    return found.bodies, found.has_more


def starts(**params: Any) -> list[int]:
    return [row["start_time"] for row in page(**params)[0]]


@pytest.mark.parametrize("cancelled", [[], [1], [0, 1], [1, 2]])
@pytest.mark.usefixtures("four_hours")
def test_a_page_begins_behind_the_last_row_even_if_its_events_are_cancelled(
    dynamodb: Engine, cancelled: list[int]
) -> None:
    first, has_more = page(limit=2)
    assert [row["start_time"] for row in first] == NEWEST_FIRST[:2]
    assert has_more
    cancel(dynamodb, cancelled)
    left = [start for n, start in enumerate(NEWEST_FIRST) if n not in cancelled]
    behind = starts(starting_after=first[-1]["id"])
    assert behind == [start for start in left if start < NEWEST_FIRST[1]]
    before = starts(ending_before=first[-1]["id"])
    assert before == [start for start in left if start > NEWEST_FIRST[1]]


@pytest.mark.parametrize(
    "other",
    [
        {"customer": "cus_b"},
        {"value_grouping_window": "day", "start_time": 0, "end_time": 86_400 * 100_000},
        {"end_time": NEWEST_FIRST[2]},
    ],
)
@pytest.mark.usefixtures("four_hours")
def test_an_id_of_another_list_is_refused(other: dict[str, Any]) -> None:
    given = page(limit=1)[0][0]["id"]
    check_refused(given, other)


@pytest.mark.parametrize("digits", ["", "0", "zzzzzzz", "z" * 24, "0" * 24, "\u0661" * 24, "é_"])
@pytest.mark.usefixtures("four_hours")
def test_an_id_that_was_never_given_is_refused(digits: str) -> None:
    given = page(limit=1)[0][0]["id"]
    check_refused(f"mtrusg_test_{digits}", {})
    check_refused(given[:19] + digits, {})
    check_refused(given.replace("mtrusg_test_", "mtrusg_"), {})


def check_refused(given: str, other: dict[str, Any]) -> None:
    for name in ("starting_after", "ending_before"):
        with pytest.raises(BillingError) as refused:
            page(**{name: given}, **other)
        assert (refused.value.code, refused.value.param) == ("resource_missing", name)


def cancel(engine: Engine, hours: list[int]) -> None:
    for n in hours:
        params = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": f"h{n}"}}
        create_meter_event_adjustment(sender(), params)
    deliver(engine)
