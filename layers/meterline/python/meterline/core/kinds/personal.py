"""Which fields of stored bodies hold what is personal, and a body without them.

Ids, numbers, amounts, instants, and what was sold stay: they are the ledger. What a person typed
about a customer goes: names, addresses, metadata, and free text of the customer's own objects.
"""

from collections.abc import Mapping
from typing import Any

_NULL = frozenset(
    {
        *("address", "business_name", "custom_fields", "email", "footer", "individual_name"),
        *("customer_address", "customer_email", "customer_name", "customer_phone"),
        *("customer_shipping", "hosted_invoice_url", "invoice_pdf", "memo", "phone", "shipping"),
    }
)
_EMPTY: Mapping[str, Any] = {
    "metadata": {},
    "customer_tax_ids": [],
    "preferred_locales": [],
    "tax_ids": [],
}
_NAMED = frozenset({"billing.credit_grant", "customer", "meterline.credit_top_up"})
_DESCRIBED = frozenset(
    {"customer", "customer_balance_transaction", "invoice", "invoiceitem", "subscription"}
)
_SETTINGS = frozenset({"default_settings", "invoice_settings", "phases"})
"""Parts of a subscription or its schedule that have descriptions of their own."""

_NOT_ABOUT_CUSTOMERS = frozenset(
    {
        *("billing.meter", "coupon", "plan", "price", "product", "tax_rate"),
        "test_helpers.test_clock",
    }
)
"""Objects that are shown inside those of a customer; nobody types a customer's data there."""


def without_personal_data(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A body of a customer's object, or a part of one, less what is personal; else as it is."""
    if _kind(body) in _NOT_ABOUT_CUSTOMERS:
        return body
    return {name: _erased(body, name, value) for name, value in body.items()}


def _erased(body: Mapping[str, Any], name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if value is None:
        return None
    if name in _NULL or (name == "name" and _kind(body) in _NAMED) or _is_written(body, name):
        return None
    if name in _EMPTY:
        return _EMPTY[name]
    if name == "value" and _kind(body) == "tax_id":
        return ""
    if name == "previous_attributes":
        return _without_object(without_personal_data({"object": "customer", **value}))
    return _walked(_undescribed(value) if name in _SETTINGS else value)


def _kind(body: Mapping[str, Any]) -> str:
    """What a body is; "" of what is no object. An event's data has an object of that name."""
    kind = body.get("object")
    return kind if isinstance(kind, str) else ""


def _without_object(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in attributes.items() if name != "object"}


def _is_written(body: Mapping[str, Any], name: str) -> bool:
    """Whether a field is a description that a person typed."""
    return name == "description" and _is_typed(body)


def _is_typed(body: Mapping[str, Any]) -> bool:
    """Whether a person typed the description: those of lines for what was sold are made."""
    if _kind(body) == "credit_note_line_item":
        return body.get("type") == "custom_line_item"
    if _kind(body) == "line_item":
        return (body.get("parent") or {}).get("type") == "invoice_item_details"
    return _kind(body) in _DESCRIBED


def _undescribed(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Settings, or phases with settings, without what describes them."""
    if isinstance(value, list):
        return [_undescribed(part) for part in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _undescribed(part) for name, part in value.items() if name in _SETTINGS}
    return value | kept | ({"description": None} if "description" in value else {})


def _walked(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return without_personal_data(value)
    if isinstance(value, list):
        return [_walked(element) for element in value]
    return value
