"""Late usage records: which renewals read them, when they are closed, and taken up again."""

from typing import Any

import pytest

from meterline.core.billing.invoicing import Line
from meterline.services.invoices import late_usage
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.late_usage_records import KIND, LateUsageState
from meterline.services.invoices.metered import rate_again
from meterline.services.previews.preview import create_preview
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.renewals import renew_subscription
from meterline.services.subscriptions.update import update_subscription
from meterline.store.base.documents import Document
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories.objects import (
    FROZEN,
    context,
    listed,
    stored,
    subscribe,
)
from tests.integration.runs.late_usage_story import (
    WEEK,
    Story,
    billed_late,
    late_story,
)
from tests.integration.runs.worlds import DAY, HOUR, told


@pytest.fixture
def story(dynamodb: Engine) -> Story:
    return Story(dynamodb)


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
        note.parent is None
        for note in notes
        if LateUsageState.of(note.body).subscription == subscription
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
