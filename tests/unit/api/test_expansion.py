"""What ``expand`` may name: every field of Stripe's schema that holds more than a plain value."""

import ast
import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from meterline.api.answers.expansion import read_expansion_paths
from meterline.api.openapi import OBJECTS
from meterline.core.base.errors import BillingError
from meterline.core.kinds.registry import kind_of, kinds

SHAPES = json.loads(OBJECTS.read_text())["$defs"]

SDK_CLASSES = {
    "coupon": stripe.Coupon,
    "customer": stripe.Customer,
    "customer_balance_transaction": stripe.CustomerBalanceTransaction,
    "discount": stripe.Discount,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "line_item": stripe.InvoiceLineItem,
    "plan": stripe.Plan,
    "price": stripe.Price,
    "product": stripe.Product,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
}


def _targets(shape: dict[str, Any]) -> Iterator[str]:
    """The objects that a field can hold; "" for one that has no name."""
    if "$ref" in shape:
        yield shape["$ref"].removeprefix("#/$defs/")
    for option in [*shape.get("anyOf", []), *([shape["items"]] if "items" in shape else [])]:
        yield from _targets(option)
    if "object" in shape.get("type", ""):
        yield ""


def _fields(kind: str, name: str = "", before: str = "") -> Iterator[tuple[str, bool]]:
    """The dotted fields of a kind, and whether each holds objects."""
    for field, shape in SHAPES[name or kind].get("properties", {}).items():
        targets = list(_targets(shape))
        if field != "metadata":
            yield before + field, bool(targets)
        for target in targets:
            if target.startswith(f"{kind}:"):
                yield from _fields(kind, target, f"{before}{field}.")


def _ids_of_objects(kind: str) -> Iterator[str]:
    """The dotted fields of a class of the SDK that are declared to be expandable."""
    cls = SDK_CLASSES[kind]
    tree = ast.parse(inspect.getsource(cls)).body[0]
    assert isinstance(tree, ast.ClassDef)
    yield from _declared(tree, "")


def _declared(cls: ast.ClassDef, before: str) -> Iterator[str]:
    inner = {
        statement.name: statement for statement in cls.body if isinstance(statement, ast.ClassDef)
    }
    for one in cls.body:
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            declared = ast.unparse(one.annotation)
            if "ExpandableField" in declared:
                yield before + one.target.id
            held = declared.replace("Optional[", "").replace("List[", "").strip("]'\"")
            if held in inner:
                yield from _declared(inner[held], f"{before}{one.target.id}.")


def _is_taken(kind: str, path: str) -> bool:
    try:
        read_expansion_paths([path], kind, of_list=False, may_read=lambda _: True)
    except BillingError:
        return False
    return True


SHAPED = sorted(kind.name for kind in kinds() if kind.permission and kind.name in SHAPES)


@pytest.mark.parametrize("kind", SHAPED)
def test_whatever_holds_objects_in_the_schema_can_be_expanded(kind: str) -> None:
    held = [field for field, is_object in _fields(kind) if is_object and field.count(".") < 4]
    assert [field for field in held if not _is_taken(kind, field)] == []


@pytest.mark.parametrize("kind", SDK_CLASSES)
def test_whatever_the_sdk_declares_to_be_expandable_can_be_expanded(kind: str) -> None:
    assert [field for field in _ids_of_objects(kind) if not _is_taken(kind, field)] == []


@pytest.mark.parametrize("kind", SHAPED)
def test_a_plain_value_cannot_be_expanded(kind: str) -> None:
    holders = kind_of(kind).edges.keys() | kind_of(kind).empty.null
    plain = [
        field
        for field, is_object in _fields(kind)
        if not is_object and not any(f"{field}.".startswith(f"{holder}.") for holder in holders)
    ]
    assert [field for field in plain if _is_taken(kind, field)] == []


@pytest.mark.parametrize("kind", SHAPED)
@pytest.mark.parametrize("path", ["foo", "metadata", "metadata.foo", "id.foo"])
def test_an_unknown_name_is_refused(kind: str, path: str) -> None:
    assert not _is_taken(kind, path)


@pytest.mark.parametrize("kind", SHAPED)
def test_what_is_always_empty_is_no_edge(kind: str) -> None:
    empty = kind_of(kind).empty
    assert not (empty.whole | empty.null | empty.former) & kind_of(kind).edges.keys()
    assert not empty.former & SHAPES[kind]["properties"].keys()


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("invoice", "data.charge.balance_transaction"),
        ("invoice", "data.default_payment_method"),
        ("invoice", "data.payment_intent"),
        ("invoice", "data.tax"),
        ("invoice", "data.total_tax_amounts.tax_rate"),
        ("invoice", "data.lines.data.tax_amounts.tax_rate"),
        ("customer", "data.sources"),
        ("customer", "data.tax"),
        ("subscription", "data.default_payment_method"),
        ("subscription", "data.items.data"),
        ("subscription", "data.latest_invoice.confirmation_secret"),
        ("subscription", "data.latest_invoice.payment_intent"),
        ("subscription", "data.pending_setup_intent"),
        ("subscription", "data.plan.product"),
        ("subscription", "data.schedule"),
        ("subscription_item", "data.plan.product"),
    ],
)
def test_what_real_clients_expand_is_taken(kind: str, path: str) -> None:
    read_expansion_paths([path], kind, of_list=True, may_read=lambda _: True)
