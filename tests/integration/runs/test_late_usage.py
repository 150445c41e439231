"""Usage that comes after its invoice was final, under the account's setting ``late_usage``."""

from typing import Any

import pytest

from meterline.services.account_settings import update_settings
from meterline.services.count import count_records
from meterline.services.invoices.preview import create_preview
from meterline.services.meters import create_meter
from meterline.services.operations import explain_invoice
from meterline.services.test_clocks import advance_test_clock, run_test_clock
from meterline.store.documents import Body
from tests.engines import Engine
from tests.faults.billing.world import usage_record
from tests.integration.runs.worlds import (
    DAY,
    FROZEN,
    HOUR,
    clock,
    context,
    customer,
    licence,
    listed,
    subscribe,
)

WEEK = 7 * DAY


class Story:
    """A customer who pays three cents a token by the week, on a test clock."""

    def __init__(self) -> None:
        params = {
            "event_name": "tokens",
            "display_name": "Tokens",
            "default_aggregation": {"formula": "sum"},
        }
        self.meter = create_meter(context(), params)["id"]
        price = licence(unit_amount=3, interval="week", usage_type="metered", meter=self.meter)
        self.clock = clock()
        self.customer = customer(test_clock=self.clock)
        self.subscription = subscribe(self.customer, price)["id"]

    def use(self, quantity: int, at: int) -> None:
        assert count_records([usage_record(self.meter, self.customer, at, quantity)]) == []

    def advance(self, to: int) -> None:
        advance_test_clock(context(), self.clock, {"frozen_time": to})
        run_test_clock(context(), self.clock)

    def lines(self) -> list[tuple[int, str, int]]:
        """Of the newest invoice: amount, quantity, and when the period of each line began."""
        return shown(listed("invoice")[0])


def shown(invoice: Body) -> list[tuple[int, str, int]]:
    return [
        (line["amount"], line["quantity_decimal"], line["period"]["start"])
        for line in invoice["lines"]["data"]
    ]


@pytest.fixture
def story(dynamodb: Engine) -> Story:
    assert dynamodb.tables
    return Story()


def billed_late(**settings: Any) -> None:
    update_settings(context(), {"late_usage": "next_invoice", **settings})


def late_story(story: Story) -> None:
    """A week of 100 tokens is billed; 40 more of it arrive when its invoice is final."""
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    assert story.lines() == [(300, "100", FROZEN)]
    story.use(40, FROZEN + 2 * DAY)


def test_late_usage_is_not_billed_unless_the_account_says_so(story: Story) -> None:
    late_story(story)
    story.advance(FROZEN + 2 * WEEK)
    assert story.lines() == [(0, "0", FROZEN + WEEK)]


def test_late_usage_becomes_a_correction_that_names_its_own_period(story: Story) -> None:
    billed_late()
    late_story(story)
    story.advance(FROZEN + 2 * WEEK + 2 * HOUR)
    assert story.lines() == [(0, "0", FROZEN + WEEK), (120, "40", FROZEN)]
    invoice = listed("invoice")[0]
    assert invoice["total"] == 120
    assert invoice["lines"]["data"][1]["description"] == "Late usage: 40 × Seats"
    assert shown(listed("invoice")[1]) == [(300, "100", FROZEN)], "a final invoice never changes"


def test_a_correction_explains_itself(story: Story) -> None:
    billed_late()
    late_story(story)
    story.advance(FROZEN + 2 * WEEK)
    told = "\n".join(explain_invoice(context(), listed("invoice")[0]["id"]))
    assert f"late usage from {FROZEN} until {FROZEN + WEEK}" in told
    assert "140 x 3 = 420" in told


def test_a_correction_is_billed_once(story: Story) -> None:
    billed_late()
    late_story(story)
    story.advance(FROZEN + 2 * WEEK + 2 * HOUR)
    story.advance(FROZEN + 3 * WEEK + 2 * HOUR)
    assert story.lines() == [(0, "0", FROZEN + 2 * WEEK)]


def test_more_late_usage_of_a_corrected_period_is_corrected_again(story: Story) -> None:
    billed_late()
    late_story(story)
    story.advance(FROZEN + 2 * WEEK + 2 * HOUR)
    story.use(10, FROZEN + 3 * DAY)
    story.advance(FROZEN + 3 * WEEK + 2 * HOUR)
    assert story.lines() == [(0, "0", FROZEN + 2 * WEEK), (30, "10", FROZEN)]


def test_usage_that_was_cancelled_late_is_credited(story: Story) -> None:
    billed_late()
    late_story(story)
    story.use(-60, FROZEN + 2 * DAY)
    story.advance(FROZEN + 2 * WEEK + 2 * HOUR)
    assert story.lines() == [(0, "0", FROZEN + WEEK), (-60, "-20", FROZEN)]


def test_the_preview_shows_the_correction(story: Story) -> None:
    billed_late()
    late_story(story)
    preview = create_preview(context(), {"subscription": story.subscription})
    assert shown(preview) == [(0, "0", FROZEN + WEEK), (120, "40", FROZEN)]
