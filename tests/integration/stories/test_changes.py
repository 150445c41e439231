"""Changes of running subscriptions: what each costs, and that a preview is the bill."""

from typing import Any

import pytest
import stripe

from meterline.core.billing import pending_batches
from meterline.services.billing import item_batches
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, lines_of, short


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def item(subscription: Any, place: int = 0) -> str:
    return str(subscription["items"].data[place].id)


def bill_of(invoice: Any) -> tuple[int, list[Any]]:
    return invoice.total, lines_of(invoice)


def test_an_upgrade_is_prorated_to_the_second_on_the_next_invoice(stage: Stage) -> None:
    basic, pro = stage.price("Basic", 1000), stage.price("Pro", 3250)
    subscription = stage.subscribe(basic)
    stage.until("2024-01-11")
    change: dict[str, Any] = {"items": [{"id": item(subscription), "price": pro}]}
    expected = bill_of(stage.preview(subscription, **change))
    stage.change(subscription, **change)
    pending_items = stage.client.v1.invoice_items.list(
        {"customer": stage.customer, "pending": True}
    )
    assert sorted(one.amount for one in pending_items) == [-677, 2202]
    assert all(one.proration and not one.discountable for one in pending_items)
    assert bill_of(stage.preview(subscription)) == expected
    stage.until("2024-02-02")
    assert bill_of(stage.invoices()[-1]) == expected
    assert expected == (
        4775,
        [
            ("Unused time on Basic", -677, "2024-01-11", "2024-02-01"),
            ("Remaining time on Pro", 2202, "2024-01-11", "2024-02-01"),
            ("1 × Pro", 3250, "2024-02-01", "2024-03-01"),
        ],
    )
    billed = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    assert billed.data == []


@pytest.mark.parametrize(
    ("behavior", "invoices", "next_total"),
    [("create_prorations", 1, 2678), ("always_invoice", 2, 2000), ("none", 1, 2000)],
)
def test_a_quantity_is_billed_as_the_proration_behavior_says(
    stage: Stage, behavior: str, invoices: int, next_total: int
) -> None:
    subscription = stage.subscribe(stage.price("Seat", 1000))
    stage.until("2024-01-11")
    change: dict[str, Any] = {
        "items": [{"id": item(subscription), "quantity": 2}],
        "proration_behavior": behavior,
    }
    stage.change(subscription, **change)
    assert len(stage.invoices()) == invoices
    assert stage.preview(subscription).total == next_total


def test_a_downgrade_that_is_invoiced_at_once_leaves_credit(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Pro", 3100))
    stage.until("2024-01-11")
    change: dict[str, Any] = {
        "items": [{"id": item(subscription), "price": stage.price("Basic", 1550)}],
        "proration_behavior": "always_invoice",
    }
    expected = bill_of(stage.preview(subscription, **change))
    after = stage.change(subscription, **change)
    invoice = stage.client.v1.invoices.retrieve(after.latest_invoice)
    assert bill_of(invoice) == expected
    assert (invoice.total, invoice.status, invoice.ending_balance) == (-1050, "paid", -1050)
    stage.until("2024-02-02")
    renewal = stage.invoices()[-1]
    assert (renewal.total, renewal.amount_due, renewal.starting_balance) == (1550, 500, -1050)
    transactions = stage.client.v1.customers.balance_transactions.list(stage.customer)
    assert [transaction.amount for transaction in transactions] == [1050, -1050]


def test_classic_credits_the_current_price_and_flexible_what_was_billed(api: Api) -> None:
    totals = {}
    for mode in ("classic", "flexible"):
        stage = Stage(api, "2024-01-01")
        low, high = stage.price("Low", 1000), stage.price("High", 3000)
        subscription = stage.subscribe(low, billing_mode={"type": mode})
        stage.change(
            subscription,
            items=[{"id": item(subscription), "price": high}],
            proration_behavior="none",
        )
        stage.until("2024-01-11")
        stage.change(subscription, items=[{"id": item(subscription), "price": low}])
        totals[mode] = stage.preview(subscription).total - 1000
    assert totals == {"classic": -2032 + 677, "flexible": -677 + 677}


def test_items_come_and_go(stage: Stage) -> None:
    items = stage.client.v1.subscription_items
    subscription = stage.subscribe(stage.price("Base", 1000))
    stage.until("2024-01-11")
    added = items.create(
        {"subscription": subscription.id, "price": stage.price("Extra", 310), "quantity": 2}
    )
    assert items.retrieve(added.id).quantity == 2
    assert [one.id for one in items.list({"subscription": subscription.id})][1:] == [added.id]
    assert items.update(added.id, {"quantity": 3, "metadata": {"a": "1"}}).metadata["a"] == "1"
    assert items.delete(added.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as last:
        items.delete(item(subscription))
    assert last.value.param == "items"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        items.retrieve(added.id)
    assert missing.value.http_status == 404
    assert stage.preview(subscription).total == 1000 + 420 - 420 + 630 - 630


@pytest.mark.parametrize("again", [{"quantity": 5}, {"deleted": True}])
def test_an_item_that_a_change_names_twice_is_refused_and_nothing_is_charged(
    stage: Stage, again: dict[str, Any]
) -> None:
    subscription = stage.subscribe(stage.price("Seat", 100), stage.price("Desk", 3))
    stage.until("2024-01-16")
    named = {"id": item(subscription)}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(subscription, items=[named | {"quantity": 3}, named | again])
    assert refused.value.param == "items[1][id]"
    waiting = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    assert waiting.data == []


def test_a_metered_price_change_bills_each_part_at_its_price(stage: Stage) -> None:
    meter = stage.meter()
    old, new = stage.metered("Old", meter, 10), stage.metered("New", meter, 1)
    subscription = stage.subscribe(old)
    stage.until("2024-01-11")
    stage.use(5, "2024-01-10")
    change: dict[str, Any] = {"items": [{"id": item(subscription), "price": new}]}
    expected = bill_of(stage.preview(subscription, **change))
    stage.change(subscription, **change)
    stage.use(70)
    stage.until("2024-02-02")
    assert expected[1][0] == ("5 × Old", 50, "2024-01-01", "2024-01-11")
    assert lines_of(stage.invoices()[-1]) == [
        ("5 × Old", 50, "2024-01-01", "2024-01-11"),
        ("70 × New", 70, "2024-01-11", "2024-02-01"),
    ]


def test_usage_that_is_counted_late_still_gets_onto_the_bill_of_a_removed_item(
    stage: Stage,
) -> None:
    calls = stage.metered("Calls", stage.meter(), 10)
    subscription = stage.subscribe(stage.price("Base", 1000), calls)
    stage.until("2024-01-11")
    stage.change(subscription, items=[{"id": item(subscription, 1), "deleted": True}])
    stage.use(5, "2024-01-10")
    stage.until("2024-02-02")
    assert lines_of(stage.invoices()[-1])[0] == ("5 × Calls", 50, "2024-01-01", "2024-01-11")
    billed = stage.client.v1.invoice_items.list({"customer": stage.customer}).data
    assert [(line.amount, line.quantity) for line in billed] == [(50, 5)]


@pytest.mark.parametrize("spelling", ["now", {"type": "now"}])
def test_a_reset_of_the_anchor_bills_at_once(stage: Stage, spelling: Any) -> None:
    calls = stage.metered("Calls", stage.meter(), 10)
    subscription = stage.subscribe(stage.price("Base", 3100), calls)
    stage.until("2024-01-11")
    stage.use(5, "2024-01-10")
    expected = bill_of(stage.preview(subscription, billing_cycle_anchor=spelling))
    after = stage.change(subscription, billing_cycle_anchor=spelling)
    invoice = stage.client.v1.invoices.retrieve(after.latest_invoice)
    assert after.billing_cycle_anchor == at("2024-01-11")
    assert invoice.billing_reason == "subscription_update"
    assert bill_of(invoice) == expected
    assert expected == (
        1050,
        [
            ("Unused time on Base", -2100, "2024-01-11", "2024-02-01"),
            ("5 × Calls", 50, "2024-01-01", "2024-01-11"),
            ("1 × Base", 3100, "2024-01-11", "2024-02-11"),
        ],
    )


def test_classic_restarts_the_cycle_when_the_interval_changes_and_flexible_does_not(
    api: Api,
) -> None:
    anchors = {}
    for mode in ("classic", "flexible"):
        stage = Stage(api, "2024-01-01")
        subscription = stage.subscribe(stage.price("M", 3100), billing_mode={"type": mode})
        stage.until("2024-01-11")
        yearly = stage.price("Y", 36600, interval="year")
        change: dict[str, Any] = {"items": [{"id": item(subscription), "price": yearly}]}
        expected = stage.preview(subscription, **change)
        after = stage.change(subscription, **change)
        anchors[mode] = after.billing_cycle_anchor
        amounts = [line.amount for line in expected.lines.data]
        if mode == "classic":
            assert amounts == [-2100, 36600]
            assert stage.invoices()[-1].total == 34500
        else:
            assert amounts == [-2100, 35600, 36600]
            assert after["items"].data[0].current_period_end == at("2025-01-01")
    assert anchors == {"classic": at("2024-01-11"), "flexible": at("2024-01-01")}


def test_a_proration_date_must_lie_in_the_period(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100))
    stage.until("2024-01-21")
    change: dict[str, Any] = {"items": [{"id": item(subscription), "quantity": 2}]}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(subscription, **change, proration_date=at("2024-02-10"))
    assert refused.value.param == "proration_date"
    early = stage.preview(subscription, **change, proration_date=at("2024-01-11"))
    assert [short(line.description) for line in early.lines.data][:2] == [
        "Unused time on Base",
        "Remaining time on 2 × Base",
    ]
    assert [line.amount for line in early.lines.data] == [-2100, 4200, 6200]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"items": [{"id": "si_x", "quantity": 2}]}, "items[0][id]"),
        ({"items": [{"quantity": 2}]}, "items[0][price]"),
        ({"items": [{"price": "price_x"}]}, "items[0][price]"),
        ({"billing_cycle_anchor": "later"}, "billing_cycle_anchor"),
        ({"trial_end": 5}, "trial_end"),
        ({"cancel_at": 5}, "cancel_at"),
        ({"cancel_at": 5, "cancel_at_period_end": True}, "cancel_at"),
        ({"collection_method": "send_invoice"}, "days_until_due"),
        ({"default_source": "x"}, "default_source"),
    ],
)
def test_a_wrong_change_is_refused_and_changes_nothing(
    stage: Stage, change: dict[str, Any], param: str
) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(subscription, **change)
    assert refused.value.param == param
    assert stage.client.v1.subscriptions.retrieve(subscription.id) == subscription


@pytest.mark.parametrize(
    "details",
    [
        {"trial_period_days": 3},
        {"billing_mode": {"type": "classic"}},
        {"start_date": 1},
        {"billing_cycle_anchor": 1_800_000_000},
    ],
)
def test_what_only_a_new_subscription_has_is_not_previewed_for_a_running_one(
    stage: Stage, details: dict[str, Any]
) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.preview(subscription, **details)
    assert refused.value.param == f"subscription_details[{next(iter(details))}]"


def test_the_cycle_of_a_trial_is_not_reset(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100), trial_period_days=30)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(subscription, billing_cycle_anchor="now")
    assert refused.value.param == "billing_cycle_anchor"


def test_a_customer_has_no_more_pending_items_than_one_invoice_can_take(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending_batches, "MOST_ITEMS", 1)
    monkeypatch.setattr(item_batches, "MOST_BATCHES", 2)
    items = stage.client.v1.invoice_items
    item = {"customer": stage.customer, "amount": 100, "currency": "usd"}
    items.create(item)
    items.create(item)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        items.create(item)
    assert "more than 2 pending" in str(refused.value)
    assert len(items.list({"customer": stage.customer}).data) == 2
