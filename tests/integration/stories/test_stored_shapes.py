"""What is stored has the types that the type checker takes it to have."""

import types
from typing import (
    Any,
    Literal,
    NotRequired,
    TypeAliasType,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from local.wire_types import TYPES
from meterline.store.billing.repository import BillingStore
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

KINDS = {
    "billing.alert": "Alert",
    "billing.meter": "Meter",
    "coupon": "Coupon",
    "customer": "Customer",
    "customer_balance_transaction": "CustomerBalanceTransaction",
    "discount": "Discount",
    "invoice": "Invoice",
    "invoice_payment": "InvoicePayment",
    "invoiceitem": "InvoiceItem",
    "price": "Price",
    "product": "Product",
    "subscription": "Subscription",
    "test_helpers.test_clock": "TestClock",
    "webhook_endpoint": "WebhookEndpoint",
}


def declared() -> dict[str, Any]:
    """The types of the stub, which is no module at run time."""
    names: dict[str, Any] = {"__name__": "wire"}
    exec("from __future__ import annotations\n" + TYPES.read_text(), names)  # noqa: S102
    return names


def misfits(value: Any, hint: Any, names: dict[str, Any], at: str) -> list[str]:
    """Where a stored value is not of the type that it is declared to have."""
    hint = hint.__value__ if isinstance(hint, TypeAliasType) else hint
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return min((misfits(value, argument, names, at) for argument in arguments), key=len)
    if origin in (list, dict) and isinstance(value, origin):
        inner, of = (value, f"{at}[]") if origin is list else (value.values(), f"{at}.*")
        return [misfit for each in inner for misfit in misfits(each, arguments[-1], names, of)]
    if get_origin(hint) is NotRequired:
        return misfits(value, arguments[0], names, at)
    if hasattr(origin or hint, "__required_keys__"):
        its_fields = _misfits_of_fields if isinstance(value, dict) else _no_object
        return its_fields(value, hint, names, at)
    return [] if _is_plainly(value, hint) else [f"{at}: {value!r}"]


def _is_plainly(value: Any, hint: Any) -> bool:
    """Whether a value is of a type that has no parts."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    is_number = hint is int and isinstance(value, bool)
    return hint is Any or (isinstance(hint, type) and isinstance(value, hint) and not is_number)


def _no_object(value: Any, hint: Any, names: dict[str, Any], at: str) -> list[str]:
    return [f"{at}: {value!r} is no {hint}" for _ in (names,)]


def _misfits_of_fields(
    value: dict[str, Any], hint: Any, names: dict[str, Any], at: str
) -> list[str]:
    of = get_origin(hint) or hint
    fields = get_type_hints(of, names, include_extras=True)
    if of is names["Listed"]:
        fields["data"] = list[get_args(hint)[0]]  # type: ignore[misc]
    optional = {name for name, one in fields.items() if get_origin(one) is NotRequired}
    missing = [f"{at}.{name} missing" for name in fields.keys() - optional - value.keys()]
    extra = [f"{at}.{name} undeclared" for name in value.keys() - fields.keys() - {"_"}]
    wrong = [
        misfit
        for name in fields.keys() & value.keys()
        for misfit in misfits(value[name], fields[name], names, f"{at}.{name}")
    ]
    return missing + extra + wrong


def test_stored_objects_are_as_declared(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    client = stage.client.v1
    coupon = client.coupons.create({"percent_off": 12.5, "duration": "forever"}).id
    off = client.coupons.create({"amount_off": 50, "currency": "usd", "duration": "once"}).id
    meter = stage.meter()
    tiers = [{"up_to": 10, "unit_amount": 5}, {"up_to": "inf", "unit_amount_decimal": "0.5"}]
    tiered: dict[str, Any] = {"billing_scheme": "tiered", "tiers_mode": "graduated"}
    share: dict[str, Any] = {
        "currency": "usd",
        "product_data": {"name": "Share"},
        "recurring": {"interval": "month", "usage_type": "metered", "meter": meter},
        "meterline": {"percentage": {"percent": "2.9"}, "minimum_amount": 100},
    }
    client.prices.create(cast("Any", share))
    calls = stage.metered("Calls", meter, tiers=tiers, **tiered)
    subscription = stage.subscribe(
        stage.price("Seat", 1_995), calls, discounts=[{"coupon": coupon}, {"coupon": off}]
    )
    client.invoice_items.create({"customer": stage.customer, "amount": 99, "currency": "usd"})
    client.webhook_endpoints.create({"url": "https://example.com", "enabled_events": ["*"]})
    client.customers.balance_transactions.create(stage.customer, {"amount": -5, "currency": "usd"})
    threshold = {"gte": 10, "meter": meter, "recurrence": "one_time"}
    given = {"title": "Ten", "alert_type": "usage_threshold", "usage_threshold": threshold}
    client.billing.alerts.create(given)
    stage.use(25)
    items = [{"id": subscription["items"].data[0].id, "quantity": 3}]
    stage.until("2024-01-10")
    stage.change(subscription, items=items, billing_thresholds={"amount_gte": 5_000})
    stage.until("2024-02-02")
    invoice = stage.invoices()[-1]
    client.invoices.pay(invoice.id, {"paid_out_of_band": True})
    names, store = declared(), BillingStore(livemode=False)
    seen: dict[str, list[Any]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        seen[kind] += [document.body for document in store.each(kind)]
    off_type = [
        misfit
        for kind, bodies in seen.items()
        for body in bodies
        for misfit in misfits(body, names[KINDS[kind]], names, kind)
    ]
    assert sorted(set(off_type)) == []
