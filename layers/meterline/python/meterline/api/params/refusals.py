"""How a wrong parameter is refused: Stripe's code, its name, and what would be right."""

from collections.abc import Mapping
from typing import Any

from meterline.core.base.errors import BillingError

type Raw = Any
"""What the wire carried: a string, or nested dicts and lists of them; any JSON in v2."""

OBJECT = "object"
_EXCERPT = 40


def missing(name: str) -> BillingError:
    """The refusal of a request without a required parameter."""
    return BillingError(f"Missing required param: {name}.", code="parameter_missing", param=name)


def exclusive(names: list[str]) -> BillingError:
    """The refusal of parameters that exclude each other."""
    return BillingError(
        f"You may only specify one of these parameters: {', '.join(names)}.",
        code="parameters_exclusive",
        param=names[0],
    )


def invalid(noun: str, raw: Raw, name: str, code: str | None = None) -> BillingError:
    """The refusal of what is not a ``noun``."""
    if isinstance(raw, (Mapping, list)) or noun in ("object", "array"):
        detail = f"Invalid {noun}"
    else:
        detail = f"Invalid {noun}: {excerpt(str(raw))}"
    return BillingError(detail, code=code, param=name or None)


def empty(name: str) -> BillingError:
    """The refusal of an empty value for what cannot be unset."""
    return BillingError(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{name}' cannot be unset. You should remove '{name}' from your "
        "request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def out_of_range(rule: str, raw: Raw, name: str) -> BillingError:
    """The refusal of a number that breaks ``rule``."""
    return BillingError(
        f"This value must be {rule} (it currently is '{excerpt(str(raw))}').",
        code="parameter_invalid_integer",
        param=name,
    )


def unstorable(text: str) -> bool:
    """Whether ``text`` holds what UTF-8 or JSON cannot carry: lone surrogates, null characters."""
    return any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


def excerpt(text: str) -> str:
    """As much of a text as a message may repeat."""
    return text if len(text) <= _EXCERPT else f"{text[:20]}…{text[-15:]}"
