"""Which debit a credit gives back: told in flexible mode, where each credit has one."""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def resize(stage: Stage, subscription: Any, quantity: int, **params: Any) -> None:
    item = {"id": subscription["items"].data[0].id, "quantity": quantity}
    stage.change(subscription, items=[item], **params)


def credited(line: Any) -> Any:
    """The invoice and the line that an invoice's line gives back, or None."""
    items = line.parent.subscription_item_details.proration_details.credited_items
    return items and (items.invoice, list(items.invoice_line_items))


def prorations(invoice: Any) -> list[Any]:
    lines = invoice.lines.data
    return [line for line in lines if line.parent[line.parent.type].proration]


def test_a_credit_names_the_line_that_billed_the_period(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100))
    [first] = stage.invoices()
    stage.until("2024-01-11")
    resize(stage, subscription, 2)
    credit, debit = prorations(stage.preview(subscription))
    assert (credit.amount, debit.amount) == (-2100, 4200)
    assert credited(credit) == (first.id, [first.lines.data[0].id])
    assert credited(debit) is None


def test_a_credit_names_a_debit_that_is_still_pending(stage: Stage) -> None:
    """And the line that it becomes, on the invoice that takes both."""
    subscription = stage.subscribe(stage.price("Base", 3100))
    stage.until("2024-01-11")
    resize(stage, subscription, 2)
    stage.until("2024-01-21")
    resize(stage, subscription, 3)
    pending = stage.client.v1.invoice_items.list({"customer": stage.customer}).data
    by_amount = {item.amount: item for item in pending}
    assert sorted(by_amount) == [-2200, -2100, 3300, 4200]
    details = by_amount[-2200].proration_details.credited_items
    assert (details.type, details.invoice_item) == ("invoice_item", by_amount[4200].id)
    assert by_amount[-2100].proration_details.credited_items.type == "invoice_line_items"
    preview = stage.preview(subscription)
    previewed = {proration.amount: proration for proration in prorations(preview)}
    assert credited(previewed[-2200]) == (preview.id, [previewed[4200].id])
    stage.until("2024-02-02")
    renewal = stage.invoices()[-1]
    lines = {proration.amount: proration for proration in prorations(renewal)}
    assert credited(lines[-2200]) == (renewal.id, [lines[4200].id])


def test_a_credit_names_the_debit_of_a_change_that_was_billed_at_once(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100))
    stage.until("2024-01-11")
    resize(stage, subscription, 2, proration_behavior="always_invoice")
    stage.until("2024-01-21")
    resize(stage, subscription, 1, proration_behavior="always_invoice")
    _, second, third = stage.invoices()
    [debit] = [proration for proration in prorations(second) if proration.amount > 0]
    [credit] = [proration for proration in prorations(third) if proration.amount < 0]
    assert credited(credit) == (second.id, [debit.id])


def test_the_credit_of_a_cancellation_names_what_is_given_back(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100))
    stage.until("2024-01-11")
    stage.client.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
    first, last = stage.invoices()
    assert credited(prorations(last)[0]) == (first.id, [first.lines.data[0].id])


def test_classic_mode_credits_the_price_and_names_no_debit(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 3100), billing_mode={"type": "classic"})
    stage.until("2024-01-11")
    resize(stage, subscription, 2)
    assert [credited(proration) for proration in prorations(stage.preview(subscription))] == [
        None,
        None,
    ]
