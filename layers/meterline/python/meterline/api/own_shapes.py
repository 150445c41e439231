"""Shapes of what answers say beyond Stripe."""

from typing import Any

type Json = dict[str, Any]

_DECIMAL: Json = {"type": "string", "format": "decimal"}
_COUNT: Json = {"type": ["integer", "null"]}


def price_terms() -> Json:
    """The field ``meterline`` of a price that has it: a percentage, and the bounds of a period."""
    percentage = _all_of(
        percent=_DECIMAL,
        fixed_fee_decimal=_DECIMAL,
        free_events={"type": "integer"},
        free_volume_decimal=_DECIMAL,
    )
    tier = _all_of(up_to=_COUNT, percent=_DECIMAL, flat_amount_decimal=_DECIMAL)
    nothing = {"type": "null"}
    return _all_of(
        percentage={"anyOf": [percentage, nothing]},
        graduated_percentage={"anyOf": [{"type": "array", "items": tier}, nothing]},
        minimum_amount=_COUNT,
        maximum_amount=_COUNT,
    )


def _all_of(**fields: Json) -> Json:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
