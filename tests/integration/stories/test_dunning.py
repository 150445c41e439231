"""Invoices that are not paid in time, and what becomes of their subscriptions."""

from typing import Any

import pytest

from meterline.services.subscriptions import clearing
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

DAY = 86_400


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def account(stage: Stage, **settings: Any) -> Any:
    return stage.client.raw_request("post", "/v1/meterline/settings", **settings).data


def status(stage: Stage, subscription: Any) -> str:
    return str(stage.client.v1.subscriptions.retrieve(subscription.id).status)


def pay(stage: Stage, invoice: str) -> None:
    stage.client.v1.invoices.pay(invoice, {"paid_out_of_band": True})


def told(stage: Stage, kind: str) -> list[Any]:
    """The events of a type, oldest first."""
    events = stage.client.v1.events.list({"type": kind, "limit": 100})
    return list(reversed(list(events.auto_paging_iter())))


def statuses_told(stage: Stage) -> list[tuple[str, str]]:
    """Each change of a subscription's status: what it was, what it is."""
    return [
        (one.data.previous_attributes["status"], one.data.object.status)
        for one in told(stage, "customer.subscription.updated")
        if "status" in one.data.previous_attributes
    ]


def test_without_a_window_an_unpaid_subscription_stays_active(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-06-02")
    assert status(stage, subscription) == "active"
    assert [invoice.status for invoice in stage.invoices()] == ["open"] * 6


def test_an_unpaid_invoice_makes_its_subscription_past_due_after_the_window(stage: Stage) -> None:
    account(stage, past_due_window_seconds=7 * DAY)
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-01-07 23:59")
    assert status(stage, subscription) == "active"
    stage.until("2024-01-08")
    assert status(stage, subscription) == "past_due"
    assert statuses_told(stage) == [("active", "past_due")]
    assert told(stage, "invoice.overdue") == []
    pay(stage, subscription.latest_invoice)
    assert status(stage, subscription) == "active"
    assert statuses_told(stage)[1:] == [("past_due", "active")]


def test_what_is_paid_within_the_window_is_never_past_due(stage: Stage) -> None:
    account(stage, past_due_window_seconds=7 * DAY, unpaid_window_seconds=7 * DAY)
    subscription = stage.subscribe(stage.price("Base", 3000))
    pay(stage, subscription.latest_invoice)
    stage.until("2024-01-31")
    assert statuses_told(stage) == []


def test_an_invoice_that_is_sent_is_overdue_and_past_due_on_its_due_date(stage: Stage) -> None:
    subscription = stage.subscribe(
        stage.price("Base", 3000), collection_method="send_invoice", days_until_due=10
    )
    stage.until("2024-01-10 23:59")
    assert (status(stage, subscription), told(stage, "invoice.overdue")) == ("active", [])
    stage.until("2024-01-11")
    assert status(stage, subscription) == "past_due"
    assert len(told(stage, "invoice.overdue")) == 1


def test_an_unpaid_subscription_gets_drafts_until_its_latest_invoice_is_paid(
    stage: Stage,
) -> None:
    account(stage, past_due_window_seconds=3 * DAY, unpaid_window_seconds=7 * DAY)
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-01-10 23:59")
    assert status(stage, subscription) == "past_due"
    stage.until("2024-01-11")
    assert status(stage, subscription) == "unpaid"
    stage.until("2024-03-02")
    first, february, march = stage.invoices()
    assert [invoice.status for invoice in (first, february, march)] == ["open", "draft", "draft"]
    assert [invoice.auto_advance for invoice in (february, march)] == [False, False]
    assert march.automatically_finalizes_at is None
    pay(stage, first.id)
    assert status(stage, subscription) == "unpaid"
    stage.client.v1.invoices.finalize_invoice(march.id)
    pay(stage, march.id)
    assert status(stage, subscription) == "active"
    assert statuses_told(stage) == [
        ("active", "past_due"),
        ("past_due", "unpaid"),
        ("unpaid", "active"),
    ]
    stage.until("2024-04-02")
    assert stage.invoices()[-1].status == "open"


def test_the_account_can_cancel_instead(stage: Stage) -> None:
    settings = {"past_due_window_seconds": 3 * DAY, "unpaid_window_seconds": 7 * DAY}
    account(stage, unpaid_action="cancel", **settings)
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-01-12")
    ended = stage.client.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", at("2024-01-11"))
    assert ended.cancellation_details.reason == "payment_failed"
    assert len(told(stage, "customer.subscription.deleted")) == 1
    [invoice] = stage.invoices()
    assert (invoice.status, invoice.auto_advance) == ("open", False)
    stage.until("2024-03-02")
    assert len(stage.invoices()) == 1


def test_the_status_follows_the_latest_final_invoice_only(stage: Stage) -> None:
    """January's invoice is open for forty days, but February's was paid before that."""
    account(stage, past_due_window_seconds=40 * DAY)
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-02-02")
    pay(stage, stage.invoices()[1].id)
    stage.until("2024-02-20")
    assert status(stage, subscription) == "active"


def test_a_renewal_that_is_still_a_draft_does_not_count(stage: Stage) -> None:
    """The window of January's invoice ends, and it is paid, while February's is a draft."""
    account(stage, past_due_window_seconds=31 * DAY + 600)
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-02-01 00:20")
    first, second = stage.invoices()
    assert (second.status, status(stage, subscription)) == ("draft", "past_due")
    pay(stage, first.id)
    assert status(stage, subscription) == "active"


def test_a_void_invoice_makes_a_past_due_subscription_active(stage: Stage) -> None:
    account(stage, past_due_window_seconds=0)
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-01-02")
    assert status(stage, subscription) == "past_due"
    stage.client.v1.invoices.void_invoice(subscription.latest_invoice)
    assert status(stage, subscription) == "active"


def test_a_renewal_that_costs_nothing_makes_a_past_due_subscription_active(stage: Stage) -> None:
    account(stage, past_due_window_seconds=7 * DAY)
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-01-10")
    assert status(stage, subscription) == "past_due"
    stage.client.v1.customers.update(stage.customer, {"balance": -5000})
    stage.until("2024-02-02")
    assert [invoice.status for invoice in stage.invoices()] == ["open", "paid"]
    assert status(stage, subscription) == "active"


def test_a_reset_of_the_anchor_does_not_make_up_for_what_is_owed(stage: Stage) -> None:
    account(stage, past_due_window_seconds=DAY)
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-01-10")
    assert stage.change(subscription, billing_cycle_anchor="now").status == "past_due"


def test_settings_return_to_their_defaults(stage: Stage) -> None:
    account(stage, past_due_window_seconds=DAY, unpaid_action="cancel")
    cleared = account(stage, past_due_window_seconds="", unpaid_action="")
    assert (cleared["past_due_window_seconds"], cleared["unpaid_action"]) == (None, "mark_unpaid")


def test_all_invoices_of_a_cancelled_subscription_stop_advancing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The latest and the newest at once, the rest by due work, however many there are."""
    monkeypatch.setattr(clearing, "_INVOICES_AT_ONCE", 3)
    subscription = stage.subscribe(stage.price("Base", 3000))
    other = stage.subscribe(stage.price("Other", 3000))
    stage.until("2024-05-02")

    def advancing(one: Any) -> list[bool]:
        invoices = stage.invoices()
        of = [(i.parent.subscription_details.subscription, i.auto_advance) for i in invoices]
        return [advances for owner, advances in of if owner == one.id]

    stage.client.v1.subscriptions.cancel(subscription.id)
    assert advancing(subscription)[:2] == [True, True]
    assert advancing(subscription)[-1] is False
    stage.until("2024-05-03")
    assert advancing(subscription) == [False] * 5
    assert advancing(other) == [True] * 5
    assert len(told(stage, "customer.subscription.deleted")) == 1


def test_a_first_invoice_that_is_not_paid_in_23_hours_is_void(stage: Stage) -> None:
    """And gives back the credit that it took; whoever voids it by hand gets the same."""
    stage.client.v1.customers.update(stage.customer, {"balance": -500})
    base = stage.price("Base", 3000)
    waits = {"payment_behavior": "default_incomplete"}
    expiring = stage.subscribe(base, **waits)
    voided = stage.subscribe(base, **waits)
    stage.client.v1.invoices.void_invoice(voided.latest_invoice)
    assert status(stage, voided) == "incomplete_expired"
    stage.until("2024-01-01 22:59")
    assert status(stage, expiring) == "incomplete"
    stage.until("2024-01-01 23:00")
    assert status(stage, expiring) == "incomplete_expired"
    assert stage.client.v1.invoices.retrieve(expiring.latest_invoice).status == "void"
    assert stage.client.v1.customers.retrieve(stage.customer).balance == -500
    assert statuses_told(stage) == [("incomplete", "incomplete_expired")] * 2
    assert told(stage, "customer.subscription.deleted") == []
