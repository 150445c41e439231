"""What Stripe has and Meterline has not: lists are empty, and writes are told why they fail."""

import importlib
import inspect
import pkgutil
import re
from typing import Any

import pytest
import stripe

from meterline.api.absent import AREAS, LISTS, absent_operation
from meterline.api.operations import Operation
from meterline.api.router import Routes
from meterline.api.routes.description import all_operations
from meterline.core.base.errors import BillingError
from meterline.store.base.account import account_id

EVERYTHING = Routes(all_operations(), reserved=["/v1/invoices/upcoming"])
OURS = EVERYTHING.operations

_CALL = re.compile(
    r'return cast\(\s*"?([^,"]+)"?,\s*self\._request\(\s*"(get|post|delete)",\s*"([^"]+)"'
)


def _calls_of_the_sdk() -> set[tuple[str, str, bool]]:
    """Method, path and whether it lists, of every call that the SDK can make."""
    found = set()
    for module in pkgutil.walk_packages(stripe.__path__, "stripe."):
        if module.name.endswith("_service"):
            source = inspect.getsource(importlib.import_module(module.name))
            for returned, method, path in _CALL.findall(source):
                named = re.sub(r"{\w+}", "x_1", path)
                found.add((method.upper(), named, "ListObject[" in returned))
    return found


CALLS = _calls_of_the_sdk()


def _ask(operation: Operation) -> Any:
    return operation.run(None, {})


def test_the_sdk_has_the_calls_that_are_looked_for() -> None:
    assert len(CALLS) > 500
    assert {("GET", "/v1/charges", True), ("POST", "/v1/charges", False)} <= CALLS


@pytest.mark.parametrize(("method", "path", "lists"), sorted(CALLS))
def test_no_call_of_the_sdk_is_answered_like_a_typo(method: str, path: str, *, lists: bool) -> None:
    operation, _ = EVERYTHING.match(method, path)
    belongs_to_ours = re.match(r"/v1/(customers|products|subscription_items)/", path)
    if (
        operation in OURS
        or lists
        or path.endswith("/search")
        or (belongs_to_ours and method == "GET")
    ):
        return
    with pytest.raises(BillingError) as refused:
        _ask(operation)
    is_missing = refused.value.code == "resource_missing"
    assert is_missing or "is not supported here: " in refused.value.message
    assert refused.value.status == (404 if method == "GET" else 400)


def test_a_list_of_v2_is_an_empty_page() -> None:
    operation, _ = EVERYTHING.match("GET", "/v2/core/accounts")
    assert _ask(operation) == {"data": [], "next_page_url": None, "previous_page_url": None}


PLAIN_LISTS = sorted(
    path
    for _, path, lists in CALLS
    if lists and path.startswith("/v1/") and "x_1" not in path and "preview" not in path
)


@pytest.mark.parametrize("path", PLAIN_LISTS)
def test_a_list_of_the_sdk_is_ours_or_empty(path: str) -> None:
    operation, _ = EVERYTHING.match("GET", path)
    empty = {"object": "list", "data": [], "has_more": False, "url": path}
    assert operation in OURS or _ask(operation) == empty


@pytest.mark.parametrize("path", ["/v1/accounts/{}/persons", "/v1/accounts/{}/external_accounts"])
def test_lists_of_the_own_account_are_empty(path: str) -> None:
    operation, _ = EVERYTHING.match("GET", path.format(account_id()))
    assert _ask(operation)["data"] == []


def test_a_search_of_what_can_never_exist_finds_nothing() -> None:
    operation, _ = EVERYTHING.match("GET", "/v1/charges/search")
    found = {"object": "search_result", "data": [], "has_more": False, "next_page": None}
    assert _ask(operation) == found | {"url": "/v1/charges/search"}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/charges/ch_1", "No such charge: 'ch_1'"),
        ("/v1/payment_intents/pi_1", "No such payment_intent: 'pi_1'"),
        ("/v1/payment_intents/pi_1/amount_details_line_items", "No such payment_intent: 'pi_1'"),
        ("/v1/tax_codes/txcd_1", "No such tax code: 'txcd_1'"),
    ],
)
def test_an_object_of_what_can_never_exist_is_missing(path: str, message: str) -> None:
    operation, _ = EVERYTHING.match("GET", path)
    with pytest.raises(BillingError) as refused:
        _ask(operation)
    assert (refused.value.status, refused.value.code) == (404, "resource_missing")
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        ("POST", "/v1/charges", "Meterline moves no money"),
        ("POST", "/v1/checkout/sessions", "Meterline moves no money"),
        ("POST", "/v1/tax/registrations", "Create them with POST /v1/tax_rates"),
        ("POST", "/v1/plans", "POST /v1/prices"),
        ("POST", "/v1/subscription_items/si_1/usage_records", "POST /v1/billing/meter_events"),
        ("GET", "/v1/invoices/upcoming", "POST /v1/invoices/create_preview"),
        ("GET", "/v1/invoices/upcoming/lines", "POST /v1/invoices/create_preview"),
        ("GET", "/v1/balance", "Meterline moves no money"),
    ],
)
def test_what_is_not_supported_says_why(method: str, path: str, says: str) -> None:
    operation, _ = EVERYTHING.match(method, path)
    with pytest.raises(BillingError, match=re.escape(says)) as refused:
        _ask(operation)
    assert f"{method} {path} is not supported here: " in refused.value.message


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/chargez"),
        ("PUT", "/v1/charges"),
        ("GET", "/v1/charges/"),
        ("DELETE", "/v1/prices/price_1"),
        ("GET", "/charges"),
    ],
)
def test_what_stripe_has_not_either_is_an_unknown_address(method: str, path: str) -> None:
    with pytest.raises(BillingError) as refused:
        EVERYTHING.match(method, path)
    assert refused.value.status == 404
    assert f"Unrecognized request URL ({method}: {path})" in refused.value.message


def test_no_address_is_listed_twice_or_served_by_an_operation() -> None:
    addresses = [one for lists in LISTS.values() for one in lists]
    addresses += [area for areas in AREAS.values() for area in areas]
    assert len(addresses) == len(set(addresses))
    served = {operation.path for operation in OURS if operation.method == "POST"}
    assert served.isdisjoint(addresses)
    assert set(addresses) & {operation.path for operation in OURS} == {
        "/v1/customers/{customer}/subscriptions",
        "/v1/plans",
    }


def test_what_is_absent_asks_for_the_right_to_its_resource() -> None:
    operation = absent_operation("GET", "/v1/charges")
    assert operation is not None
    assert (operation.permission, operation.public) == ("charges", False)
