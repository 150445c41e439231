"""The path of a request is the one below the API's root, wherever a domain has that root."""

import pytest

from meterline.api.requests import read_request

OWN = "billing.example.com"
AWS = "abc123.execute-api.eu-central-1.amazonaws.com"
CUSTOMER = "ANY /v1/customers/{proxy+}"


@pytest.mark.parametrize(
    ("raw_path", "route_key", "domain", "stage", "path"),
    [
        ("/v1/customers/cus_1", CUSTOMER, AWS, "$default", "/v1/customers/cus_1"),
        ("/v1/customers/cus_1", CUSTOMER, OWN, "$default", "/v1/customers/cus_1"),
        ("/billing/v1/customers/cus_1", CUSTOMER, OWN, "$default", "/v1/customers/cus_1"),
        ("/a/b/v1/customers", "ANY /v1/customers", OWN, "$default", "/v1/customers"),
        ("/v1/customers/v1/customers/x", CUSTOMER, OWN, "$default", "/v1/customers/v1/customers/x"),
        ("/prod/v1/customers/cus_1", CUSTOMER, AWS, "prod", "/v1/customers/cus_1"),
        ("/prod/v1/charges", "$default", AWS, "prod", "/v1/charges"),
        ("/v1/charges", "$default", OWN, "$default", "/v1/charges"),
        ("/billing/v1/charges", "$default", OWN, "$default", "/v1/charges"),
        ("/billing/openapi.json", "$default", OWN, "$default", "/openapi.json"),
        ("/billing/nothing", "$default", OWN, "$default", "/billing/nothing"),
        ("/billing/v1/charges", "$default", AWS, "$default", "/billing/v1/charges"),
        ("/v1/%63ustomers/cus_1", CUSTOMER, AWS, "$default", "/v1/customers/cus_1"),
        ("/", "$default", AWS, "$default", "/"),
    ],
)
def test_base_paths_and_stages_are_no_part_of_a_path(
    raw_path: str, route_key: str, domain: str, stage: str, path: str
) -> None:
    context = {
        "http": {"method": "GET", "path": raw_path},
        "routeKey": route_key,
        "domainName": domain,
        "stage": stage,
    }
    event = {"rawPath": raw_path, "routeKey": route_key, "requestContext": context}
    assert read_request(event).path == path


@pytest.mark.parametrize(
    ("raw_path", "domain", "stage", "base_path"),
    [
        ("/v1/customers", AWS, "$default", ""),
        ("/billing/v1/customers", OWN, "$default", "/billing"),
        ("/prod/v1/customers", AWS, "prod", "/prod"),
        ("/a/b/v1/%63ustomers", OWN, "$default", ""),
    ],
)
def test_what_stands_before_the_path_is_the_base_of_links(
    raw_path: str, domain: str, stage: str, base_path: str
) -> None:
    context = {"routeKey": "ANY /v1/customers", "domainName": domain, "stage": stage}
    request = read_request({"rawPath": raw_path, "requestContext": context})
    assert (request.domain, request.base_path) == (domain, base_path)


@pytest.mark.parametrize(
    "event",
    [
        {"cookies": ["a=1", "session=x=y"]},
        {"headers": {"Cookie": "a=1; session=x=y"}},
    ],
)
def test_cookies_are_where_the_gateway_puts_them(event: dict[str, object]) -> None:
    request = read_request(event)
    assert [request.cookie(name) for name in ("a", "session", "b")] == ["1", "x=y", None]
