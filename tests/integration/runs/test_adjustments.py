"""Cancelling an event takes it out of everything that is not final; what is final stays."""

from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.metering.accept import create_meter_event
from meterline.services.metering.cancel_events import (
    create_meter_event_adjustment,
    create_meter_event_adjustment_v2,
)
from meterline.services.metering.summaries import list_event_summaries
from meterline.services.metering.windows import Windows
from meterline.services.previews.preview import create_preview
from meterline.store.metering.directory import StoredDirectory, forget_directory
from tests.engines import Engine
from tests.factories.objects import FROZEN, context, listed, stored
from tests.integration.metering.worlds import NOW as WALL
from tests.integration.metering.worlds import deliver, sender
from tests.integration.runs.late_usage_story import WEEK, Story
from tests.integration.runs.worlds import DAY, HOUR

EVENTS = {"one": 100, "two": 40}


class Adjusted(Story):
    """Two events of 100 and 40 tokens, sent and counted on the first day."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        forget_directory()
        self.by = sender(directory=StoredDirectory(False))  # noqa: FBT003
        self.advance(FROZEN + DAY)
        for identifier, quantity in EVENTS.items():
            payload = {"stripe_customer_id": self.customer, "value": str(quantity)}
            params = {"event_name": "tokens", "identifier": identifier, "payload": payload}
            create_meter_event(sender(identifier, directory=self.by.directory), params)
        deliver(engine)

    def cancel(self, identifier: str, *, at: int = WALL, event_name: str = "tokens") -> Any:
        params = {
            "type": "cancel",
            "event_name": event_name,
            "cancel": {"identifier": identifier},
        }
        by = sender(directory=self.by.directory, at=at)
        adjustment = create_meter_event_adjustment(by, params)
        deliver(self.engine)
        return adjustment

    def previewed(self) -> int:
        return int(create_preview(context(), {"subscription": self.subscription})["total"])

    def summed_up(self) -> list[int]:
        weeks = Windows(0, FROZEN - FROZEN % 60 + WEEK)
        rows = list_event_summaries(stored(self.meter), self.customer, weeks, livemode=False)
        return [int(row["aggregated_value"]) for row in rows]


@pytest.fixture
def story(dynamodb: Engine) -> Adjusted:
    return Adjusted(dynamodb)


def test_a_cancelled_event_leaves_summaries_and_previews(story: Adjusted) -> None:
    assert (story.summed_up(), story.previewed()) == ([140], 420)
    story.cancel("one")
    assert (story.summed_up(), story.previewed()) == ([40], 120)
    story.cancel("two")
    assert (story.summed_up(), story.previewed()) == ([], 0)


def test_a_draft_follows_until_it_is_final_and_then_stays(story: Adjusted) -> None:
    story.advance(FROZEN + WEEK + 60)
    assert listed("invoice")[0]["status"] == "draft"
    story.cancel("one")
    story.advance(FROZEN + WEEK + 2 * HOUR)
    assert story.lines() == [(120, "40", FROZEN)]
    story.cancel("two")
    story.advance(FROZEN + WEEK + 3 * HOUR)
    assert story.lines() == [(120, "40", FROZEN)]
    assert story.summed_up() == []


def test_cancelling_again_is_no_error_and_changes_nothing(story: Adjusted) -> None:
    assert story.cancel("one") == story.cancel("one")
    assert story.summed_up() == [40]


@pytest.mark.parametrize(("seconds", "allowed"), [(DAY, True), (DAY + 1, False)])
def test_events_can_be_cancelled_for_a_day_after_their_receipt_by_the_wall_clock(
    story: Adjusted, seconds: int, *, allowed: bool
) -> None:
    if allowed:
        story.cancel("one", at=WALL + seconds)
        assert story.summed_up() == [40]
    else:
        with pytest.raises(BillingError, match="more than 24 hours ago") as refused:
            story.cancel("one", at=WALL + seconds)
        assert refused.value.param == "cancel[identifier]"
        assert story.summed_up() == [140]


@pytest.mark.parametrize(
    ("identifier", "event_name"), [("three", "tokens"), ("one", "other"), ("ONE", "tokens")]
)
def test_only_an_event_of_that_name_can_be_cancelled(
    story: Adjusted, identifier: str, event_name: str
) -> None:
    with pytest.raises(BillingError) as refused:
        story.cancel(identifier, event_name=event_name)
    assert (refused.value.code, refused.value.status) == ("resource_missing", 400)
    assert story.summed_up() == [140]


@pytest.mark.parametrize(("identifier", "later_seconds"), [("three", 0), ("one", DAY + 1)])
def test_v2_says_invalid_cancel_configuration(
    story: Adjusted, identifier: str, later_seconds: int
) -> None:
    params = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": identifier}}
    later = sender(directory=story.by.directory, at=WALL + later_seconds)
    with pytest.raises(BillingError) as refused:
        create_meter_event_adjustment_v2(later, params)
    assert (refused.value.code, refused.value.status) == ("invalid_cancel_configuration", 400)


def test_v2_gives_the_same_adjustment_again(story: Adjusted) -> None:
    params = {"type": "cancel", "event_name": "tokens", "cancel": {"identifier": "one"}}
    ids = {create_meter_event_adjustment_v2(story.by, params)["id"] for _ in range(2)}
    assert len(ids) == 1
