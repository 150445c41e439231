"""The words in which shapes of answers are said."""

from typing import Any

type Json = dict[str, Any]

DECIMAL: Json = {"type": "string", "format": "decimal"}
COUNT: Json = {"type": ["integer", "null"]}
AMOUNT: Json = {"type": "integer"}
INSTANT: Json = {"type": "integer"}
TEXT: Json = {"type": "string"}
TEXT_OR_NONE: Json = {"type": ["string", "null"]}


def all_of(**fields: Json) -> Json:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def or_null(shape: Json) -> Json:
    """A shape, or nothing."""
    return {"anyOf": [shape, {"type": "null"}]}
