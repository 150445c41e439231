"""Finding operations, and following expansions."""

from typing import Any

import pytest

from meterline.api.answers.expansion import read_expansion_paths
from meterline.api.operations import get, permission_of, post
from meterline.api.page_tokens import page_token, read_page_token
from meterline.api.requests import read_params, read_request
from meterline.api.router import Routes
from meterline.core.base.errors import BillingError


def _nothing(*_: object) -> dict[str, Any]:
    return {}


ROUTES = Routes(
    [
        get("/v1/customers/{id}", "customer", _nothing),
        get("/v1/customers/search", "customer", _nothing),
        post("/v1/customers/{id}", "customer", _nothing),
        get("/v1/customers/{customer}/balance_transactions/{id}", "x", _nothing),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "template", "values"),
    [
        ("GET", "/v1/customers/cus_1", "/v1/customers/{id}", ["cus_1"]),
        ("POST", "/v1/customers/cus_1", "/v1/customers/{id}", ["cus_1"]),
        ("GET", "/v1/customers/search", "/v1/customers/search", []),
        (
            "GET",
            "/v1/customers/cus_1/balance_transactions/cbtxn_1",
            "/v1/customers/{customer}/balance_transactions/{id}",
            ["cus_1", "cbtxn_1"],
        ),
    ],
)
def test_an_operation_is_found(method: str, path: str, template: str, values: list[str]) -> None:
    operation, found = ROUTES.match(method, path)
    assert (operation.method, operation.path, found) == (method, template, values)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/customers/", 404),
        ("GET", "/v1/customers", 404),
        ("GET", "/", 404),
        ("GET", "", 404),
        ("PATCH", "/v1/customers/cus_1", 404),
        ("GET", "/v1/customers/a/b", 404),
    ],
)
def test_what_is_not_there_is_refused(method: str, path: str, status: int) -> None:
    with pytest.raises(BillingError) as refused:
        ROUTES.match(method, path)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("path", "permission"),
    [
        ("/v1/customers/{id}", "customers"),
        ("/v1/billing/meters/{id}/deactivate", "billing_meters"),
        ("/v1/customers/{customer}/balance_transactions/{id}", "customers"),
    ],
)
def test_a_path_names_the_right_that_it_needs(path: str, permission: str) -> None:
    assert permission_of(path) == permission


def _expansion_paths(path: str, kind: str, *, of_list: bool) -> list[list[str]]:
    expansion_paths = read_expansion_paths([path], kind, of_list=of_list, may_read=lambda _: True)
    return [[step.field for step in trail] for trail in expansion_paths]


@pytest.mark.parametrize(
    ("path", "kind", "of_list", "fields"),
    [
        ("customer", "subscription", False, ["customer"]),
        ("data.customer", "subscription", True, ["customer"]),
        (
            "latest_invoice.customer.test_clock",
            "subscription",
            False,
            ["latest_invoice", "customer", "test_clock"],
        ),
        ("items.data.price.tiers", "subscription", False, ["items.data", "price", "tiers"]),
        ("items.data.price.product", "subscription", False, ["items.data", "price", "product"]),
        (
            "parent.subscription_details.subscription",
            "invoice",
            False,
            ["parent.subscription_details.subscription"],
        ),
        (
            "subscriptions.data.latest_invoice",
            "customer",
            False,
            ["subscriptions", "latest_invoice"],
        ),
        ("tiers", "price", False, ["tiers"]),
    ],
)
def test_an_expansion_follows_its_edges(
    *,
    path: str,
    kind: str,
    of_list: bool,
    fields: list[str],
) -> None:
    assert _expansion_paths(path, kind, of_list=of_list) == [fields]


@pytest.mark.parametrize(
    ("path", "kind", "of_list"),
    [
        ("foo", "customer", False),
        ("email", "customer", False),
        ("customer.foo", "subscription", False),
        ("customer", "subscription", True),
        ("data", "subscription", True),
        ("tiers.flat_amount", "price", False),
        ("", "customer", False),
        (
            "latest_invoice.customer.subscriptions.data.latest_invoice.customer",
            "subscription",
            False,
        ),
        ("customer", "", False),
    ],
)
def test_what_cannot_be_expanded_is_refused(
    *,
    path: str,
    kind: str,
    of_list: bool,
) -> None:
    with pytest.raises(BillingError) as refused:
        _expansion_paths(path, kind, of_list=of_list)
    assert (refused.value.status, refused.value.param) == (400, "expand")


def test_an_expansion_needs_the_right_to_read_what_it_shows() -> None:
    with pytest.raises(BillingError) as refused:
        read_expansion_paths(
            ["latest_invoice.customer"],
            "subscription",
            of_list=False,
            may_read=lambda permission: permission != "customers",
        )
    assert refused.value.status == 403


def test_a_page_token_is_authentic_or_refused() -> None:
    token = page_token("sk_test_a", {"after": "evt_1"})
    assert read_page_token("sk_test_a", token) == {"after": "evt_1"}
    for wrong in (token[:-2], token + "AA", "", "!", "ä", "A" * 40):
        with pytest.raises(BillingError):
            read_page_token("sk_test_a", wrong)
    with pytest.raises(BillingError):
        read_page_token("sk_test_b", token)


def _request(method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "rawPath": path,
        "requestContext": {"http": {"method": method}, "stage": "prod"},
        "headers": named,
        "body": body,
    }


def test_the_stage_is_not_part_of_the_path() -> None:
    assert read_request(_request("GET", "/prod/v1/customers")).path == "/v1/customers"
    assert read_request(_request("GET", "/v1/a%2Fb")).path == "/v1/a/b"
    assert read_request({}).path == "/"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ("1", 400),
        ('{"a": NaN}', 400),
        ('{"a": ' + "[" * 50_000, 400),
        ('{"a": ' + "[" * 30 + "]" * 30 + "}", 400),
        ("\ud800", 400),
        ("x" * 1_000_001, 413),
    ],
)
def test_a_v2_body_that_is_not_a_json_object_is_refused(body: str, status: int) -> None:
    request = read_request(_request("POST", "/v2/x", body, content_type="application/json"))
    with pytest.raises(BillingError) as refused:
        read_params(request)
    assert refused.value.status == status


def test_a_v2_body_keeps_its_types() -> None:
    request = read_request(_request("POST", "/v2/x", '{"a": {"b": [1, true, null, "x"]}}'))
    assert read_params(request) == {"a": {"b": [1, True, None, "x"]}}
