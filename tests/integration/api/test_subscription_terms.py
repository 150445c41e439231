"""Parameters and verbs of subscriptions beside their items: payment, trials, words, modes."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, day

_RENEWED = "2024-02-01 02:00"


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("allow_incomplete", "active"), ("default_incomplete", "incomplete")],
)
def test_a_new_subscription_waits_for_its_payment_if_it_is_told_to(
    stage: Stage, behavior: str, status: str
) -> None:
    made = stage.subscribe(stage.price("Seat", 1_000), payment_behavior=behavior)
    assert made.status == status
    stage.client.v1.invoices.pay(made.latest_invoice, {"paid_out_of_band": True})
    assert stage.client.v1.subscriptions.retrieve(made.id).status == "active"


def test_without_a_processor_what_must_be_paid_at_once_is_refused(stage: Stage) -> None:
    with pytest.raises(stripe.CardError) as refused:
        stage.subscribe(stage.price("Seat", 1_000), payment_behavior="error_if_incomplete")
    assert (refused.value.http_status, refused.value.param) == (402, "payment_behavior")
    assert stage.invoices() == []
    free = stage.subscribe(stage.price("Free", 0), payment_behavior="error_if_incomplete")
    assert free.status == "active"
    with pytest.raises(stripe.CardError):
        stage.change(
            free,
            items=[{"price": stage.price("Extra", 500)}],
            proration_behavior="always_invoice",
            payment_behavior="error_if_incomplete",
        )
    assert len(stage.client.v1.subscriptions.retrieve(free.id)["items"].data) == 1


def test_a_change_that_waits_for_its_payment_is_past_due_until_then(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 1_000))
    changed = stage.change(
        made,
        items=[{"price": stage.price("Extra", 500)}],
        proration_behavior="always_invoice",
        payment_behavior="default_incomplete",
    )
    assert changed.status == "past_due"
    stage.client.v1.invoices.pay(changed.latest_invoice, {"paid_out_of_band": True})
    assert stage.client.v1.subscriptions.retrieve(made.id).status == "active"


def test_pending_updates_are_refused(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 1_000))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(made, payment_behavior="pending_if_incomplete", description="x")
    assert refused.value.param == "payment_behavior"


def test_the_trial_of_the_prices_counts_if_it_is_asked_for(stage: Stage) -> None:
    price = stage.price("Seat", 1_000, recurring={"trial_period_days": 10})
    assert stage.subscribe(price).trial_end is None
    trial = stage.subscribe(price, trial_from_plan=True)
    assert (trial.status, day(trial.trial_end)) == ("trialing", "2024-01-11")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.subscribe(price, trial_from_plan=True, trial_end=stage.now + 86_400)
    assert "trial_from_plan=true" in str(refused.value)


def test_invoices_say_what_their_subscription_has_them_say(stage: Stage) -> None:
    words = {
        "description": "Thank you",
        "footer": "HRB 1",
        "custom_fields": [{"name": "PO", "value": "7"}],
    }
    made = stage.subscribe(stage.price("Seat", 1_000), invoice_settings=words)
    assert made.invoice_settings.footer == "HRB 1"
    first = stage.invoices()[0]
    assert (first.description, first.footer) == ("Thank you", "HRB 1")
    assert [(field.name, field.value) for field in first.custom_fields] == [("PO", "7")]
    stage.change(made, invoice_settings={"custom_fields": "", "footer": "HRB 2"})
    stage.until(_RENEWED)
    renewal = stage.invoices()[-1]
    assert (renewal.description, renewal.footer, renewal.custom_fields) == (
        "Thank you",
        "HRB 2",
        None,
    )


def test_an_item_at_another_price_is_one_again_unless_it_says_more(stage: Stage) -> None:
    made = stage.subscribe(items=[{"price": stage.price("Seat", 100), "quantity": 5}])
    item = made["items"].data[0].id
    changed = stage.change(made, items=[{"id": item, "price": stage.price("Desk", 200)}])
    assert changed["items"].data[0].quantity == 1
    wanted = {"id": item, "price": stage.price("Room", 300), "quantity": 4}
    assert stage.change(made, items=[wanted])["items"].data[0].quantity == 4
    same = {"id": item, "metadata": {"a": "1"}}
    assert stage.change(made, items=[same])["items"].data[0].quantity == 4


def test_the_discount_of_a_subscription_can_be_deleted(stage: Stage) -> None:
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    made = stage.subscribe(stage.price("Seat", 1_000), discounts=[{"coupon": coupon}])
    gone = stage.client.v1.subscriptions.delete_discount(made.id)
    assert (gone.deleted, gone.id) == (True, made.discounts[0])
    assert stage.preview(made).total == 1_000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.subscriptions.delete_discount(made.id)
    assert refused.value.http_status == 404


def test_a_draft_is_told_when_it_becomes_final_and_what_it_says(stage: Stage) -> None:
    invoices = stage.client.v1.invoices
    draft = invoices.create(
        {
            "customer": stage.customer,
            "automatically_finalizes_at": stage.now + 5 * 86_400,
            "custom_fields": [{"name": "PO", "value": "7"}],
            "effective_at": stage.now - 86_400,
            "number": "R-2024-1",
            "statement_descriptor": "METERLINE",
        }
    )
    assert (draft.auto_advance, draft.number) == (True, "R-2024-1")
    invoices.add_lines(draft.id, {"lines": [{"amount": 500}]})
    stage.until("2024-01-05")
    assert invoices.retrieve(draft.id).status == "draft"
    stage.until("2024-01-07")
    final = invoices.retrieve(draft.id)
    assert (final.status, final.number, day(final.effective_at)) == (
        "open",
        "R-2024-1",
        "2023-12-31",
    )


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"automatically_finalizes_at": 1}, "automatically_finalizes_at"),
        ({"automatically_finalizes_at": 4_000_000_000}, "automatically_finalizes_at"),
        ({"number": "x" * 27}, "number"),
        ({"custom_fields": [{"name": "x" * 41, "value": "y"}]}, "custom_fields[0][name]"),
        ({"issuer": {"type": "account"}}, "issuer[type]"),
        ({"default_payment_method": "pm_x"}, "default_payment_method"),
    ],
)
def test_wrong_terms_of_an_invoice_are_refused(
    stage: Stage, wrong: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.invoices.create({"customer": stage.customer, **wrong})
    assert refused.value.param == param


def test_a_plan_is_the_old_name_of_a_price(stage: Stage) -> None:
    price = stage.price("Seat", 100)
    made = stage.subscribe(items=[{"plan": price}])
    assert made["items"].data[0].price.id == price
    listed = stage.client.v1.subscriptions.list({"plan": price})
    assert [one.id for one in listed.data] == [made.id]


def test_the_trial_of_the_prices_can_be_given_later(stage: Stage) -> None:
    price = stage.price("Seat", 1_000, recurring={"trial_period_days": 10})
    made = stage.subscribe(price)
    changed = stage.change(made, trial_from_plan=True)
    assert (changed.status, day(changed.trial_end)) == ("trialing", "2024-01-11")


def test_lists_are_filtered_by_periods_and_due_dates(stage: Stage) -> None:
    month = stage.subscribe(
        stage.price("Month", 100), collection_method="send_invoice", days_until_due=9
    )
    year = stage.subscribe(stage.price("Year", 900, interval="year"))
    client = stage.client.v1
    ends = {"current_period_end": {"gt": stage.now + 40 * 86_400}, "customer": stage.customer}
    assert [subscription.id for subscription in client.subscriptions.list(ends).data] == [year.id]
    client.invoices.finalize_invoice(month.latest_invoice)
    due = {"due_date": {"lte": stage.now + 9 * 86_400}, "customer": stage.customer}
    assert [invoice.id for invoice in client.invoices.list(due).data] == [month.latest_invoice]
    assert client.invoices.list({"due_date": {"lt": stage.now}}).data == []


def test_the_end_of_a_trial_stays_as_it_was_set_where_a_request_says_nothing_of_it(
    stage: Stage,
) -> None:
    anchor = {"end_behavior": {"billing_cycle_anchor": "now"}}
    paused = {"end_behavior": {"missing_payment_method": "pause"}}
    made = stage.subscribe(stage.price("Seat", 1_000), trial_settings=anchor)
    assert made.trial_settings.end_behavior.missing_payment_method == "create_invoice"
    stage.change(made, trial_settings=paused)
    kept = stage.change(made, trial_settings=anchor).trial_settings.end_behavior
    assert (kept.missing_payment_method, kept.billing_cycle_anchor) == ("pause", "now")
