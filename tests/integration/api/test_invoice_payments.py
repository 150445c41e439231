"""Recorded payments: which payment of some processor paid an invoice."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def _subscribe(stage: Stage, **params: Any) -> Any:
    return stage.subscribe(stage.price("Seat", 1_000), **params)


def test_a_recorded_payment_pays_all_that_is_due(stage: Stage) -> None:
    made = _subscribe(stage, payment_behavior="default_incomplete")
    client = stage.client.v1
    paid = client.invoices.attach_payment(made.latest_invoice, {"payment_record": "wire-7"})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1_000, 0)
    assert client.subscriptions.retrieve(made.id).status == "active"
    [payment] = client.invoice_payments.list({"invoice": paid.id}).data
    assert (payment.amount_paid, payment.status, payment.is_default) == (1_000, "paid", True)
    assert payment.payment.to_dict() == {"type": "payment_record", "payment_record": "wire-7"}
    assert payment.status_transitions.paid_at == stage.now
    told = [event.type for event in client.events.list({"limit": 100}).data]
    assert {"invoice.paid", "invoice_payment.paid"} <= set(told)


def test_payments_expand_on_invoices_and_invoices_on_payments(stage: Stage) -> None:
    made = _subscribe(stage)
    client = stage.client.v1
    assert (
        client.invoices.retrieve(made.latest_invoice, {"expand": ["payments"]}).payments.data == []
    )
    client.invoices.attach_payment(made.latest_invoice, {"payment_record": "wire-7"})
    shown = client.invoices.retrieve(made.latest_invoice, {"expand": ["payments"]})
    payment = shown.payments.data[0].id
    assert client.invoice_payments.retrieve(payment, {"expand": ["invoice"]}).invoice.id == shown.id


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        ({}, 2),
        ({"payment": {"type": "payment_record", "payment_record": "wire-8"}}, 1),
        ({"payment": {"type": "payment_intent"}}, 0),
        ({"status": "open"}, 0),
        ({"invoice": "in_x"}, 0),
    ],
)
def test_payments_are_listed(stage: Stage, filters: dict[str, Any], number: int) -> None:
    client = stage.client.v1
    for record in ("wire-7", "wire-8"):
        made = _subscribe(stage)
        client.invoices.attach_payment(made.latest_invoice, {"payment_record": record})
    assert len(client.invoice_payments.list(filters).data) == number


def test_an_invoice_is_paid_once(stage: Stage) -> None:
    made = _subscribe(stage)
    invoices = stage.client.v1.invoices
    invoices.attach_payment(made.latest_invoice, {"payment_record": "wire-7"})
    for verb, given in {
        "attach_payment": {"payment_record": "wire-8"},
        "pay": {"paid_out_of_band": True},
    }.items():
        with pytest.raises(stripe.InvalidRequestError) as refused:
            getattr(invoices, verb)(made.latest_invoice, given)
        assert refused.value.user_message == "Invoice is already paid"
