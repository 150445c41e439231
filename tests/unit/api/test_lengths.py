"""Texts have Stripe's lengths: those of 5,000 characters unless the reference says otherwise."""

from typing import Any

import pytest

from meterline.api.operations import Operation
from meterline.api.params.specs import Array, Either, Object, Param, String
from meterline.api.routes.description import all_operations
from meterline.core.base.errors import BillingError

CUSTOM_FIELDS = {
    "invoice_settings.custom_fields.name": 40,
    "invoice_settings.custom_fields.value": 140,
}
CUSTOMER = {
    "business_name": 150,
    "email": 512,
    "individual_name": 150,
    "name": 256,
    "phone": 20,
    **CUSTOM_FIELDS,
}
PRODUCT_UNIT = "price_data.product_data.unit_label"

LENGTHS: dict[str, dict[str, int]] = {
    "GET /v1/customers": {"email": 512},
    "POST /v1/billing/alerts": {"title": 256},
    "POST /v1/billing/meter_event_adjustments": {"cancel.identifier": 100, "event_name": 100},
    "POST /v1/billing/meter_events": {"event_name": 100, "identifier": 100},
    "POST /v1/billing/meters": {
        "customer_mapping.event_payload_key": 100,
        "display_name": 250,
        "event_name": 100,
        "value_settings.event_payload_key": 100,
    },
    "POST /v1/billing/meters/{id}": {"display_name": 250},
    "POST /v1/coupons": {"name": 40},
    "POST /v1/coupons/{id}": {"name": 40},
    "POST /v1/customers": CUSTOMER,
    "POST /v1/customers/{id}": CUSTOMER,
    "POST /v1/customers/{customer}/balance_transactions": {"description": 350},
    "POST /v1/customers/{customer}/balance_transactions/{id}": {"description": 350},
    "POST /v1/invoices/{id}/add_lines": {f"lines.{PRODUCT_UNIT}": 12},
    "POST /v1/invoices/{id}/update_lines": {f"lines.{PRODUCT_UNIT}": 12},
    "POST /v1/invoices/{invoice}/lines/{id}": {PRODUCT_UNIT: 12},
    "POST /v1/prices": {"lookup_key": 200, "product_data.unit_label": 12},
    "POST /v1/prices/{id}": {"lookup_key": 200},
    "POST /v1/products": {"unit_label": 12},
    "POST /v1/products/{id}": {"unit_label": 12},
    "POST /v1/subscriptions": {"description": 500},
    "POST /v1/subscriptions/{id}": {"description": 500},
    "POST /v1/test_helpers/test_clocks": {"name": 300},
}
CASES = [
    (operation, name, length)
    for operation, texts in LENGTHS.items()
    for name, length in texts.items()
]


def _operation(name: str) -> Operation:
    return next(one for one in all_operations() if f"{one.method} {one.path}" == name)


def _inner(param: Param, name: str) -> Param:
    """A parameter inside another one, through lists."""
    for word in name.split("."):
        while isinstance(param, Array):
            param = param.item
        assert isinstance(param, Object), name
        param = param.fields[word]
    return param


@pytest.mark.parametrize(("operation", "name", "length"), CASES)
def test_a_text_has_the_length_of_the_reference(operation: str, name: str, length: int) -> None:
    text = _inner(_operation(operation).params, name)
    assert text.read("x" * length, name) == "x" * length
    with pytest.raises(BillingError) as refused:
        text.read("x" * (length + 1), name)
    assert refused.value.param == name
    assert f"at most {length} characters" in refused.value.message


def _texts(param: Param) -> list[String]:
    if isinstance(param, String):
        return [param]
    inner: list[Any] = []
    if isinstance(param, Object):
        inner = list(param.fields.values())
    elif isinstance(param, Array):
        inner = [param.item]
    elif isinstance(param, Either):
        inner = list(param.options)
    return [text for one in inner for text in _texts(one)]


@pytest.mark.parametrize("operation", all_operations(), ids=lambda one: f"{one.method} {one.path}")
def test_no_text_is_longer_than_five_thousand_characters(operation: Operation) -> None:
    assert all(text.max_length <= 5_000 for text in _texts(operation.accepted))
