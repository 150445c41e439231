"""Parameters that may be given as long as they ask for nothing."""

from urllib.parse import urlencode

import pytest

from meterline.api.forms import decode_form
from meterline.api.router import Routes
from meterline.api.routes.description import all_operations
from meterline.core.base.errors import BillingError

EVERYTHING = Routes(all_operations())

NEEDED = {
    "/v1/subscriptions": {"customer": "cus_1", "items[0][price]": "price_1"},
    "/v1/subscription_items": {"subscription": "sub_1", "price": "price_1"},
    "/v1/invoices": {"customer": "cus_1"},
    "/v1/invoices/create_preview": {"customer": "cus_1"},
    "/v1/invoiceitems": {"customer": "cus_1", "amount": "5"},
    "/v1/prices": {"currency": "usd", "unit_amount": "5", "product": "prod_1"},
}
"""What a request says that has no other parameter."""


def _parsed(path: str, **given: str) -> object:
    operation, _ = EVERYTHING.match("POST", path)
    form = NEEDED.get(path, {}) | {name.replace(".", "["): value for name, value in given.items()}
    return operation.accepted.parse(decode_form(urlencode(form)))


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("/v1/subscriptions", "off_session", "true"),
        ("/v1/subscriptions", "off_session", "True"),
        ("/v1/subscriptions", "payment_settings[save_default_payment_method]", "on_subscription"),
        ("/v1/subscriptions", "payment_settings[payment_method_types][0]", "card"),
        (
            "/v1/subscriptions",
            "payment_settings[payment_method_options][card][request_three_d_secure]",
            "any",
        ),
        ("/v1/subscriptions", "default_payment_method", ""),
        ("/v1/subscriptions", "transfer_data", ""),
        ("/v1/subscriptions", "invoice_settings[issuer][type]", "self"),
        ("/v1/subscriptions/sub_1", "off_session", "true"),
        ("/v1/subscription_items/si_1", "off_session", "true"),
        ("/v1/invoices/in_1", "default_payment_method", ""),
        ("/v1/invoices/in_1/pay", "off_session", "true"),
        ("/v1/invoices/in_1/pay", "forgive", "false"),
        ("/v1/customers", "source", ""),
        ("/v1/customers", "invoice_settings[default_payment_method]", ""),
        ("/v1/prices", "custom_unit_amount[enabled]", "false"),
    ],
)
def test_a_value_that_asks_for_nothing_changes_nothing(path: str, name: str, value: str) -> None:
    nothing = _parsed(path) if "items" not in name else _parsed(path, **{"items[0][quantity]": "1"})
    more = {} if "items" not in name else {"items[0][quantity]": "1"}
    said = _parsed(path, **{name: value}, **more)
    assert _without_empty(said) == _without_empty(nothing)


def _without_empty(params: object) -> object:
    """Groups in which only idle parameters stood are empty, and say nothing either."""
    if isinstance(params, dict):
        return {name: _without_empty(value) for name, value in params.items() if value != {}}
    return params


@pytest.mark.parametrize(
    ("path", "name", "value", "says"),
    [
        ("/v1/invoices", "automatic_tax[liability][type]", "account", "without Connect"),
        ("/v1/subscriptions", "default_payment_method", "pm_1", "moves no money"),
        ("/v1/subscriptions", "payment_settings[default_mandate]", "m_1", "moves no money"),
        ("/v1/subscriptions", "transfer_data[destination]", "acct_1", "without Connect"),
        ("/v1/invoices/in_1/pay", "forgive", "true", "moves no money"),
        ("/v1/invoices/in_1/pay", "payment_method", "pm_1", "moves no money"),
        ("/v1/customers", "source", "tok_1", "moves no money"),
        ("/v1/prices", "custom_unit_amount[enabled]", "true", "an amount of its own"),
    ],
)
def test_a_value_that_asks_for_something_is_refused_with_the_reason(
    path: str, name: str, value: str, says: str
) -> None:
    with pytest.raises(BillingError, match=says) as refused:
        _parsed(path, **{name: value})
    assert (refused.value.status, refused.value.code) == (400, "parameter_unknown")
    assert name.startswith(refused.value.param or "?")
