"""Stripe's schema of what the API may answer, and the check that a body obeys it.

The shapes are those of ``/openapi.json``: of the objects in scope, of API version
2026-10-28.endive, with the few values that go beyond Stripe.
The check is stricter than the schema itself: a field that Stripe does not have is refused too.
"""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from meterline.api.openapi import shapes

OUR_OWN = "meterline."
"""The prefix of objects that Stripe does not have."""


class OffSchemaError(AssertionError):
    """A body that the schema refuses."""


def assert_valid(body: Any, *, is_v2: bool = False) -> None:
    """Raise OffSchemaError, with every reason, unless ``body`` is an answer the schema has."""
    if not isinstance(body, dict):
        raise OffSchemaError(f"not an object: {body!r}")
    if is_v2 and not body:
        return  # what a stream answers
    if is_v2 and "data" in body and "object" not in body:
        _check_v2_page(body)
        return
    if str(body.get("object")).startswith(OUR_OWN) or "openapi" in body:
        return
    if body.get("object") in ("list", "search_result"):
        _check_envelope(body)
        for one in body["data"]:
            assert_valid(one)
        return
    _check(body, _name_of(body, is_v2=is_v2))


def _name_of(body: dict[str, Any], *, is_v2: bool) -> str:
    if "error" in body:
        return "v2_error" if is_v2 else "error"
    name = str(body.get("object"))
    return f"deleted_{name}" if body.get("deleted") else name


def _check(body: dict[str, Any], name: str) -> None:
    if name not in _definitions():
        raise OffSchemaError(f"no such object in the schema: {name}")
    reasons = [
        f"{error.json_path}: {error.message[:300]}" for error in _validator(name).iter_errors(body)
    ]
    if reasons:
        raise OffSchemaError(f"{name} {body.get('id')}: " + "; ".join(reasons))


def _check_envelope(body: dict[str, Any]) -> None:
    names = {"object", "data", "has_more", "url"}
    if body["object"] == "search_result":
        names |= {"next_page", "total_count"} & (body.keys() | {"next_page"})
    if body.keys() != names:
        raise OffSchemaError(f"a {body['object']} has {sorted(names)}, not {sorted(body)}")
    if "?" in body["url"]:
        raise OffSchemaError(f"the url of a list is a bare path, not {body['url']}")


def _check_v2_page(body: dict[str, Any]) -> None:
    if body.keys() != {"data", "next_page_url", "previous_page_url"}:
        raise OffSchemaError(f"a v2 list has other fields than {sorted(body)}")
    for one in body["data"]:
        assert_valid(one, is_v2=True)


@cache
def _definitions() -> dict[str, Any]:
    return {name: _closed(definition) for name, definition in shapes().items()}


def _closed(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition, with unknown fields refused where it lists the known ones."""
    if definition.get("properties") and "additionalProperties" not in definition:
        return definition | {"additionalProperties": False}
    return definition


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": _definitions()})
