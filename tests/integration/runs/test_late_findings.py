"""Usage that is counted when its invoice is final is told of once, and stays findable."""

from typing import Any

import pytest

from meterline.services.invoices.settle import void_invoice
from tests.engines import Engine
from tests.integration.runs.test_late_usage import WEEK, Story
from tests.integration.runs.worlds import DAY, FROZEN, HOUR, context, listed, told

FOUND = "meterline.late_usage.found"


def found() -> list[dict[str, Any]]:
    """What was found late, as events tell it."""
    return [
        event["data"]["object"]
        for box in listed("event")
        for event in box["events"]
        if event["type"] == FOUND
    ]


@pytest.fixture
def story(dynamodb: Engine) -> Story:
    """A week of 100 tokens is billed, and its invoice is final."""
    story = Story(dynamodb)
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    assert story.lines() == [(300, "100", FROZEN)]
    return story


def test_usage_of_a_final_period_is_told_with_both_quantities(story: Story) -> None:
    story.use(40, FROZEN + 2 * DAY)
    [one] = found()
    invoice = listed("invoice")[0]
    assert (one["billed_quantity"], one["counted_quantity"]) == ("100", "140")
    assert (one["start_time"], one["end_time"]) == (FROZEN, FROZEN + WEEK)
    assert (one["invoice"], one["customer"], one["meter"]) == (
        invoice["id"],
        story.customer,
        story.meter,
    )
    assert one["finalized_at"] == invoice["status_transitions"]["finalized_at"]


def test_it_is_told_once_for_an_invoice_line_whatever_comes_later_or_again(story: Story) -> None:
    story.use(40, FROZEN + 2 * DAY)
    story.watch()
    story.use(50, FROZEN + 3 * DAY)
    assert len(found()) == 1


def test_usage_in_the_hour_that_the_period_ends_in_is_late_only_before_the_end(
    story: Story,
) -> None:
    story.use(5, FROZEN + WEEK)
    story.use(5, FROZEN + WEEK + HOUR)
    assert found() == []
    story.use(5, FROZEN + WEEK - 1)
    assert len(found()) == 1


def test_usage_of_a_draft_is_not_late(dynamodb: Engine) -> None:
    story = Story(dynamodb)
    story.advance(FROZEN + WEEK + 60)
    story.use(40, FROZEN + 2 * DAY)
    assert found() == []
    story.advance(FROZEN + WEEK + 2 * HOUR)
    assert story.lines() == [(120, "40", FROZEN)]
    story.watch()
    assert FOUND not in told()


def test_usage_of_a_void_invoice_is_not_late(story: Story) -> None:
    void_invoice(context(), listed("invoice")[0]["id"], {})
    story.use(40, FROZEN + 2 * DAY)
    assert found() == []
