"""Invoices made by hand: when they become final, are charged and due, and what paying one does.

The figures follow recordings of Stripe (Kiln-AI/stripe_world, cassettes 13; zulip/zulip, fixtures).
"""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

_HOUR = 3_600
_DAY = 86_400


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def draft(stage: Stage, amount: int | None = None, **params: Any) -> Any:
    invoices, items = stage.client.v1.invoices, stage.client.v1.invoice_items
    made = invoices.create({"customer": stage.customer, **params})
    if amount is not None:
        items.create(
            {
                "customer": stage.customer,
                "invoice": made.id,
                "amount": amount,
                "currency": "usd",
            }
        )
    return invoices.retrieve(made.id)


@pytest.mark.parametrize(
    ("params", "becomes_final", "is_charged", "due"),
    [
        ({}, None, None, None),
        ({"auto_advance": True}, _HOUR + 1, _HOUR, None),
        ({"collection_method": "send_invoice", "days_until_due": 7}, None, None, 7 * _DAY),
        (
            {"collection_method": "send_invoice", "days_until_due": 0, "auto_advance": True},
            _HOUR + 1,
            None,
            0,
        ),
    ],
)
def test_a_draft_says_when_it_is_final_charged_and_due_from_its_creation(
    stage: Stage,
    params: dict[str, Any],
    becomes_final: int | None,
    is_charged: int | None,
    due: int | None,
) -> None:
    made = draft(stage, **params)

    def since(instant: int | None) -> int | None:
        return None if instant is None else instant - made.created

    shown = made.automatically_finalizes_at, made.next_payment_attempt, made.due_date
    assert tuple(map(since, shown)) == (becomes_final, is_charged, due)


def test_advancing_a_draft_later_counts_from_its_creation_and_stopping_it_clears_both_times(
    stage: Stage,
) -> None:
    made = draft(stage, 500)
    stage.until("2024-01-01T00:10:00")
    update = stage.client.v1.invoices.update
    going = update(made.id, {"auto_advance": True})
    assert going.automatically_finalizes_at == made.created + _HOUR + 1
    assert going.next_payment_attempt == made.created + _HOUR
    halted = update(made.id, {"auto_advance": False})
    assert (halted.automatically_finalizes_at, halted.next_payment_attempt) == (None, None)


def test_a_final_invoice_keeps_an_attempt_that_is_still_ahead(stage: Stage) -> None:
    early, late = (draft(stage, 500, auto_advance=True) for _ in range(2))
    final = stage.client.v1.invoices.finalize_invoice(early.id)
    assert (final.status, final.next_payment_attempt) == ("open", early.created + _HOUR)
    stage.until("2024-01-01T02:00:00")
    by_itself = stage.client.v1.invoices.retrieve(late.id)
    assert (by_itself.status, by_itself.next_payment_attempt) == ("open", None)


@pytest.mark.parametrize(
    ("amount", "params", "paid", "attempted"),
    [
        (500, {"paid_out_of_band": True}, 500, False),
        (None, {}, 0, True),
        (None, {"paid_out_of_band": True}, 0, True),
        (-500, {}, 0, True),
    ],
)
def test_paying_a_draft_makes_it_final_and_paid_in_one(
    stage: Stage, amount: int | None, params: dict[str, Any], paid: int, *, attempted: bool
) -> None:
    made = draft(stage, amount)
    shown = stage.client.v1.invoices.pay(made.id, params)
    assert (shown.status, shown.amount_paid, shown.attempted) == ("paid", paid, attempted)
    assert (shown.attempt_count, shown.auto_advance) == (0, False)
    assert shown.number.endswith("-0001")
    assert stage.client.v1.invoices.retrieve(made.id).to_dict() == shown.to_dict()


def test_a_draft_that_nobody_paid_stays_a_draft(stage: Stage) -> None:
    made = draft(stage, 500)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        stage.client.v1.invoices.pay(made.id)
    assert refusal.value.param == "paid_out_of_band"
    assert stage.client.v1.invoices.retrieve(made.id).status == "draft"


def test_a_subscription_with_nothing_pending_gets_an_empty_draft_of_its_period(
    stage: Stage,
) -> None:
    subscription = stage.subscribe(stage.price("Seat", 1_000))
    stage.until("2024-01-10")
    made = draft(stage, subscription=subscription.id)
    assert (made.status, made.total, made.lines.total_count) == ("draft", 0, 0)
    assert (made.period_start, made.period_end) == (at("2024-01-01"), at("2024-01-10"))


def test_an_invoice_counts_all_its_lines_though_it_shows_the_first_ones(stage: Stage) -> None:
    made = draft(stage)
    stage.client.v1.invoices.add_lines(
        made.id, {"lines": [{"amount": one, "description": str(one)} for one in range(1, 13)]}
    )
    shown = stage.client.v1.invoices.retrieve(made.id)
    assert (len(shown.lines.data), shown.lines.total_count, shown.total) == (10, 12, 78)


def test_a_subscription_of_one_item_shows_its_plan_and_quantity_above_it(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Seat", 1_000))
    assert subscription.plan.to_dict() == subscription["items"].data[0].plan.to_dict()
    assert subscription.quantity == 1
    assert subscription["items"].total_count == 1
    two = stage.change(subscription, items=[{"price": stage.price("Desk", 500)}])
    assert (two.plan, two.quantity, two["items"].total_count) == (None, None, 2)
