"""Usage that comes after its invoice was final, under the account's setting ``late_usage``."""

from decimal import Decimal
from typing import Any

import pytest

from meterline.core.billing.invoicing import Line
from meterline.services.account.settings import update_settings
from meterline.services.catalog.coupons import create_coupon
from meterline.services.invoices import late_usage
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.late_usage_records import KIND, LateUsageState
from meterline.services.invoices.metered import rate_again
from meterline.services.previews.preview import create_preview
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.renewals import renew_subscription
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.operations import explain_invoice
from meterline.store.base.documents import Body, Document
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories.objects import (
    FROZEN,
    advance,
    clock,
    context,
    customer,
    listed,
    meter,
    metered,
    stored,
    subscribe,
)
from tests.factories.streams import watch_usage
from tests.factories.usage import use
from tests.integration.runs.worlds import DAY, HOUR, told

WEEK = 7 * DAY


class Story:
    """A customer who pays three cents a token by the week, on a test clock.

    What the stream of the counters brings is looked at.
    """

    def __init__(self, engine: Engine, interval: str = "week", **terms: Any) -> None:
        self.engine = engine
        self.meter = meter("tokens")
        self.price = self.priced(3, interval)
        self.clock = clock()
        self.customer = customer(test_clock=self.clock)
        self.subscription = subscribe(self.customer, self.price, **terms)["id"]

    def priced(self, unit_amount: int, interval: str = "week") -> str:
        """A price of the meter."""
        return metered(self.meter, unit_amount, interval=interval)

    def use(self, quantity: int, at: int) -> None:
        use(self.meter, self.customer, at=at, quantity=quantity)
        self.watch()

    def watch(self) -> None:
        """Deliver every counter as the stream would."""
        watch_usage(self.engine)

    def advance(self, to: int) -> None:
        advance(self.clock, to)

    def lines(self) -> list[tuple[int, str, int]]:
        """Of the newest invoice: amount, quantity, and when the period of each line began."""
        return shown(listed("invoice")[0])


def shown(invoice: Any) -> list[tuple[int, str, int]]:
    return [
        (line["amount"], line["quantity_decimal"], line["period"]["start"])
        for line in invoice["lines"]["data"]
    ]


@pytest.fixture
def story(dynamodb: Engine) -> Story:
    return Story(dynamodb)


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


def test_a_note_is_done_with_once_it_is_corrected(story: Story) -> None:
    billed_late()
    late_story(story)
    assert len(listed(KIND, parent=story.customer)) == 1
    for week in range(2, 5):
        story.advance(FROZEN + week * WEEK)
        assert listed(KIND, parent=story.customer) == []
    assert corrections() == [(120, FROZEN)]


def corrections() -> list[tuple[int, int]]:
    """What was billed late on all invoices: amount, and when its period began; in that order."""
    lines = (
        line for invoice in listed("invoice") for line in stored(invoice["id"])["lines"]["data"]
    )
    late = (line for line in lines if line["description"].startswith("Late usage"))
    return sorted(
        ((line["amount"], line["period"]["start"]) for line in late), key=lambda one: one[1]
    )


@pytest.mark.parametrize("days", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("grace", [0, HOUR])
def test_a_renewal_corrects_any_number_of_periods_in_commits_of_a_few(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, days: int, grace: int
) -> None:
    monkeypatch.setattr(late_usage, "_RECORDS_AT_ONCE", 2)
    billed_late(invoice_grace_seconds=grace)
    story = Story(dynamodb, "day")
    for day in range(2, 7):
        story.advance(FROZEN + day * DAY)
    story.advance(FROZEN + 6 * DAY + 2 * HOUR)
    for day in range(days):
        story.use(day + 1, FROZEN + day * DAY + HOUR)
    expected = [(3 * (day + 1), FROZEN + day * DAY) for day in range(days)]
    preview = create_preview(context(), {"subscription": story.subscription})
    assert len(preview["lines"]["data"]) == 1 + days
    story.advance(FROZEN + 7 * DAY + 2 * HOUR)
    assert corrections() == expected
    newest = listed("invoice")[0]
    assert (newest["total"], newest["status"] != "draft") == (preview["total"], True)
    assert listed(KIND, parent=story.customer) == []
    story.advance(FROZEN + 8 * DAY + 2 * HOUR)
    assert corrections() == expected, "nothing is corrected twice"


def test_a_draft_that_is_finalized_before_all_is_corrected_leaves_the_rest_to_the_next(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_usage, "_RECORDS_AT_ONCE", 2)
    billed_late()
    story = Story(dynamodb, "day")
    for day in (2, 4, 5):
        story.advance(FROZEN + day * DAY)
    story.advance(FROZEN + 5 * DAY + 2 * HOUR)
    for day in range(5):
        story.use(day + 1, FROZEN + day * DAY + HOUR)
    subscription = BillingStore(livemode=False).get(story.subscription)
    assert subscription is not None
    renew_subscription(context(FROZEN + 6 * DAY), subscription)
    finalize_invoice(context(), stored(story.subscription)["latest_invoice"], {})
    assert len(corrections()) == 2
    story.advance(FROZEN + 7 * DAY + 2 * HOUR)
    assert corrections() == [(3 * (day + 1), FROZEN + day * DAY) for day in range(5)]


def test_notes_that_come_while_a_draft_is_corrected_wait_for_the_next(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many come, each commit leaves less to do, and a line is corrected once."""
    monkeypatch.setattr(late_usage, "_RECORDS_AT_ONCE", 2)
    billed_late()
    story = Story(dynamodb, "day")
    for day in (2, 4, 6, 8, 9):
        story.advance(FROZEN + day * DAY)
    story.advance(FROZEN + 9 * DAY + 2 * HOUR)
    for day in range(4):
        story.use(day + 1, FROZEN + day * DAY + HOUR)
    subscription = BillingStore(livemode=False).get(story.subscription)
    assert subscription is not None
    renew_subscription(context(FROZEN + 10 * DAY), subscription)
    draft_id = stored(story.subscription)["latest_invoice"]
    for day in (0, 4, 5, 6, 7, 8):
        story.use(10, FROZEN + day * DAY + HOUR)
    story.advance(FROZEN + 10 * DAY + 2 * HOUR)
    ids = [line["id"] for line in stored(draft_id)["lines"]["data"]]
    assert len(ids) == len(set(ids)) == 1 + 4
    story.advance(FROZEN + 11 * DAY + 2 * HOUR)
    assert sum(amount for amount, _ in corrections()) == 3 * (1 + 2 + 3 + 4 + 6 * 10)


@pytest.fixture
def closed(story: Story) -> Story:
    """Nine weeks after the first one, whose 40 late tokens were corrected in the third."""
    billed_late()
    late_story(story)
    for week in range(2, 10):
        story.advance(FROZEN + week * WEEK + 2 * HOUR)
    assert listed(KIND, parent=story.customer) == []
    return story


def test_usage_counted_long_after_a_correction_is_billed_beside_it_once(closed: Story) -> None:
    closed.use(10, FROZEN + 3 * DAY)
    closed.watch()
    closed.advance(FROZEN + 10 * WEEK + 2 * HOUR)
    assert closed.lines() == [(0, "0", FROZEN + 9 * WEEK), (30, "10", FROZEN)]
    closed.watch()
    closed.advance(FROZEN + 11 * WEEK + 2 * HOUR)
    assert closed.lines() == [(0, "0", FROZEN + 10 * WEEK)]
    assert [event for event in told() if event == f"{KIND}.found"] == [f"{KIND}.found"]


def test_what_is_billed_already_is_not_taken_up_again(closed: Story) -> None:
    [before] = BillingStore(livemode=False).each(KIND)
    closed.watch()
    assert list(BillingStore(livemode=False).each(KIND)) == [before]


def test_a_note_that_is_done_with_outlasts_whatever_may_be_counted_again(closed: Story) -> None:
    """Failed records wait for 90 days, events may be recounted for 45."""
    [note] = BillingStore(livemode=False).each(KIND)
    assert note.expires_at is not None
    assert (note.expires_at - context().wall_clock) // DAY == 45 + 365
    closed.use(10, FROZEN + 3 * DAY)
    [again] = BillingStore(livemode=False).each(KIND)
    assert (again.parent, again.expires_at) == (closed.customer, None)


def test_usage_counted_while_a_renewal_corrects_its_note_is_corrected_with_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    billed_late()
    late_story(story)
    late = iter([10])

    def rate_early(*given: Any) -> Line:
        rated = rate_again(*given)
        for quantity in late:  # once
            story.use(quantity, FROZEN + 3 * DAY)
        return rated

    monkeypatch.setattr(late_usage, "rate_again", rate_early)
    story.advance(FROZEN + 2 * WEEK + 2 * HOUR)
    assert story.lines() == [(0, "0", FROZEN + WEEK), (150, "50", FROZEN)]
    assert listed(KIND, parent=story.customer) == []


def test_a_note_of_an_ended_subscription_is_closed_by_the_next_renewal_that_reads_it(
    story: Story,
) -> None:
    billed_late()
    late_story(story)
    subscribe(story.customer, story.priced(5))
    cancel_subscription(context(), story.subscription, {})
    assert notes_of(story.subscription) == [False]
    story.advance(FROZEN + 2 * WEEK + 4 * HOUR)
    assert notes_of(story.subscription) == [True]


def test_a_note_that_comes_after_the_last_invoice_is_closed_from_the_start(story: Story) -> None:
    billed_late()
    story.use(100, FROZEN + DAY)
    update_subscription(context(), story.subscription, {"cancel_at_period_end": True})
    story.advance(FROZEN + WEEK + 2 * HOUR)
    for quantity in (40, 2):
        story.use(quantity, FROZEN + 2 * DAY)
        assert notes_of(story.subscription) == [True]


def test_the_final_invoice_of_a_cancellation_corrects_what_came_late(story: Story) -> None:
    billed_late()
    late_story(story)
    cancel_subscription(context(), story.subscription, {"invoice_now": True})
    assert (120, "40", FROZEN) in story.lines()
    assert notes_of(story.subscription) == [True]


def notes_of(subscription: str) -> list[bool]:
    """Whether each note of a subscription is closed."""
    notes = BillingStore(livemode=False).each(KIND)
    return [
        one.parent is None
        for one in notes
        if LateUsageState.of(one.body).subscription == subscription
    ]


def test_a_renewal_without_late_usage_looks_back_at_no_invoice(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    billed_late()
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    read: list[str] = []
    get = BillingStore.get

    def noted(store: BillingStore, object_id: str) -> Document | None:
        read.append(object_id)
        return get(store, object_id)

    monkeypatch.setattr(BillingStore, "get", noted)
    story.advance(FROZEN + 2 * WEEK)
    assert not [one for one in read if one.startswith("in_")]
