"""``/openapi.json``: the API described by the tables that serve it, so it cannot say anything else.

The shapes of answers are Stripe's (``stripe.schema.json``, API version 2026-10-28.endive).
"""

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from meterline.api.answers.own_fields import (
    CREDIT_AMOUNTS,
    alert_terms,
    credit_units,
    crossing_terms,
    event_causer,
    feature_limit,
    grant_recurrence,
    price_terms,
)
from meterline.api.answers.own_shapes import (
    EVENT_TYPES,
    own_objects,
)
from meterline.api.operations import JSON as _JSON
from meterline.api.operations import Answer, Operation
from meterline.api.params.specs import Array, Either, Map, Object, Param
from meterline.core.metering.aggregation import Formula
from meterline.services.base.api_version import API_VERSION

type Json = dict[str, Any]

OBJECTS = Path(__file__).with_name("stripe.schema.json")
_V2 = "/v2/"
_FORM = "application/x-www-form-urlencoded"


def openapi_document(operations: Iterable[Operation]) -> Json:
    """The OpenAPI 3.1 document of these operations."""
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Meterline",
            "version": API_VERSION,
            "description": "Usage metering and recurring billing that speaks Stripe's API.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _components(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _described(operation: Operation) -> Json:
    in_path = re.findall(r"\{(\w+)\}", operation.path)
    described: Json = {
        "operationId": _operation_id(operation),
        "parameters": [_path_parameter(name) for name in in_path],
        "responses": {
            "200": _response("What was asked for.", _answer(operation), operation.content_type),
            "default": _response("A refusal.", _reference(_error_of(operation))),
        },
    }
    if operation.method == "POST":
        described["requestBody"] = _body(operation)
    else:
        described["parameters"] += [
            _query_parameter(name, param) for name, param in operation.accepted.fields.items()
        ]
    if operation.public:
        described["security"] = []
    return described


def _operation_id(operation: Operation) -> str:
    words = re.sub(r"[{}]", "", operation.path).strip("/").split("/")
    return "_".join([operation.method.lower(), *filter(None, words)]).replace(".", "_")


def _path_parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameter(name: str, param: Param) -> Json:
    nested = isinstance(param, (Array, Either, Map, Object))
    return {
        "name": name,
        "in": "query",
        "required": param.required,
        "schema": param.schema(),
        **({"style": "deepObject", "explode": True} if nested else {}),
    }


def _body(operation: Operation) -> Json:
    schema = operation.accepted.schema()
    if operation.path.startswith(_V2):
        content: Json = {_JSON: {"schema": schema}}
    else:
        nested = {"style": "deepObject", "explode": True}
        encoding = {
            name: nested
            for name, param in operation.accepted.fields.items()
            if isinstance(param, (Array, Either, Map, Object))
        }
        content = {_FORM: {"schema": schema, "encoding": encoding}}
    required = any(param.required for param in operation.params.fields.values())
    return {"required": required, "content": content}


def _answer(operation: Operation) -> Json:
    """The schema of what an operation answers with."""
    if operation.content_type != _JSON:
        return {"type": "string", **({"format": "binary"} if operation.is_binary else {})}
    shown = _object(operation)
    if operation.answer is Answer.LIST and operation.path.startswith(_V2):
        return _page_of(shown)
    if operation.answer in (Answer.LIST, Answer.ROWS):
        return _list_of(shown, "list")
    if operation.answer is Answer.SEARCH:
        found = _list_of(shown, "search_result", {"next_page": {"type": ["string", "null"]}})
        found["properties"]["total_count"] = {"type": "integer"}
        return found
    return shown


def _object(operation: Operation) -> Json:
    names = [name for name in (operation.kind, f"deleted_{operation.kind}") if name in shapes()]
    if not names:
        return {"type": "object"}
    if operation.method == "POST" or operation.answer in (Answer.LIST, Answer.ROWS, Answer.SEARCH):
        return _reference(names[0])
    return {"anyOf": [_reference(name) for name in names]}


def _list_of(item: Json, name: str, more: Json | None = None) -> Json:
    properties = {
        "object": {"type": "string", "enum": [name]},
        "data": {"type": "array", "items": item},
        "has_more": {"type": "boolean"},
        "url": {"type": "string"},
        **(more or {}),
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _page_of(item: Json) -> Json:
    address = {"type": ["string", "null"]}
    properties = {
        "data": {"type": "array", "items": item},
        "next_page_url": address,
        "previous_page_url": address,
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def _error_of(operation: Operation) -> str:
    return "v2_error" if operation.path.startswith(_V2) else "error"


def _response(description: str, schema: Json, content_type: str = _JSON) -> Json:
    return {"description": description, "content": {content_type: {"schema": schema}}}


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{_component(name)}"}


def _component(name: str) -> str:
    """A name as OpenAPI allows it: Stripe's has colons."""
    return name.replace(":", "__")


@cache
def shapes() -> Json:
    """The shapes of all objects: Stripe's, with what it answers beyond them, and what ours may say.

    Beyond its own schema Stripe answers ``total_count``, ``attributes`` of a product, and ``plan``
    and ``quantity`` of a subscription.
    """
    known: Json = json.loads(OBJECTS.read_text())["$defs"]
    aggregation = known["billing.meter:DefaultAggregation"]["properties"]
    aggregation["formula"]["enum"] = sorted(Formula)
    aggregation["percentile"] = {"type": "string"}
    summary = known["billing.meter_event_summary"]["properties"]
    known["billing.meter"]["properties"]["dimension_payload_keys"] = {
        "type": "array",
        "items": {"type": "string"},
    }
    summary["dimensions"] = {"type": "object", "additionalProperties": {"type": "string"}}
    summary["meterline"] = {"type": "object", "properties": {"approximate": {"type": "boolean"}}}
    known["price"]["properties"]["meterline"] = price_terms()
    recurrence = known["billing.alert:UsageThreshold"]["properties"]["recurrence"]
    recurrence["enum"] += ["billing_period"]
    known["billing.alert"]["properties"] |= alert_terms()
    triggered = known["billing.alert_triggered"]
    triggered["properties"] |= crossing_terms()
    its_name = {"type": "string", "enum": ["billing.alert_recovered"]}
    recovered = triggered["properties"] | {"object": its_name}
    known["billing.alert_recovered"] = triggered | {"properties": recovered}
    known["product_feature"]["properties"]["meterline"] = feature_limit()
    known["billing.credit_grant"]["properties"]["meterline"] = grant_recurrence()
    for name in CREDIT_AMOUNTS:
        amount = known[name]["properties"]
        amount["type"]["enum"] += ["custom_pricing_unit"]
        amount["custom_pricing_unit"] = credit_units()
    known["invoice"]["properties"]["lines"]["properties"]["total_count"] = {"type": "integer"}
    known["product"]["properties"]["attributes"] = {"type": "array", "items": {"type": "string"}}
    subscription = known["subscription"]["properties"]
    subscription["items"]["properties"]["total_count"] = {"type": "integer"}
    subscription["plan"] = {"anyOf": [{"$ref": "#/$defs/plan"}, {"type": "null"}]}
    subscription["quantity"] = {"type": ["integer", "null"]}
    known["event"]["properties"]["type"]["enum"] += EVENT_TYPES
    known["Event.Request"]["properties"]["meterline"] = event_causer()
    return known | own_objects()


def _components() -> Json:
    return {_component(name): _referring(shape) for name, shape in shapes().items()}


def _referring(shape: Any) -> Any:  # noqa: ANN401 - any JSON
    """A shape whose references point into the document."""
    if isinstance(shape, list):
        return [_referring(part) for part in shape]
    if not isinstance(shape, dict):
        return shape
    if "$ref" in shape:
        return _reference(shape["$ref"].removeprefix("#/$defs/"))
    return {name: _referring(value) for name, value in shape.items()}
