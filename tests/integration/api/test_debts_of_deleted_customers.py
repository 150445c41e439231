"""Invoices outlive their customers: what is open is paid, voided or given up as ever."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api, Client
from tests.integration.stories.stage import Stage

OUTCOMES: dict[str, Callable[[Client, str], Any]] = {
    "paid": lambda c, one: c.v1.invoices.pay(one, {"paid_out_of_band": True}),
    "attached": lambda c, one: c.v1.invoices.attach_payment(one, {"payment_record": "pr_1"}),
    "void": lambda c, one: c.v1.invoices.void_invoice(one),
    "uncollectible": lambda c, one: c.v1.invoices.mark_uncollectible(one),
}


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def orphan(stage: Stage) -> str:
    """An open invoice that has used 300 of credit, and whose customer is deleted."""
    client = stage.client
    client.v1.customers.update(stage.customer, {"balance": -300})
    stage.subscribe(stage.price("Seat", 1_000))
    [invoice] = stage.invoices()
    assert (invoice.status, invoice.amount_due) == ("open", 700)
    client.v1.customers.delete(stage.customer)
    return str(invoice.id)


@pytest.mark.parametrize("how", list(OUTCOMES))
def test_a_debt_is_settled_without_its_customer(stage: Stage, how: str) -> None:
    invoice = orphan(stage)
    settled = OUTCOMES[how](stage.client, invoice)
    assert settled.status == ("paid" if how == "attached" else how)
    remains = stage.client.v1.customers.retrieve(stage.customer).to_dict()
    assert remains == {"id": stage.customer, "object": "customer", "deleted": True}


def test_a_bad_debt_can_still_be_paid_or_voided(stage: Stage) -> None:
    invoice = orphan(stage)
    stage.client.v1.invoices.mark_uncollectible(invoice)
    assert stage.client.v1.invoices.void_invoice(invoice).status == "void"


def test_a_final_invoice_takes_metadata_without_its_customer(stage: Stage) -> None:
    invoice = orphan(stage)
    changed = stage.client.v1.invoices.update(invoice, {"metadata": {"collector": "c-1"}})
    assert changed.metadata.to_dict() == {"collector": "c-1"}


def test_nothing_gets_stuck_behind_a_deleted_customer(stage: Stage) -> None:
    """Deadlines pass on its clock, and the debt stays open until a person decides."""
    invoice = orphan(stage)
    stage.until("2024-04-01")
    assert stage.client.v1.invoices.retrieve(invoice).status == "open"


def test_a_draft_becomes_no_debt_of_a_deleted_customer(stage: Stage) -> None:
    client = stage.client
    draft = client.v1.invoices.create({"customer": stage.customer, "currency": "usd"}).id
    client.v1.customers.delete(stage.customer)
    for verb in (client.v1.invoices.finalize_invoice, client.v1.invoices.update):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            verb(draft, {"auto_advance": True})
        assert refused.value.param == "customer"
