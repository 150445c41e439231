"""Usage that comes after its invoice was final, under the account's setting ``late_usage``."""

from decimal import Decimal
from typing import Any

import pytest

from meterline.services.catalog.coupons import create_coupon
from meterline.services.previews.preview import create_preview
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.operations import explain_invoice
from meterline.store.base.documents import Body
from tests.engines import Engine
from tests.factories.objects import (
    FROZEN,
    context,
    listed,
    stored,
)
from tests.integration.runs.late_usage_story import (
    WEEK,
    Story,
    billed_late,
    late_story,
    shown,
)
from tests.integration.runs.worlds import DAY, HOUR


@pytest.fixture
def story(dynamodb: Engine) -> Story:
    return Story(dynamodb)


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


def _coupon(**terms: Any) -> list[Body]:
    return [{"coupon": create_coupon(context(), terms)["id"]}]


@pytest.mark.parametrize("holder", ["subscription", "item"])
def test_usage_that_was_cancelled_late_comes_back_at_what_was_charged_for_it(
    dynamodb: Engine, holder: str
) -> None:
    """A thousand tokens cost 15.00 at half price, and 400 of them come back when that is over."""
    billed_late()
    story = Story(dynamodb)
    half = _coupon(percent_off=Decimal(50), duration="forever")
    item = stored(story.subscription)["items"]["data"][0]["id"]
    on_item = {"items": [{"id": item, "discounts": half}]}
    given = {"discounts": half} if holder == "subscription" else on_item
    update_subscription(context(), story.subscription, given)
    story.use(1_000, FROZEN + DAY)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    assert listed("invoice")[0]["total"] == 1_500
    none = (
        {"discounts": []}
        if holder == "subscription"
        else {"items": [{"id": item, "discounts": []}]}
    )
    update_subscription(context(), story.subscription, none)
    story.use(-400, FROZEN + 2 * DAY)
    story.advance(FROZEN + 2 * WEEK + 2 * HOUR)
    assert listed("invoice")[0]["total"] == -600


def test_a_correction_gives_back_of_a_line_and_its_corrections_what_they_charged(
    story: Story,
) -> None:
    """100 tokens at full price and 100 late ones at half price: half of both is 2.25."""
    billed_late()
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    half = _coupon(percent_off=Decimal(50), duration="once")
    update_subscription(context(), story.subscription, {"discounts": half})
    totals = [listed("invoice")[0]["total"]]
    for week, late in ((2, 100), (3, -100), (4, -100)):
        story.use(late, FROZEN + week * DAY)
        story.advance(FROZEN + week * WEEK + 2 * HOUR)
        totals.append(listed("invoice")[0]["total"])
    assert totals == [300, 150, -225, -225]


def test_the_preview_shows_the_correction(story: Story) -> None:
    billed_late()
    late_story(story)
    preview = create_preview(context(), {"subscription": story.subscription})
    assert shown(preview) == [(0, "0", FROZEN + WEEK), (120, "40", FROZEN)]


def test_usage_of_many_periods_ago_is_billed_as_well(dynamodb: Engine) -> None:
    """Twenty invoices lie between a day and the usage of it that comes late."""
    billed_late()
    story = Story(dynamodb, "day")
    for day in range(2, 24, 2):
        story.advance(FROZEN + day * DAY)
    story.use(40, FROZEN + DAY + 60)
    story.advance(FROZEN + 23 * DAY)
    assert story.lines() == [(0, "0", FROZEN + 22 * DAY), (120, "40", FROZEN + DAY)]


def test_usage_of_a_period_that_a_reset_cut_short_is_corrected(story: Story) -> None:
    billed_late()
    story.advance(FROZEN + 3 * DAY)
    update_subscription(context(), story.subscription, {"billing_cycle_anchor": "now"})
    story.use(40, FROZEN + DAY)
    story.advance(FROZEN + 3 * DAY + WEEK)
    assert story.lines() == [(0, "0", FROZEN + 3 * DAY), (120, "40", FROZEN)]
    corrected = listed("invoice")[0]["lines"]["data"][1]
    assert corrected["period"] == {"start": FROZEN, "end": FROZEN + 3 * DAY}


def test_usage_before_a_price_change_is_corrected_at_the_old_price(story: Story) -> None:
    billed_late()
    story.advance(FROZEN + 3 * DAY)
    [item] = stored(story.subscription)["items"]["data"]
    change = {"items": [{"id": item["id"], "price": story.priced(5)}]}
    update_subscription(context(), story.subscription, change)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    story.use(40, FROZEN + DAY)
    story.use(10, FROZEN + 4 * DAY)
    story.advance(FROZEN + 2 * WEEK)
    assert story.lines() == [
        (0, "0", FROZEN + WEEK),
        (50, "10", FROZEN + 3 * DAY),
        (120, "40", FROZEN),
    ]
    parents = [line["parent"]["type"] for line in listed("invoice")[0]["lines"]["data"]]
    assert parents == ["subscription_item_details"] * 3


def test_an_item_of_cut_usage_says_what_its_line_does_once_it_is_final(story: Story) -> None:
    """It stands on a tab, which is written in its place."""
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + 3 * DAY)
    [item] = stored(story.subscription)["items"]["data"]
    change = {"items": [{"id": item["id"], "price": story.priced(5)}]}
    update_subscription(context(), story.subscription, change)
    [waiting] = listed("invoiceitem")
    assert (waiting["amount"], waiting["invoice"]) == (300, None)
    story.advance(FROZEN + WEEK)
    story.use(40, FROZEN + 2 * DAY)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    [invoice] = listed("invoice")
    [line] = [one for one in invoice["lines"]["data"] if one["period"]["start"] == FROZEN]
    [billed] = listed("invoiceitem")
    same = ("amount", "description", "quantity", "quantity_decimal")
    assert [billed[name] for name in same] == [line[name] for name in same]
    assert (billed["amount"], billed["invoice"]) == (420, invoice["id"])
    assert stored(billed["id"]) == billed
