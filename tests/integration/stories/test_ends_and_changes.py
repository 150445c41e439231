"""Changes of a subscription that has an end: it ends then, and nothing is billed beyond it."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day, lines_of

MONTH, YEAR = 3_100, 366_000
"""Prices of January and of the leap year 2024: a hundred a day, a thousand a day."""


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def stored(stage: Stage, subscription: Any) -> Any:
    return stage.client.v1.subscriptions.retrieve(subscription.id)


def ended_at(stage: Stage, subscription: Any) -> str:
    ended = stored(stage, subscription)
    assert ended.status == "canceled"
    return day(ended.ended_at)


def periods(subscription: Any) -> list[str]:
    """The ends of the items' periods, and that of the subscription."""
    ends = [day(item.current_period_end) for item in subscription["items"].data]
    return [*ends, day(subscription.cancel_at)]


def updates_of(stage: Stage, subscription: Any) -> int:
    """How often a subscription was told to be updated."""
    types = {"types": ["customer.subscription.updated"], "limit": 100}
    events = stage.client.v1.events.list(types).auto_paging_iter()
    return sum(event.data.object["id"] == subscription.id for event in events)


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_an_end_with_the_period_moves_with_a_period_that_becomes_a_year(
    stage: Stage, mode: str
) -> None:
    """The end follows the period, in both modes; each subscription of these ended in January."""
    subscription = stage.subscribe(stage.price("Base", MONTH), billing_mode={"type": mode})
    stage.change(subscription, cancel_at_period_end=True)
    stage.until("2024-01-11")
    [item] = subscription["items"].data
    yearly = stage.price("Yearly", YEAR, interval="year")
    swapped = stage.change(subscription, items=[{"id": item.id, "price": yearly}])
    end = {"classic": "2025-01-11", "flexible": "2025-01-01"}[mode]
    assert periods(swapped) == [end, end]
    assert swapped.cancel_at_period_end
    stage.until("2025-01-12")
    assert ended_at(stage, subscription) == end
    assert updates_of(stage, subscription) == 2, "those of the requests, and no other"


def test_an_end_at_an_instant_cuts_the_period_of_another_interval(stage: Stage) -> None:
    """From 11 to 21 January a month costs 1000, a year 10,000."""
    subscription = stage.subscribe(stage.price("Base", MONTH))
    stage.change(subscription, cancel_at=at("2024-01-21"))
    stage.until("2024-01-11")
    [item] = subscription["items"].data
    yearly = stage.price("Yearly", YEAR, interval="year")
    swapped = stage.change(
        subscription,
        items=[{"id": item.id, "price": yearly}],
        proration_behavior="always_invoice",
    )
    assert periods(swapped) == ["2024-01-21", "2024-01-21"]
    assert lines_of(stage.invoices()[-1])[:2] == [
        ("Unused time on Base", -1_000, "2024-01-11", "2024-01-21"),
        ("Remaining time on Yearly", 10_000, "2024-01-11", "2024-01-21"),
    ]
    stage.until("2024-03-02")
    assert ended_at(stage, subscription) == "2024-01-21"


@pytest.mark.parametrize("by", ["update", "item"])
def test_an_added_item_is_charged_up_to_the_end_only(stage: Stage, by: str) -> None:
    """From 11 to 21 January a year costs 10,000; the preview says so too."""
    subscription = stage.subscribe(stage.price("Base", MONTH))
    stage.change(subscription, cancel_at=at("2024-01-21"))
    stage.until("2024-01-11")
    yearly = stage.price("Yearly", YEAR, interval="year")
    previewed = lines_of(stage.preview(subscription, items=[{"price": yearly}]))
    if by == "item":
        items = stage.client.v1.subscription_items
        items.create({"subscription": subscription.id, "price": yearly})
    else:
        stage.change(subscription, items=[{"price": yearly}])
    assert periods(stored(stage, subscription)) == ["2024-01-21"] * 3
    stage.until("2024-01-22")
    assert ended_at(stage, subscription) == "2024-01-21"
    last = stage.invoices()[-1]
    assert lines_of(last) == previewed
    assert ("Remaining time on Yearly", 10_000, "2024-01-11", "2024-01-21") in previewed
    assert last.total == 10_000 - 1_100


def test_an_item_added_before_an_end_with_the_period_is_charged_up_to_it(stage: Stage) -> None:
    """21 days of a year of 366 thousand; the month's end stays the earliest."""
    subscription = stage.subscribe(stage.price("Base", MONTH), cancel_at_period_end=True)
    stage.until("2024-01-11")
    yearly = stage.price("Yearly", YEAR, interval="year")
    added = stage.change(subscription, items=[{"price": yearly}])
    assert periods(added) == ["2024-02-01"] * 3
    stage.until("2024-02-02")
    assert ended_at(stage, subscription) == "2024-02-01"
    assert stage.totals() == [("2024-01-01", MONTH), ("2024-02-01", 21_000)]


def test_an_end_with_the_period_moves_when_the_earliest_period_is_taken_away(
    stage: Stage,
) -> None:
    prices = [stage.price("Base", MONTH), stage.price("Yearly", YEAR, interval="year")]
    subscription = stage.subscribe(*prices)
    ending = stage.change(subscription, cancel_at_period_end=True)
    assert day(ending.cancel_at) == "2024-02-01"
    stage.until("2024-01-11")
    monthly = subscription["items"].data[0]
    left = stage.change(subscription, items=[{"id": monthly.id, "deleted": True}])
    assert periods(left) == ["2025-01-01", "2025-01-01"]
    stage.until("2025-01-02")
    assert ended_at(stage, subscription) == "2025-01-01"
    assert updates_of(stage, subscription) == 2


def test_a_creation_with_an_end_charges_every_item_up_to_it(stage: Stage) -> None:
    prices = [stage.price("Base", MONTH), stage.price("Yearly", YEAR, interval="year")]
    subscription = stage.subscribe(*prices, cancel_at_period_end=True)
    assert periods(subscription) == ["2024-02-01"] * 3
    assert stage.totals() == [("2024-01-01", 3_100 + 31_000)]
    stage.until("2024-02-02")
    assert ended_at(stage, subscription) == "2024-02-01"


@pytest.mark.parametrize("given", ["2024-01-21", "2024-02-10"])
def test_a_change_of_items_and_end_at_once_charges_up_to_the_new_end(
    stage: Stage, given: str
) -> None:
    """No line goes beyond the end, and none is credited that was charged in the same request."""
    subscription = stage.subscribe(stage.price("Base", MONTH))
    stage.until("2024-01-11")
    [item] = subscription["items"].data
    yearly = stage.price("Yearly", YEAR, interval="year")
    changed = stage.change(
        subscription,
        items=[{"id": item.id, "price": yearly}],
        cancel_at=at(given),
        proration_behavior="always_invoice",
    )
    assert periods(changed) == [given, given]
    days = {"2024-01-21": 10, "2024-02-10": 30}[given]
    assert lines_of(stage.invoices()[-1]) == [
        ("Unused time on Base", -2_100, "2024-01-11", "2024-02-01"),
        ("Remaining time on Yearly", days * 1_000, "2024-01-11", given),
    ]
    stage.until("2024-02-11")
    assert ended_at(stage, subscription) == given


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({"billing_cycle_anchor": "now"}, "2024-02-11"),
        ({"trial_end": at("2024-01-31"), "proration_behavior": "none"}, "2024-01-31"),
    ],
    ids=["anchor", "trial"],
)
def test_an_end_with_the_period_moves_with_a_new_cycle(
    stage: Stage, change: dict[str, Any], end: str
) -> None:
    subscription = stage.subscribe(stage.price("Base", MONTH), cancel_at_period_end=True)
    stage.until("2024-01-11")
    restarted = stage.change(subscription, **change)
    assert periods(restarted) == [end, end]
    stage.until("2024-02-12")
    assert ended_at(stage, subscription) == end


def test_a_resumed_subscription_ends_with_its_new_period(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", MONTH), cancel_at_period_end=True)
    stage.until("2024-01-11")
    stage.client.v1.subscriptions.pause(subscription.id)
    stage.until("2024-01-21")
    stage.client.v1.subscriptions.resume(subscription.id)
    assert periods(stored(stage, subscription)) == ["2024-02-21", "2024-02-21"]
    stage.until("2024-02-22")
    assert ended_at(stage, subscription) == "2024-02-21"


def test_an_end_with_the_period_lies_ahead_in_a_pause_too(stage: Stage) -> None:
    """No period begins in a pause: the end is that of the cycle's, and goes with a resumption."""
    subscription = stage.subscribe(stage.price("Base", MONTH))
    stage.client.v1.subscriptions.pause(subscription.id)
    stage.until("2024-03-11")
    ending = stage.change(subscription, cancel_at_period_end=True)
    assert day(ending.cancel_at) == "2024-04-01"
    added = stage.change(subscription, items=[{"price": stage.price("More", MONTH)}])
    assert day(added.cancel_at) == "2024-04-01"
    stage.client.v1.subscriptions.resume(subscription.id)
    assert periods(stored(stage, subscription)) == ["2024-04-11"] * 3
    stage.until("2024-04-12")
    assert ended_at(stage, subscription) == "2024-04-11"


def test_a_subscription_that_was_never_paid_ends_when_it_was_to_end(stage: Stage) -> None:
    subscription = stage.subscribe(
        stage.price("Base", 100 * MONTH),
        payment_behavior="default_incomplete",
        cancel_at=at("2024-01-01 10:00"),
    )
    assert subscription.status == "incomplete"
    stage.until("2024-01-01 11:00")
    after = stored(stage, subscription)
    assert (after.status, day(after.ended_at)) == ("incomplete_expired", "2024-01-01 10:00")
    assert [invoice.status for invoice in stage.invoices()] == ["void"]


def test_a_trial_that_ends_with_its_subscription_does_not_pause_it(stage: Stage) -> None:
    behavior = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = stage.subscribe(
        stage.price("Base", MONTH),
        trial_end=at("2024-01-11"),
        trial_settings=behavior,
        cancel_at_period_end=True,
    )
    stage.until("2024-01-12")
    assert ended_at(stage, subscription) == "2024-01-11"


def test_several_things_at_one_instant_are_done_one_after_another(stage: Stage) -> None:
    """Collection goes on, pending items are due and the period ends, all on 1 February."""
    subscription = stage.subscribe(stage.price("Base", MONTH))
    stage.change(
        subscription,
        pause_collection={"behavior": "void", "resumes_at": at("2024-02-01")},
        pending_invoice_item_interval={"interval": "month"},
    )
    stage.until("2024-02-02")
    after = stored(stage, subscription)
    assert after.pause_collection is None
    assert day(after.next_pending_invoice_item_invoice) == "2024-03-01"
    assert [(invoice.total, invoice.status) for invoice in stage.invoices()] == [
        (MONTH, "open")
    ] * 2


def test_an_interval_of_pending_items_begins_when_it_is_given(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", MONTH))
    stage.until("2024-01-20 12:00")
    weekly = stage.change(
        subscription, pending_invoice_item_interval={"interval": "week", "interval_count": 1}
    )
    assert day(weekly.next_pending_invoice_item_invoice) == "2024-01-22"
    stage.until("2024-01-22")
    assert updates_of(stage, subscription) == 2, "the request, and one week"


def test_an_interval_of_pending_items_goes_by_the_new_anchor(stage: Stage) -> None:
    weekly = {"interval": "week", "interval_count": 1}
    subscription = stage.subscribe(stage.price("Base", MONTH), pending_invoice_item_interval=weekly)
    stage.until("2024-01-05")
    restarted = stage.change(subscription, billing_cycle_anchor="now")
    assert day(restarted.next_pending_invoice_item_invoice) == "2024-01-12"


def test_a_pause_leaves_no_intervals_of_pending_items_behind(stage: Stage) -> None:
    daily = {"interval": "day", "interval_count": 1}
    subscription = stage.subscribe(stage.price("Base", MONTH), pending_invoice_item_interval=daily)
    stage.client.v1.subscriptions.pause(subscription.id)
    stage.until("2024-01-15")
    stage.client.v1.subscriptions.resume(subscription.id)
    resumed = stored(stage, subscription)
    assert day(resumed.next_pending_invoice_item_invoice) == "2024-01-16"


@pytest.mark.parametrize("resumes_at", ["2023-12-31", "2024-01-01"])
def test_collection_resumes_in_the_future(stage: Stage, resumes_at: str) -> None:
    subscription = stage.subscribe(stage.price("Base", MONTH))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(
            subscription,
            pause_collection={"behavior": "void", "resumes_at": at(resumes_at)},
        )
    assert refused.value.param == "pause_collection[resumes_at]"
    assert "must be in the future" in str(refused.value)
    assert stored(stage, subscription).pause_collection is None
