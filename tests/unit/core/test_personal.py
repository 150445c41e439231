"""What is personal goes from a body at any depth; what was sold and owed stays."""

from typing import Any

import pytest

from meterline.core.kinds.personal import without_personal_data

INVOICE = {
    "object": "invoice",
    "number": "A-0001",
    "total": 70,
    "customer_name": "Ada",
    "customer_address": {"line1": "12 Marylebone"},
    "metadata": {"for": "Ada"},
    "lines": {
        "object": "list",
        "data": [
            {
                "object": "line_item",
                "amount": 70,
                "description": "7 × Calls",
                "metadata": {"for": "Ada"},
                "parent": {"type": "subscription_item_details"},
            },
            {
                "object": "line_item",
                "amount": 0,
                "description": "Tea with Ada",
                "metadata": {},
                "parent": {"type": "invoice_item_details"},
            },
        ],
    },
}


def test_an_invoice_keeps_its_figures_and_what_was_sold() -> None:
    erased = without_personal_data(INVOICE)
    assert (erased["number"], erased["total"]) == ("A-0001", 70)
    assert (erased["customer_name"], erased["customer_address"], erased["metadata"]) == (
        None,
        None,
        {},
    )
    sold, typed = erased["lines"]["data"]
    assert (sold["description"], sold["amount"], sold["metadata"]) == ("7 × Calls", 70, {})
    assert (typed["description"], typed["amount"]) == (None, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"object": "price", "metadata": {"plan": "gold"}, "nickname": "Gold"},
        {"object": "coupon", "name": "Spring", "metadata": {"campaign": "1"}},
        {"object": "tax_rate", "description": "Of the state", "metadata": {"own": "1"}},
        {"object": "product", "name": "Calls", "description": "Calls a day"},
    ],
)
def test_the_catalog_is_nobodys_data(body: dict[str, Any]) -> None:
    assert without_personal_data({"object": "subscription", "inside": [body]})["inside"] == [body]


def test_an_event_loses_what_an_update_replaced() -> None:
    data = {
        "object": {"object": "customer", "id": "cus_1", "name": "Ada", "balance": 5},
        "previous_attributes": {"name": "Byron", "metadata": {"a": "b"}, "balance": 3},
    }
    assert without_personal_data({"object": "event", "data": data})["data"] == {
        "object": {"object": "customer", "id": "cus_1", "name": None, "balance": 5},
        "previous_attributes": {"name": None, "metadata": {}, "balance": 3},
    }


def test_what_is_not_there_is_not_made() -> None:
    body: dict[str, Any] = {"object": "customer", "email": None, "metadata": {}, "deleted": True}
    assert without_personal_data(body) == body


def test_erasing_twice_changes_nothing_more() -> None:
    once = without_personal_data(INVOICE)
    assert without_personal_data(once) == once
