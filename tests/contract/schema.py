"""Judges response bodies by the schema.

``api.openapi.shapes`` has the shapes of Stripe's objects in scope, of API version
2026-10-28.endive, and of our own. The check is stricter than they are: a field that they do not
have is refused too.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from meterline.api.openapi import shapes
from tests.contract.verdicts import Verdicts

_ITEMS_OF_ONE = "/v1/subscription_items?subscription="
"""The only list whose url has a parameter, as Stripe tells it."""

_V2_PAGE = "v2 page"
_V2_FIELDS = {"data", "next_page_url", "previous_page_url"}


class OffSchemaError(AssertionError):
    """A body that the schema refuses."""


def assert_one_of(body: Any, names: Sequence[str]) -> None:
    """Raise OffSchemaError, with every reason, unless ``body`` is an object of one of the names."""
    deleted = isinstance(body, dict) and body.get("deleted") is True
    fitting = [name for name in names if name.startswith("deleted_") is deleted]
    if not fitting:
        raise OffSchemaError(f"expected {' or '.join(names)}, got {str(body)[:200]}")
    _check(body, fitting[0])
    if body.get("object") == "event":
        subject = body["data"]["object"]
        _check(subject, subject["object"])


def assert_list(body: Any, envelope: str, name: str) -> None:
    """Raise OffSchemaError unless ``body`` is a list of the envelope's kind, of ``name`` only."""
    if not isinstance(body, dict):
        raise OffSchemaError(f"not an object: {body!r}")
    _check_envelope(body, envelope)
    for object_ in body["data"]:
        assert_one_of(object_, [name])


def assert_error(body: Any, *, is_v2: bool) -> None:
    """Raise OffSchemaError unless ``body`` is a refusal in the words of the dialect."""
    _check(body, "v2_error" if is_v2 else "error")
    if not body["error"].get("message"):
        raise OffSchemaError("a refusal has a message")


def _check(body: Any, name: str) -> None:
    if name not in definitions():
        raise OffSchemaError(f"no such object in the schema: {name}")
    if _verdicts().keeps_to(name, body):
        return
    reasons = [
        f"{error.json_path}: {error.message[:300]}" for error in _validator(name).iter_errors(body)
    ]
    if reasons:
        its_id = body.get("id") if isinstance(body, dict) else body
        raise OffSchemaError(f"{name} {its_id}: " + "; ".join(reasons))


def _check_envelope(body: dict[str, Any], envelope: str) -> None:
    if envelope == _V2_PAGE:
        if body.keys() != _V2_FIELDS:
            raise OffSchemaError(f"a v2 list has other fields than {sorted(body)}")
        return
    if body.get("object") != envelope:
        raise OffSchemaError(f"expected a {envelope}, got {str(body)[:200]}")
    names = {"object", "data", "has_more", "url"}
    if envelope == "search_result":
        names |= {"next_page", "total_count"} & (body.keys() | {"next_page"})
    if body.keys() != names:
        raise OffSchemaError(f"a {envelope} has {sorted(names)}, not {sorted(body)}")
    if "?" in body["url"] and not body["url"].startswith(_ITEMS_OF_ONE):
        raise OffSchemaError(f"the url of a list is a bare path, not {body['url']}")


@cache
def definitions() -> dict[str, Any]:
    """All shapes by name, with unknown fields refused."""
    return {name: _closed(definition) for name, definition in shapes().items()}


def _closed(definition: Any) -> Any:
    """The definition, with unknown fields refused wherever it lists the known ones."""
    if isinstance(definition, list):
        return [_closed(part) for part in definition]
    if not isinstance(definition, dict):
        return definition
    closed = {name: _closed(value) for name, value in definition.items()}
    if isinstance(definition.get("properties"), dict) and definition["properties"]:
        closed.setdefault("additionalProperties", False)
    return closed


@cache
def _verdicts() -> Verdicts:
    return Verdicts(definitions())


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": definitions()})
