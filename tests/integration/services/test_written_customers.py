"""A customer whose billing thresholds are watched is written by each decision on it: what is
remembered beside it of how far they are is then gone.
"""

from typing import Any

import pytest

from meterline.services.invoices.item_verbs import create_invoice_item, update_invoice_item
from tests.engines import Engine
from tests.factories import objects
from tests.factories.objects import context

THRESHOLDS = {"billing_thresholds": {"amount_gte": 100_000}}


@pytest.mark.parametrize(("terms", "is_written"), [(THRESHOLDS, True), ({}, False)])
def test_a_decision_writes_a_customer_with_thresholds(
    dynamodb: Engine, terms: dict[str, Any], *, is_written: bool
) -> None:
    assert dynamodb.tables
    customer = objects.customer()
    objects.subscribe(customer, objects.metered(objects.meter("calls")), **terms)
    params = {"customer": customer, "amount": 100, "currency": "usd"}
    item = create_invoice_item(context(), params)["id"]
    before = context().store.get(customer)
    update_invoice_item(context(), item, {"description": "Later"})
    after = context().store.get(customer)
    assert before is not None
    assert after is not None
    assert (after.version > before.version) is is_written
