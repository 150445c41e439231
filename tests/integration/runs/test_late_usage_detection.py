"""Usage that is counted when its invoice is final is told of once, and stays findable."""

from dataclasses import replace
from itertools import batched
from typing import TYPE_CHECKING, Any

import pytest

from meterline.core.catalog.price_models import Usage
from meterline.services.account.settings_changes import update_settings
from meterline.services.base.context import Context
from meterline.services.invoices import finalize, late_usage_detection
from meterline.services.invoices.late_usage_detection import emit_late_usage
from meterline.services.invoices.late_usage_records import KIND
from meterline.services.invoices.line_verbs import update_line
from meterline.services.invoices.manual import create_invoice
from meterline.services.invoices.metered import usage_in, with_current_usage
from meterline.services.invoices.pay_or_close import void_invoice
from meterline.services.metering.count import count_records
from meterline.services.subscriptions import prorations
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.due_work import do_due_work
from meterline.services.work.test_clocks import delete_test_clock, run_test_clock
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.usage import BucketKey
from tests.engines import Engine
from tests.factories.objects import FROZEN, clock, context, licence, listed, stored
from tests.factories.usage import usage_record
from tests.integration.runs import late_usage_story
from tests.integration.runs.late_usage_story import WEEK, Story
from tests.integration.runs.worlds import DAY, HOUR, told

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
    )

FOUND = "meterline.late_usage.found"
AHEAD = 2_143_065_600
"""2037-11-29."""


def found() -> list[dict[str, Any]]:
    """What was found late, as events tell it."""
    return [
        event["data"]["object"]
        for box in listed("event")
        for event in box["events"]
        if event["type"] == FOUND
    ]


def exchange_metered_item(story: Story) -> None:
    """Have licences instead of usage from now on: an invoice of the usage is final at once."""
    [item] = stored(story.subscription)["items"]["data"]
    items = [{"id": item["id"], "deleted": True}, {"price": licence(interval="week")}]
    params = {"items": items, "proration_behavior": "always_invoice"}
    update_subscription(context(), story.subscription, params)


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


def test_usage_of_the_period_that_a_line_bills_is_late_whatever_it_shows(dynamodb: Engine) -> None:
    story = Story(dynamodb)
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + WEEK)
    [draft] = listed("invoice")
    [line] = draft["lines"]["data"]
    another = {"period": {"start": FROZEN - 2 * DAY, "end": FROZEN - DAY}}
    update_line(context(), draft["id"], line["id"], another)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    story.use(40, FROZEN + 2 * DAY)
    [one] = found()
    assert (one["billed_quantity"], one["counted_quantity"]) == ("100", "140")
    assert (one["start_time"], one["end_time"]) == (FROZEN, FROZEN + WEEK)


def test_it_is_told_once_for_an_invoice_line_whatever_comes_later_or_again(story: Story) -> None:
    story.use(40, FROZEN + 2 * DAY)
    story.watch()
    story.use(50, FROZEN + 3 * DAY)
    assert len(found()) == 1


@pytest.mark.parametrize(("late_usage", "times"), [("ignore", 0), ("next_invoice", 1)])
def test_a_note_that_a_renewal_may_be_correcting_is_written_again(
    story: Story, late_usage: str, times: int
) -> None:
    """So that a renewal that has read the usage before is refused and reads again."""
    update_settings(context(), {"late_usage": late_usage})
    story.use(40, FROZEN + 2 * DAY)
    [before] = BillingStore(livemode=False).each(KIND)
    hour = (FROZEN + 2 * DAY) // HOUR
    bucket = BucketKey(livemode=False, meter=story.meter, customer=story.customer, hour=hour)
    emit_late_usage(context(), bucket)
    [after] = BillingStore(livemode=False).each(KIND)
    assert (after.version - before.version, after.body) == (times, before.body)
    assert len(found()) == 1


@pytest.mark.parametrize("number", [199, 200, 201, 250])
def test_late_usage_is_found_behind_any_number_of_invoices(dynamodb: Engine, number: int) -> None:
    story = story_with_invoices_before_it(dynamodb, number)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    story.use(40, FROZEN + 2 * DAY)
    assert [record["counted_quantity"] for record in found()] == ["140"]


def story_with_invoices_before_it(dynamodb: Engine, number: int) -> Story:
    """The story before its week is billed, with other invoices since; one more than ``number``."""
    story = Story(dynamodb)
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + 3 * DAY)
    empty = create_invoice(context(), {"customer": story.customer})
    store = BillingStore(livemode=False)
    document = store.get(empty["id"])
    assert document is not None
    others = [
        replace(document, body=document.body | {"id": f"in_other{one}"}, version=0)
        for one in range(number)
    ]
    for group in batched(others, 90, strict=False):
        store.commit(Change(puts=list(group)))
    return story


def searches(story: Story) -> list[Document]:
    """The searches that have more to do for usage of the second day, which comes late."""
    stored = BillingStore(livemode=False).each("latesearch", parent=story.customer)
    return [one for one in stored if one.body["hour"] == (FROZEN + 2 * DAY) // HOUR]


@pytest.fixture
def pages_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call looks at ten invoices."""
    monkeypatch.setattr(late_usage_detection, "_INVOICES_AT_ONCE", 10)


@pytest.mark.usefixtures("pages_of_ten")
@pytest.mark.parametrize(("number", "at_once"), [(8, 1), (9, 0), (28, 0)])
def test_what_one_call_cannot_look_at_is_due_work(
    dynamodb: Engine, number: int, at_once: int
) -> None:
    story = story_with_invoices_before_it(dynamodb, number)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    story.use(40, FROZEN + 2 * DAY)
    assert (len(found()), len(searches(story))) == (at_once, 1 - at_once)
    for search in searches(story):
        do_due_work(context(search.body["at"] + 60), search.id)
    assert ([record["counted_quantity"] for record in found()], searches(story)) == (["140"], [])


@pytest.mark.usefixtures("pages_of_ten")
def test_a_search_goes_on_behind_what_it_has_looked_at(dynamodb: Engine) -> None:
    story = story_with_invoices_before_it(dynamodb, 48)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    story.use(40, FROZEN + 2 * DAY)
    places = []
    for _ in range(4):
        [search] = searches(story)
        places.append(search.body["place"])
        assert found() == []
        do_due_work(context(search.body["at"]), search.id)
    assert (places, len(found())) == (sorted(places), 1)
    assert len({tuple(place) for place in places}) == 4


@pytest.mark.usefixtures("pages_of_ten")
def test_usage_that_comes_while_a_search_goes_on_is_searched_for_from_the_beginning(
    dynamodb: Engine,
) -> None:
    story = story_with_invoices_before_it(dynamodb, 0)
    story.advance(FROZEN + WEEK + 2 * HOUR)
    for group in batched(copies_of(story, 30), 90, strict=False):
        BillingStore(livemode=False).commit(Change(puts=list(group)))
    hour = (FROZEN + 2 * DAY) // HOUR
    bucket = BucketKey(livemode=False, meter=story.meter, customer=story.customer, hour=hour)
    emit_late_usage(context(), bucket)
    [search] = searches(story)
    do_due_work(context(search.body["at"]), search.id)
    story.use(40, FROZEN + 2 * DAY)
    do_due_work(context(search.body["at"] + 60), search.id)
    assert (len(found()), searches(story)) == (31, [])


@pytest.mark.usefixtures("pages_of_ten")
def test_a_search_ends_with_its_test_clock(dynamodb: Engine) -> None:
    story = story_with_invoices_before_it(dynamodb, 20)
    story.use(40, FROZEN + 2 * DAY)
    [search] = searches(story)
    delete_test_clock(context(), story.clock, {})
    run_test_clock(context(), story.clock)
    assert searches(story) == []
    assert do_due_work(context(search.body["at"] + 60), search.id) == []


def copies_of(story: Story, number: int) -> list[Document]:
    """More invoices like the one that bills the week, each with a line of its own."""
    store = BillingStore(livemode=False)
    [final] = [invoice for invoice in listed("invoice", story.customer) if invoice["lines"]["data"]]
    document = store.get(final["id"])
    assert document is not None
    return [
        replace(document, body=final | {"id": f"in_copy{one:02}"}, version=0)
        for one in range(number)
    ]


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


@pytest.mark.parametrize("frozen", [FROZEN, AHEAD], ids=["past clock", "future clock"])
def test_usage_between_the_reading_and_the_commit_of_an_invoice_gets_on_it(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, frozen: int
) -> None:
    monkeypatch.setattr(late_usage_story, "clock", lambda: clock(frozen))
    story = Story(dynamodb)
    story.advance(frozen + WEEK + 60)
    draft = listed("invoice")[0]
    read = with_current_usage
    late = iter([7])

    def read_early(ctx: Context, invoice: "Invoice") -> "Invoice":
        current = read(ctx, invoice)
        for quantity in late:  # once
            story.use(quantity, frozen + DAY)
        return current

    monkeypatch.setattr(finalize, "with_current_usage", read_early)
    with pytest.raises(Conflict):
        finalize.finalize_invoice(context(), draft["id"], {})
    final = finalize.finalize_invoice(context(), draft["id"], {})
    assert (final["status"] != "draft", final["total"]) == (True, 21)
    story.watch()
    assert found() == []


def test_usage_between_the_reading_and_the_commit_of_an_invoice_final_at_once_is_told(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(dynamodb)
    story.use(100, FROZEN + DAY)
    story.advance(FROZEN + 2 * DAY)
    read = usage_in
    late = iter([7])

    def read_early(ctx: Context, *rest: Any) -> dict[str, Usage]:
        usage = read(ctx, *rest)
        for quantity in late:  # once
            story.use(quantity, FROZEN + DAY)
        return usage

    monkeypatch.setattr(prorations, "usage_in", read_early)
    exchange_metered_item(story)
    assert (300, "100", FROZEN) in story.lines()
    assert found() == []
    story.advance(FROZEN + 2 * DAY + 60)
    assert [record["counted_quantity"] for record in found()] == ["107"]
    story.advance(FROZEN + 2 * DAY + HOUR)
    assert len(found()) == 1


def test_a_draft_that_becomes_final_beside_the_looking_is_seen_as_final(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(dynamodb)
    story.advance(FROZEN + WEEK + 60)
    draft = listed("invoice")[0]
    save = Context.save

    def save_late(ctx: Context, change: Change, *rest: Any, **more: Any) -> None:
        if stored(draft["id"])["status"] == "draft" and not more:
            monkeypatch.setattr(Context, "save", save)
            finalize.finalize_invoice(context(), draft["id"], {})
        save(ctx, change, *rest, **more)

    record = usage_record(story.meter, story.customer, FROZEN + DAY, 9)
    assert count_records([record]) == []
    monkeypatch.setattr(finalize, "with_current_usage", lambda _, invoice: invoice)
    monkeypatch.setattr(Context, "save", save_late)
    story.watch()
    monkeypatch.setattr(finalize, "with_current_usage", with_current_usage)
    assert [one["counted_quantity"] for one in found()] == ["9"]
