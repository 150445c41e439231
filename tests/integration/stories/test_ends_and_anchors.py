"""Ends that meet pauses, new cycles and the anchor of classic mode."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day, lines_of


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def stored(stage: Stage, subscription: Any) -> Any:
    return stage.client.v1.subscriptions.retrieve(subscription.id)


def test_a_paused_subscription_ends_when_it_was_to_end(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100))
    stage.change(subscription, cancel_at=at("2024-03-10"))
    stage.until("2024-01-11")
    stage.client.v1.subscriptions.pause(subscription.id)
    with pytest.raises(stripe.InvalidRequestError) as nothing:
        stage.preview(subscription)
    assert nothing.value.code == "invoice_upcoming_none"
    stage.until("2024-03-12")
    ended = stored(stage, subscription)
    assert (ended.status, ended.ended_at) == ("canceled", at("2024-03-10"))
    assert stage.totals() == [("2024-01-01", 3100)]


def test_a_resumed_subscription_pays_up_to_its_end_only(stage: Stage) -> None:
    """Paid for 21 days too many; from 21 January to 5 February are 15 of 31 days."""
    subscription = stage.subscribe(stage.price("Base", 3100))
    stage.change(subscription, cancel_at=at("2024-02-05"))
    stage.until("2024-01-11")
    stage.client.v1.subscriptions.pause(subscription.id)
    stage.until("2024-01-21")
    stage.client.v1.subscriptions.resume(subscription.id)
    assert lines_of(stage.invoices()[-1]) == [
        ("Unused time on Base", -2100, "2024-01-11", "2024-02-01"),
        ("1 × Base", 1500, "2024-01-21", "2024-02-05"),
    ]
    stage.until("2024-02-06")
    assert stored(stage, subscription).status == "canceled"


def test_a_reset_of_the_anchor_charges_up_to_the_end_only(stage: Stage) -> None:
    """Eleven days are credited; from 21 January to 10 February are 20 of 31 days."""
    subscription = stage.subscribe(stage.price("Base", 3100))
    stage.change(subscription, cancel_at=at("2024-02-10"))
    stage.until("2024-01-21")
    stage.change(subscription, billing_cycle_anchor="now")
    assert lines_of(stage.invoices()[-1]) == [
        ("Unused time on Base", -1100, "2024-01-21", "2024-02-01"),
        ("1 × Base", 2000, "2024-01-21", "2024-02-10"),
    ]


@pytest.mark.parametrize(
    ("mode", "anchor"), [("classic", "2024-01-16"), ("flexible", "2024-01-01")]
)
def test_an_end_before_the_renewal_is_the_anchor_in_classic_mode(
    stage: Stage, mode: str, anchor: str
) -> None:
    """Half a month is credited in both; then the end is taken back."""
    subscription = stage.subscribe(stage.price("Base", 3100), billing_mode={"type": mode})
    ending = stage.change(subscription, cancel_at=at("2024-01-16"))
    assert day(ending.billing_cycle_anchor) == anchor
    assert day(ending["items"].data[0].current_period_end) == "2024-01-16"
    pending = stage.client.v1.invoice_items.list({"customer": stage.customer}).data
    assert [item.amount for item in pending] == [-1600]
    going_on = stage.change(subscription, cancel_at="")
    ends = {"classic": "2024-01-16", "flexible": "2024-02-01"}
    assert day(going_on["items"].data[0].current_period_end) == ends[mode]
    stage.until("2024-02-17")
    assert [one for one, _ in stage.totals()] == [
        "2024-01-01",
        *{"classic": ["2024-01-16", "2024-02-16"], "flexible": ["2024-02-01"]}[mode],
    ]


def test_two_resets_in_one_second_are_two_invoices(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100))
    stage.until("2024-01-11")
    for _ in range(2):
        stage.change(subscription, billing_cycle_anchor="now")
    assert sorted(total for _, total in stage.totals()) == [0, 1000, 3100]
