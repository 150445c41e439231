"""Ending a subscription at once: its final invoice, its planned end, and what is given back.

The figures follow recordings of Stripe (Kiln-AI/stripe_world, cassette 01; pay-rails/pay,
cancel_now_when_scheduled). A total below zero is booked, where one recording writes it off.
"""

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

_HOUR = 3_600


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


@pytest.mark.parametrize(
    ("terms", "charged_after"),
    [({}, _HOUR), ({"collection_method": "send_invoice", "days_until_due": 7}, None)],
)
def test_the_final_invoice_is_a_draft_for_its_hour(
    stage: Stage, terms: dict[str, object], charged_after: int | None
) -> None:
    subscription = stage.subscribe(stage.price("Base", 3_100), **terms)
    stage.until("2024-01-11")
    gone = stage.client.v1.subscriptions.cancel(
        subscription.id, {"prorate": True, "invoice_now": True}
    )
    last = stage.client.v1.invoices.retrieve(gone.latest_invoice)
    assert (last.status, last.billing_reason, last.total) == ("draft", "subscription_cycle", -2_100)
    assert (last.auto_advance, last.attempted, last.number) == (True, False, None)
    assert last.automatically_finalizes_at == last.created + _HOUR + 1
    attempt = None if charged_after is None else last.created + charged_after
    assert last.next_payment_attempt == attempt


def test_each_invoice_that_an_end_stops_is_told_once(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3_100))
    stage.until("2024-02-01 00:30")
    stage.client.v1.subscriptions.cancel(subscription.id)
    told = stage.client.v1.events.list({"type": "invoice.updated", "limit": 100}).data
    stopped = sorted(event.data.object.id for event in told)
    assert stopped == sorted(invoice.id for invoice in stage.invoices())


def test_a_final_invoice_below_zero_is_booked_to_the_balance_when_it_is_final(
    stage: Stage,
) -> None:
    customers = stage.client.v1.customers
    subscription = stage.subscribe(stage.price("Base", 3_100))
    stage.until("2024-01-11")
    gone = stage.client.v1.subscriptions.cancel(
        subscription.id, {"prorate": True, "invoice_now": True}
    )
    assert customers.retrieve(stage.customer).balance == 0
    stage.until("2024-01-11 02:00")
    last = stage.client.v1.invoices.retrieve(gone.latest_invoice)
    assert (last.status, last.amount_due, last.ending_balance) == ("paid", 0, -2_100)
    assert customers.retrieve(stage.customer).balance == -2_100


@pytest.mark.parametrize(
    "planned", [{"cancel_at_period_end": True}, {"cancel_at": at("2024-01-20")}]
)
def test_an_end_at_once_takes_the_place_of_the_planned_one(
    stage: Stage, planned: dict[str, object]
) -> None:
    subscription = stage.subscribe(stage.price("Base", 3_100))
    stage.until("2024-01-05")
    stage.change(subscription, proration_behavior="none", **planned)
    stage.until("2024-01-11")
    gone = stage.client.v1.subscriptions.cancel(subscription.id)
    assert (gone.cancel_at, gone.cancel_at_period_end) == (None, False)
    assert (gone.canceled_at, gone.ended_at) == (at("2024-01-05"), at("2024-01-11"))


@pytest.mark.parametrize(
    ("changes", "named", "text"),
    [
        ([{"price": "new"}], "old", "Unused time on Old after 11 Jan 2024"),
        ([{"quantity": 5}], "old", "Unused time on Old after 11 Jan 2024"),
        ([{"price": "new"}, {"price": "old"}], "old", "Unused time on Old after 11 Jan 2024"),
        ([{"price": "new"}, {"quantity": 3}], "old", "Unused time on Old after 11 Jan 2024"),
    ],
)
def test_a_credit_after_changes_without_proration_names_what_was_billed(
    stage: Stage, changes: list[dict[str, object]], named: str, text: str
) -> None:
    prices = {"old": stage.price("Old", 3_100), "new": stage.price("New", 6_200)}
    subscription = stage.subscribe(prices["old"])
    item = subscription["items"].data[0].id
    for change in changes:
        wanted = {name: prices.get(str(value), value) for name, value in change.items()}
        stage.change(subscription, items=[{"id": item, **wanted}], proration_behavior="none")
    stage.until("2024-01-11")
    stage.client.v1.subscriptions.cancel(subscription.id, {"prorate": True})
    [credit] = stage.client.v1.invoice_items.list({"customer": stage.customer}).data
    assert (credit.amount, credit.quantity, credit.description) == (-2_100, 1, text)
    assert credit.pricing.price_details.price == prices[named]
    assert credit.pricing.unit_amount_decimal is None
    assert list(credit.frozen_fields) == ["pricing", "quantity", "discounts"]


def test_the_next_period_credits_what_it_billed_itself(stage: Stage) -> None:
    old, new = stage.price("Old", 3_100), stage.price("New", 6_200)
    subscription = stage.subscribe(old)
    item = {"id": subscription["items"].data[0].id, "price": new}
    stage.change(subscription, items=[item], proration_behavior="none")
    stage.until("2024-02-01 02:00")
    stage.client.v1.subscriptions.cancel(subscription.id, {"prorate": True})
    [credit] = stage.client.v1.invoice_items.list({"customer": stage.customer}).data
    assert credit.pricing.price_details.price == new


def test_prorations_come_newest_first_each_credit_before_its_debit(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3_100))
    item = {"id": subscription["items"].data[0].id}
    stage.until("2024-01-11")
    stage.change(subscription, items=[item | {"quantity": 2}])
    stage.until("2024-01-21")
    stage.change(subscription, items=[item | {"quantity": 3}])
    pending = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    amounts = [-2_200, 3_300, -2_100, 4_200]
    assert [one.amount for one in pending.data] == amounts
    lines = stage.preview(subscription).lines.data
    assert [line.amount for line in lines][:4] == amounts
    parents = [line.parent.subscription_item_details for line in lines[:4]]
    assert {parent.subscription_item for parent in parents} == {item["id"]}
    assert [parent.invoice_item for parent in parents] == [one.id for one in pending.data]
    assert [line.pricing.unit_amount_decimal for line in lines[:4]] == [None] * 4
