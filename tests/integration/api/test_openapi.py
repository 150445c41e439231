"""The description of the API at ``/openapi.json``."""

import json
from typing import Any

import pytest

from meterline.api.openapi import openapi_document
from meterline.api.routes.description import all_operations
from tests.gateway import route
from tests.handlers import gateway_event, load_handler
from tests.integration.api.conftest import Api


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(json.dumps(openapi_document(all_operations())))
    return described


def test_it_is_served_to_everyone(api: Api, document: dict[str, Any]) -> None:
    response = api.bridge.call(gateway_event("GET", "/openapi.json", {}))
    assert response["statusCode"] == 200
    assert json.loads(response["body"]) == document


def test_it_is_made_once_in_a_process(
    api: Api, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = gateway_event("GET", "/openapi.json", {})
    first = api.bridge.call(event)
    monkeypatch.setattr("meterline.api.openapi.openapi_document", lambda _: pytest.fail("again"))
    again = api.bridge.call(event)
    assert again["body"] == first["body"]
    assert json.loads(again["body"]) == document


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert references <= schemas.keys()


@pytest.mark.parametrize("operation", all_operations(), ids=lambda one: f"{one.method} {one.path}")
def test_the_template_sends_every_operation_to_a_function_that_has_it(operation: Any) -> None:
    path = operation.path.replace("{", "").replace("}", "")
    handler = load_handler(route(operation.method, path).folder)
    event = gateway_event(operation.method, path, {})
    message = json.loads(handler(event, None)["body"])["error"]["message"]
    assert "Unrecognized" not in message
    assert "You did not provide an API key" in message


def test_operations_have_distinct_names(document: dict[str, Any]) -> None:
    names = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))


def test_the_root_leads_everyone_to_it(api: Api) -> None:
    response = api.bridge.call(gateway_event("GET", "/", {}))
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["openapi"] == "/openapi.json"
