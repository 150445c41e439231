"""What changes are told and refused with, and the periods of what is charged once.

Facts of recordings of Stripe: Kiln-AI/stripe_world (cassettes 07, 12, 13), pay-rails/pay, and
bodies of webhooks in a public repository.
"""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def updates(stage: Stage, subscription: str) -> list[Any]:
    """The updates of a subscription that were told, oldest first."""
    events = stage.client.v1.events.list({"type": "customer.subscription.updated", "limit": 100})
    return [event for event in reversed(events.data) if event.data.object["id"] == subscription]


def test_a_renewal_is_told_first_and_then_its_invoice(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3_100))
    stage.until("2024-02-01")
    renewed, billed = updates(stage, subscription.id)
    assert list(renewed.data.previous_attributes.to_dict()) == ["items"]
    assert renewed.data.object["latest_invoice"] == subscription.latest_invoice
    former = {"latest_invoice": subscription.latest_invoice}
    assert billed.data.previous_attributes.to_dict() == former
    assert billed.data.object["latest_invoice"] == stage.invoices()[-1].id


def test_what_is_charged_once_is_for_the_period_of_the_subscription(stage: Stage) -> None:
    once = stage.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Setup"}}
    ).id
    subscription = stage.subscribe(stage.price("Base", 3_100), add_invoice_items=[{"price": once}])
    [invoice] = stage.invoices()
    assert invoice.id == subscription.latest_invoice
    period = {"start": at("2024-01-01"), "end": at("2024-02-01")}
    assert [line.period.to_dict() for line in invoice.lines.data] == [period, period]


def test_ending_a_trial_that_there_is_not_leaves_a_new_anchor_as_it_is(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3_100))
    stage.until("2024-01-11")
    changed = stage.change(subscription, trial_end="now", billing_cycle_anchor="now")
    assert (changed.billing_cycle_anchor, changed.status) == (at("2024-01-11"), "active")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        stage.change(subscription, trial_end=at("2024-03-01"), billing_cycle_anchor="now")
    assert refusal.value.code == "parameters_exclusive"


@pytest.mark.parametrize(
    ("path", "params", "text", "code", "param"),
    [
        (
            "/v1/prices",
            {"currency": "usd", "unit_amount": 100},
            "You must specify either `product` or `product_data` when creating a price.",
            None,
            None,
        ),
        (
            "/v1/customers",
            {"invoice_prefix": "AB_1"},
            "Invoice number prefix must be 1\u201312 uppercase letters or numbers.",
            None,
            None,
        ),
        (
            "/v1/invoiceitems",
            {"customer": "{customer}", "currency": "usd", "amount": 999, "quantity": 2},
            "You may only specify one of these parameters: amount, quantity.",
            "parameters_exclusive",
            "amount",
        ),
        (
            "/v1/subscriptions",
            {
                "customer": "{customer}",
                "items": [{"price": "{price}"}],
                "trial_period_days": 3,
                "trial_from_plan": True,
            },
            "You cannot set `trial_end` or `trial_period_days` when `trial_from_plan=true`.",
            None,
            None,
        ),
    ],
)
def test_a_refusal_says_what_stripe_says(
    stage: Stage, path: str, params: dict[str, Any], text: str, code: str | None, param: str | None
) -> None:
    known = {"{customer}": stage.customer, "{price}": stage.price("Base", 3_100)}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        stage.client.raw_request("post", path, **_filled(params, known))
    error = refusal.value.error
    assert error is not None
    assert error.message is not None
    assert error.message.startswith(text)
    assert (refusal.value.code, refusal.value.param) == (code, param)


def _filled(given: Any, known: dict[str, str]) -> Any:
    if isinstance(given, dict):
        return {name: _filled(value, known) for name, value in given.items()}
    if isinstance(given, list):
        return [_filled(one, known) for one in given]
    return known.get(given, given) if isinstance(given, str) else given


def test_only_a_draft_is_deleted_and_edited(stage: Stage) -> None:
    invoices, items = stage.client.v1.invoices, stage.client.v1.invoice_items
    final = invoices.finalize_invoice(invoices.create({"customer": stage.customer}).id)
    with pytest.raises(stripe.InvalidRequestError) as deleting:
        invoices.delete(final.id)
    assert deleting.value.user_message == "You can only delete draft invoices."
    with pytest.raises(stripe.InvalidRequestError) as adding:
        items.create(
            {"customer": stage.customer, "invoice": final.id, "amount": 1, "currency": "usd"}
        )
    assert adding.value.user_message == "Invalid invoice: This invoice is no longer editable"
    assert adding.value.code == "invoice_not_editable"
