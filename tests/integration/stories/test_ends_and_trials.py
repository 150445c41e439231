"""How subscriptions end, pause and try: what is credited, billed and left alone."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day, lines_of


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


@pytest.fixture
def subscription(stage: Stage) -> Any:
    """A licensed and a metered item, ten days into January, with usage of five."""
    calls = stage.metered("Calls", stage.meter(), 10)
    made = stage.subscribe(stage.price("Base", 3100), calls)
    stage.until("2024-01-11")
    stage.use(5, "2024-01-10")
    return made


@pytest.mark.parametrize(
    ("params", "final", "pending"),
    [
        ({}, None, []),
        ({"prorate": True}, None, [-2100, 50]),
        ({"invoice_now": True}, 50, []),
        ({"invoice_now": True, "prorate": True}, -2050, []),
    ],
)
def test_a_cancellation_bills_and_credits_what_it_is_told_to(
    stage: Stage, subscription: Any, params: Any, final: int | None, pending: list[int]
) -> None:
    ended = stage.client.v1.subscriptions.cancel(subscription.id, params)
    assert (ended.status, ended.ended_at) == ("canceled", at("2024-01-11"))
    left = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    assert sorted(item.amount for item in left) == pending
    invoices = stage.invoices()
    assert [invoice.total for invoice in invoices[1:]] == ([] if final is None else [final])
    assert invoices[0].auto_advance is False
    stage.until("2024-03-01")
    assert len(stage.invoices()) == len(invoices)


def test_a_cancellation_without_proration_drops_prorations_that_wait(
    stage: Stage, subscription: Any
) -> None:
    first = subscription["items"].data[0].id
    stage.change(subscription, items=[{"id": first, "quantity": 3}])
    stage.client.v1.subscriptions.cancel(subscription.id)
    left = stage.client.v1.invoice_items.list({"customer": stage.customer})
    assert left.data == []


def test_a_preview_of_a_cancellation_is_its_final_invoice(stage: Stage, subscription: Any) -> None:
    expected = stage.preview(subscription, cancel_now=True)
    stage.client.v1.subscriptions.cancel(subscription.id, {"invoice_now": True, "prorate": True})
    assert lines_of(stage.invoices()[-1]) == lines_of(expected)


def test_an_end_within_the_period_shortens_it_and_can_be_undone(
    stage: Stage, subscription: Any
) -> None:
    ending = stage.change(subscription, cancel_at=at("2024-01-21"))
    assert [day(item.current_period_end) for item in ending["items"].data] == ["2024-01-21"] * 2
    assert [line.amount for line in stage.preview(subscription).lines.data] == [-1100, 50]
    stage.change(subscription, cancel_at="")
    undone = stage.preview(subscription)
    assert [line.amount for line in undone.lines.data] == [1100, -1100, 3100, 50]
    stage.change(subscription, cancel_at=at("2024-01-21"))
    stage.until("2024-02-02")
    assert stage.client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert stage.invoices()[-1].total == -1100 + 50


def test_an_end_in_a_later_period_shortens_that_one(stage: Stage, subscription: Any) -> None:
    stage.change(subscription, cancel_at=at("2024-02-11"), proration_behavior="none")
    stage.until("2024-03-01")
    lines = [lines_of(invoice) for invoice in stage.invoices()[1:]]
    assert lines == [
        [
            ("1 × Base", 1069, "2024-02-01", "2024-02-11"),
            ("5 × Calls", 50, "2024-01-01", "2024-02-01"),
        ],
        [("0 × Calls", 0, "2024-02-01", "2024-02-11")],
    ]


def test_the_end_of_the_period_can_be_chosen_and_taken_back(
    stage: Stage, subscription: Any
) -> None:
    ending = stage.change(subscription, cancel_at_period_end=True)
    assert (ending.cancel_at, ending.cancellation_details.reason) == (
        at("2024-02-01"),
        "cancellation_requested",
    )
    back = stage.change(subscription, cancel_at_period_end=False)
    assert (back.cancel_at, back.canceled_at, back.cancellation_details.reason) == (None,) * 3
    stage.change(subscription, cancel_at_period_end=True)
    stage.until("2024-02-02")
    assert stage.client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert lines_of(stage.invoices()[-1]) == [("5 × Calls", 50, "2024-01-01", "2024-02-01")]


def test_an_ended_subscription_takes_metadata_only(stage: Stage, subscription: Any) -> None:
    stage.client.v1.subscriptions.cancel(subscription.id)
    assert stage.change(subscription, metadata={"a": "1"}).metadata["a"] == "1"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(subscription, cancel_at_period_end=True)
    assert refused.value.code == "invalid_canceled_subscription_fields"
    with pytest.raises(stripe.InvalidRequestError) as again:
        stage.client.v1.subscriptions.cancel(subscription.id)
    assert again.value.http_status == 404


def test_a_deleted_customer_has_no_subscriptions(stage: Stage, subscription: Any) -> None:
    stage.client.v1.customers.delete(stage.customer)
    assert stage.client.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    stage.until("2024-03-01")


def test_a_trial_given_later_moves_the_anchor(api: Api) -> None:
    stage = Stage(api, "2024-06-23")
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.until("2024-07-15")
    change: dict[str, Any] = {"trial_end": at("2024-08-01"), "proration_behavior": "none"}
    expected = stage.preview(subscription, **change)
    trying = stage.change(subscription, **change)
    assert (trying.status, trying.billing_cycle_anchor) == ("trialing", at("2024-08-01"))
    stage.until("2024-09-02")
    assert expected.total == 0
    assert stage.totals() == [
        ("2024-06-23", 3000),
        ("2024-07-15", 0),
        ("2024-08-01", 3000),
        ("2024-09-01", 3000),
    ]


def test_a_trial_ended_early_bills_at_once(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 10)
    subscription = stage.subscribe(stage.price("Base", 3000), calls, trial_period_days=30)
    stage.until("2024-01-11")
    stage.use(5, "2024-01-10")
    paying = stage.change(subscription, trial_end="now")
    assert (paying.status, paying.billing_cycle_anchor) == ("active", at("2024-01-11"))
    assert lines_of(stage.invoices()[-1]) == [("1 × Base", 3000, "2024-01-11", "2024-02-11")]


@pytest.mark.parametrize(
    ("behavior", "status", "totals"),
    [
        ("create_invoice", "active", [("2024-01-01", 0), ("2024-01-08", 3000)]),
        ("cancel", "canceled", [("2024-01-01", 0)]),
        ("pause", "paused", [("2024-01-01", 0)]),
    ],
)
def test_a_trial_without_a_payment_method_ends_as_told(
    stage: Stage, behavior: str, status: str, totals: list[Any]
) -> None:
    settings = {"end_behavior": {"missing_payment_method": behavior}}
    subscription = stage.subscribe(
        stage.price("Base", 3000), trial_period_days=7, trial_settings=settings
    )
    stage.until("2024-01-20")
    assert stage.client.v1.subscriptions.retrieve(subscription.id).status == status
    assert stage.totals() == totals


def test_a_paused_subscription_is_resumed_with_a_new_cycle(stage: Stage) -> None:
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = stage.subscribe(
        stage.price("Base", 3000), trial_period_days=7, trial_settings=settings
    )
    stage.until("2024-01-20")
    resumed = stage.client.v1.subscriptions.resume(subscription.id)
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", at("2024-01-20"))
    stage.until("2024-02-21")
    assert stage.totals()[1:] == [("2024-01-20", 3000), ("2024-02-20", 3000)]
    with pytest.raises(stripe.InvalidRequestError):
        stage.client.v1.subscriptions.resume(subscription.id)


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("keep_as_draft", "draft"), ("void", "void"), ("mark_uncollectible", "uncollectible")],
)
def test_while_collection_is_paused_invoices_are_not_collected(
    stage: Stage, behavior: str, status: str
) -> None:
    subscription = stage.subscribe(stage.price("Base", 3000))
    pause = {"behavior": behavior, "resumes_at": at("2024-02-15")}
    stage.change(subscription, pause_collection=pause)
    stage.until("2024-03-02")
    assert [invoice.status for invoice in stage.invoices()] == ["open", status, "open"]
    assert stage.client.v1.subscriptions.retrieve(subscription.id).pause_collection is None


def test_an_invoice_that_a_pause_voids_gives_the_credit_back_that_it_used(stage: Stage) -> None:
    customers = stage.client.v1.customers
    subscription = stage.subscribe(stage.price("Base", 3000))
    stage.change(subscription, pause_collection={"behavior": "void"})
    customers.balance_transactions.create(stage.customer, {"amount": -500, "currency": "usd"})
    stage.until("2024-02-02")
    voided = stage.invoices()[-1]
    assert (voided.status, voided.starting_balance, voided.ending_balance) == ("void", -500, 0)
    assert customers.retrieve(stage.customer).balance == -500
    booked = customers.balance_transactions.list(stage.customer).data
    assert sorted((transaction.type, transaction.amount) for transaction in booked) == [
        ("adjustment", -500),
        ("applied_to_invoice", 500),
        ("unapplied_from_invoice", -500),
    ]


def test_an_incomplete_subscription_becomes_active_when_paid_and_expires_unpaid(
    stage: Stage,
) -> None:
    base = stage.price("Base", 3000)
    paid = stage.subscribe(base, payment_behavior="default_incomplete")
    unpaid = stage.subscribe(base, payment_behavior="default_incomplete")
    assert (paid.status, unpaid.status) == ("incomplete", "incomplete")
    stage.client.v1.invoices.pay(paid.latest_invoice, {"paid_out_of_band": True})
    stage.until("2024-01-03")
    retrieve = stage.client.v1.subscriptions.retrieve
    assert (retrieve(paid.id).status, retrieve(unpaid.id).status) == (
        "active",
        "incomplete_expired",
    )
    assert stage.client.v1.invoices.retrieve(unpaid.latest_invoice).status == "void"


@pytest.mark.parametrize(
    ("params", "pending", "invoiced"),
    [
        ({}, [-2100, 50], []),
        ({"invoicing_behavior": "invoice"}, [], [-2050]),
        ({"bill_for": {"unused_time_from": {"type": "none"}}}, [50], []),
        ({"bill_for": {"outstanding_usage_through": {"type": "none"}}}, [-2100], []),
        (
            {"bill_for": {"unused_time_from": {"type": "item_current_period_start"}}},
            [-3100, 50],
            [],
        ),
    ],
)
def test_a_pause_settles_what_it_is_told_to(
    stage: Stage, subscription: Any, params: Any, pending: list[int], invoiced: list[int]
) -> None:
    paused = stage.client.v1.subscriptions.pause(subscription.id, params)
    assert (paused.status, paused.status_details.paused.transitioned_at) == ("paused", stage.now)
    waiting = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    assert sorted(item.amount for item in waiting) == pending
    stage.until("2024-04-15")
    assert [invoice.total for invoice in stage.invoices()[1:]] == invoiced


@pytest.mark.parametrize(
    ("anchor", "line", "next_day"),
    [
        ("now", ("1 × Base", 3100, "2024-04-16", "2024-05-16"), "2024-05-16"),
        ("unchanged", ("1 × Base", 1550, "2024-04-16", "2024-05-01"), "2024-05-01"),
    ],
)
def test_after_a_pause_the_cycle_starts_anew_or_goes_on(
    stage: Stage, subscription: Any, anchor: str, line: tuple[Any, ...], next_day: str
) -> None:
    nothing = {"type": "none"}
    settled = {"unused_time_from": nothing, "outstanding_usage_through": nothing}
    stage.client.v1.subscriptions.pause(subscription.id, {"bill_for": settled})
    stage.until("2024-04-16")
    stage.use(7, "2024-04-15")
    resumed = stage.client.v1.subscriptions.resume(
        subscription.id,
        {"billing_cycle_anchor": {"type": anchor}, "proration_behavior": "always_invoice"},
    )
    assert (resumed.status, day(resumed["items"].data[0].current_period_end)) == (
        "active",
        next_day,
    )
    assert lines_of(stage.invoices()[-1]) == [line]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_cancelling_what_is_paused_credits_nothing_again(api: Api, mode: str) -> None:
    stage = Stage(api, "2024-01-01")
    subscription = stage.subscribe(stage.price("Base", 3100), billing_mode={"type": mode})
    stage.until("2024-01-11")
    stage.client.v1.subscriptions.pause(subscription.id)
    stage.client.v1.subscriptions.cancel(subscription.id, {"prorate": True})
    waiting = stage.client.v1.invoice_items.list({"customer": stage.customer})
    assert [item.amount for item in waiting] == [-2100]


_LONGEST_TRIAL = "2025-12-31"
"""730 days after the first of January 2024."""


@pytest.mark.parametrize("changes", [False, True], ids=["new", "changed"])
def test_a_trial_lasts_for_730_days_at_most(api: Api, *, changes: bool) -> None:
    stage = Stage(api, "2024-01-01")
    price = stage.price("Seat", 1_000)
    made = stage.subscribe(price)

    def give(trial_end: int) -> Any:
        if changes:
            return stage.change(made, trial_end=trial_end)
        return stage.subscribe(price, trial_end=trial_end)

    with pytest.raises(stripe.InvalidRequestError, match="730") as refused:
        give(at(_LONGEST_TRIAL) + 1)
    assert (refused.value.http_status, refused.value.param) == (400, "trial_end")
    assert give(at(_LONGEST_TRIAL)).trial_end == at(_LONGEST_TRIAL)
