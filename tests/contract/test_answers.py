"""The judge of answers: what it lets pass, and what fails the test run."""

import json
from typing import Any

import pytest

from meterline.api.answers.own_shapes import own_objects
from tests.contract.answers import Answer, Watch
from tests.contract.operations import BEYOND_STRIPE, operation_of, stripe_operations

PRODUCT: dict[str, Any] = {
    "id": "prod_1",
    "object": "product",
    "active": True,
    "created": 1,
    "default_price": None,
    "description": None,
    "images": [],
    "livemode": False,
    "marketing_features": [],
    "metadata": {},
    "name": "A",
    "package_dimensions": None,
    "shippable": None,
    "tax_code": None,
    "tax_details": None,
    "type": "service",
    "updated": 1,
    "url": None,
}
LIST: dict[str, Any] = {"object": "list", "data": [], "has_more": False, "url": "/v1/products"}
REFUSAL: dict[str, Any] = {"error": {"type": "invalid_request_error", "message": "No."}}
THIN_EVENT: dict[str, Any] = {
    "id": "evt_test_1",
    "object": "v2.core.event",
    "created": "2026-01-01T00:00:00.000Z",
    "livemode": False,
    "type": "v1.product.created",
}
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "api_version": None,
    "created": 1,
    "data": {"object": PRODUCT},
    "livemode": False,
    "pending_webhooks": 0,
    "request": None,
    "type": "product.created",
}


def _heard(
    method: str, path: str, status: int, body: Any, more: dict[str, str] | None = None
) -> Watch:
    headers = {"content-type": "application/json", "request-id": "r", "stripe-version": "v"}
    watch = Watch()
    watch.hear(Answer(method, path, status, headers | (more or {}), json.dumps(body)))
    return watch


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/v1/products/prod_1", 200, PRODUCT),
        ("GET", "/v1/products", 200, LIST | {"data": [PRODUCT]}),
        ("GET", "/v1/products/search", 200, LIST | {"object": "search_result", "next_page": None}),
        (
            "DELETE",
            "/v1/products/p",
            200,
            {"id": "prod_1", "object": "product", "deleted": True},
        ),
        ("GET", "/v1/nothing", 404, REFUSAL),
        ("POST", "/v2/billing/meter_event_stream", 200, {}),
        ("POST", "/v2/billing/meter_events", 400, {"error": {"code": "c", "message": "No."}}),
        (
            "GET",
            "/v2/core/events",
            200,
            {"data": [THIN_EVENT], "next_page_url": None, "previous_page_url": None},
        ),
        ("GET", "/v1/events/evt_1", 200, EVENT),
    ],
)
def test_a_proper_answer_passes(method: str, path: str, status: int, body: Any) -> None:
    _heard(method, path, status, body).settle()


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/v1/products/prod_1", 200, PRODUCT | {"own_field": 1}),
        ("GET", "/v1/products/prod_1", 200, PRODUCT | {"created": "1"}),
        ("GET", "/v1/products/prod_1", 200, {k: v for k, v in PRODUCT.items() if k != "url"}),
        ("GET", "/v1/products/prod_1", 200, PRODUCT | {"marketing_features": [{"own_field": 1}]}),
        ("GET", "/v1/customers/cus_1", 200, PRODUCT),
        ("GET", "/v1/customers", 200, LIST | {"data": [PRODUCT]}),
        ("GET", "/v1/products", 200, PRODUCT),
        ("GET", "/v1/products", 200, LIST | {"url": "/v1/products?limit=1"}),
        ("GET", "/v1/products", 200, LIST | {"total_count": 1}),
        ("GET", "/v1/products/prod_1", 200, {"id": "prod_1", "object": "product", "deleted": True}),
        ("GET", "/v1/products/prod_1", 200, REFUSAL),
        ("GET", "/v1/products/prod_1", 404, PRODUCT),
        ("GET", "/v1/products/prod_1", 404, {"error": {"type": "own_error", "message": "No."}}),
        ("GET", "/v1/products/prod_1", 404, {"error": {"type": "api_error", "message": ""}}),
        ("GET", "/v1/products/prod_1", 301, REFUSAL),
        ("GET", "/v1/nothing", 200, PRODUCT),
        ("POST", "/v2/billing/meter_events", 400, REFUSAL),
        ("POST", "/v2/billing/meter_event_stream", 200, PRODUCT),
        ("GET", "/v1/events/evt_1", 200, EVENT | {"data": {"object": PRODUCT | {"own": 1}}}),
        ("GET", "/v1/events/evt_1", 200, EVENT | {"type": "own.event"}),
    ],
)
def test_an_improper_answer_fails_the_run(method: str, path: str, status: int, body: Any) -> None:
    with pytest.raises(AssertionError, match="off the schema"):
        _heard(method, path, status, body).settle()


@pytest.mark.parametrize("name", ["request-id", "stripe-version", "content-type"])
def test_an_answer_without_a_header_fails_the_run(name: str) -> None:
    with pytest.raises(AssertionError, match="off the schema"):
        _heard("GET", "/v1/products/prod_1", 200, PRODUCT, {name: ""}).settle()


def test_what_was_heard_is_counted_by_operation_and_status() -> None:
    watch = _heard("GET", "/v1/products/prod_1", 200, PRODUCT)
    assert watch.heard == {("Product.retrieve", 200): 1}


def test_a_fixed_word_of_a_path_is_no_id() -> None:
    found = operation_of("GET", "/v1/customers/search")
    assert found is not None
    assert found.name == "Customer.search"


def test_the_table_holds_every_operation_once() -> None:
    operations = [*stripe_operations().values(), *BEYOND_STRIPE]
    assert len(stripe_operations()) == 156
    assert len({operation.route for operation in operations}) == len(operations)
    assert len({operation.name for operation in operations}) == len(operations)


def test_our_own_objects_take_no_name_of_stripes() -> None:
    answers = {operation.answer for operation in stripe_operations().values()}
    assert not answers & own_objects().keys()
