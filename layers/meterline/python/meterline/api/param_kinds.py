"""The kinds of parameters: what each accepts, and how it refuses (words for them: ``params``)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from meterline.core.errors import BillingError
from meterline.core.unset import UNSET

type Raw = Any
"""What the wire carried: a string, or nested dicts and lists of them; any JSON in v2."""

type Params = dict[str, Any]
"""Checked parameters: only those that were given."""

MAX_STRING = 5_000
MAX_TIMESTAMP: Final = 32_503_679_999
"""The last second of the year 2999: Python's calendar ends with 9999, and whatever is computed from
a timestamp (ends of periods, trials) must stay inside it."""

_MAX_INTEGER_DIGITS = 18
_INTEGER = re.compile(r"-?[0-9]+\Z", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]*(\.[0-9]*)?\Z", re.ASCII)
_EXCERPT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """What every kind of parameter has; ``emptyable``: an empty string unsets it."""

    required: bool = False
    emptyable: bool = False

    def read(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - each kind has its own type
        """The value of ``raw``, or UNSET; BillingError names ``name`` when it is wrong."""
        if raw is None or raw == "":
            if self.emptyable:
                return UNSET
            raise _empty(name)
        return self.convert(raw, name)

    def convert(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - each kind has its own type
        """The value of a ``raw`` that is not empty."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the parameter, for ``/openapi.json``."""
        described = self.describe()
        if self.emptyable:
            return {"anyOf": [described, {"type": "string", "enum": [""]}]}
        return described

    def describe(self) -> dict[str, Any]:
        """The JSON Schema of a value that is not empty."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class String(Param):
    """Text of 1 to ``max_length`` characters, optionally of a ``pattern``; ``hint`` explains it."""

    max_length: int = MAX_STRING
    pattern: str = ""
    hint: str = ""
    lower: bool = False

    def read(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - a string, or UNSET
        """The text, or UNSET; most texts pass at once."""
        is_text = isinstance(raw, str) and 0 < len(raw) <= self.max_length and raw.isprintable()
        if is_text and not self.pattern and not self.lower:
            return raw
        return Param.read(self, raw, name)

    def convert(self, raw: Raw, name: str) -> str:
        """The text."""
        if not isinstance(raw, str):
            raise _invalid("string", raw, name)
        if len(raw) > self.max_length:
            raise BillingError(
                f"Invalid string: {_excerpt(raw)}; must be at most {self.max_length} characters",
                param=name,
            )
        if not raw.isprintable() and _unstorable(raw):
            raise BillingError(f"Invalid string: '{name}' is not valid Unicode.", param=name)
        text = raw.lower() if self.lower else raw
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            raise BillingError(f"Invalid {name}: {_excerpt(raw)}. {self.hint}".strip(), param=name)
        return text

    def describe(self) -> dict[str, Any]:
        """A string with its limits."""
        schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": self.max_length}
        return schema | ({"pattern": f"^{self.pattern}$"} if self.pattern else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Param):
    """A whole number from ``minimum`` to ``maximum``, both included."""

    minimum: int | None = None
    maximum: int | None = None

    def convert(self, raw: Raw, name: str) -> int:
        """The number."""
        value = _integer(raw, name)
        if self.minimum is not None and value < self.minimum:
            raise _out_of_range(f"greater than or equal to {self.minimum}", raw, name)
        if self.maximum is not None and value > self.maximum:
            raise _out_of_range(f"less than or equal to {self.maximum}", raw, name)
        return value

    def describe(self) -> dict[str, Any]:
        """An integer with its limits."""
        limits = {"minimum": self.minimum, "maximum": self.maximum}
        return {"type": "integer"} | {k: v for k, v in limits.items() if v is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecimalNumber(Param):
    """An exact decimal of at most ``places`` places and ``digits`` digits before the point."""

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    places: int = 12
    digits: int = 15

    def convert(self, raw: Raw, name: str) -> Decimal:
        """The number, exactly as written."""
        text = str(raw) if isinstance(raw, (int, Decimal)) and not isinstance(raw, bool) else raw
        if not isinstance(text, str) or not _DECIMAL.match(text) or text.strip("-.") == "":
            raise _invalid("decimal", raw, name)
        whole, _, fraction = text.lstrip("-").partition(".")
        if len(fraction) > self.places:
            raise BillingError(
                f"Invalid decimal: {_excerpt(text)}; must contain at maximum {self.places} "
                "decimal places.",
                param=name,
            )
        if len(whole.lstrip("0")) > self.digits:
            raise _out_of_range(f"below 10^{self.digits}", raw, name)
        value = Decimal(text)
        if self.minimum is not None and value < self.minimum:
            raise _out_of_range(f"greater than or equal to {self.minimum}", raw, name)
        if self.maximum is not None and value > self.maximum:
            raise _out_of_range(f"less than or equal to {self.maximum}", raw, name)
        return value

    def describe(self) -> dict[str, Any]:
        """A string that holds a decimal."""
        return {"type": "string", "format": "decimal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(Param):
    """``true`` or ``false``."""

    def convert(self, raw: Raw, name: str) -> bool:
        """The truth value."""
        if raw is True or raw == "true":
            return True
        if raw is False or raw == "false":
            return False
        raise _invalid("boolean", raw, name)

    def describe(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(Param):
    """One of some words."""

    values: tuple[str, ...]

    def convert(self, raw: Raw, name: str) -> str:
        """The word."""
        if isinstance(raw, str) and raw in self.values:
            return raw
        words = [f"`{value}`" for value in self.values]
        choice = " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
        raise BillingError(f"Invalid {name}: must be one of {choice}", param=name)

    def describe(self) -> dict[str, Any]:
        """An enumeration."""
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Either(Param):
    """The first of some kinds that fits.

    If none does, the refusal stands of the last one that is as nested as what was given.
    """

    options: tuple[Param, ...]

    def convert(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - depends on the kind that fits
        """The value by the first kind that takes it."""
        alike = [one for one in self.options if _nests(one) == isinstance(raw, (dict, list))]
        *others, telling = [*(one for one in self.options if one not in alike), *alike]
        for option in others:
            try:
                return option.convert(raw, name)
            except BillingError:
                continue
        return telling.convert(raw, name)

    def describe(self) -> dict[str, Any]:
        """Any of the kinds."""
        return {"anyOf": [option.describe() for option in self.options]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Array(Param):
    """A list of at most ``max_items`` values of one kind."""

    item: Param
    max_items: int = 100
    min_items: int = 0

    def convert(self, raw: Raw, name: str) -> list[Any]:
        """The list, in the order of its indices."""
        elements = _elements(raw, name)
        if len(elements) > self.max_items:
            raise BillingError(
                f"Invalid array: '{name}' takes at most {self.max_items} values.", param=name
            )
        if len(elements) < self.min_items:
            raise _empty(name)
        return [self.item.read(element, f"{name}[{key}]") for key, element in elements]

    def describe(self) -> dict[str, Any]:
        """An array."""
        limits = {"minItems": self.min_items, "maxItems": self.max_items}
        return {"type": "array", "items": self.item.schema()} | limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Param):
    """Values of one kind under keys of the caller's choice."""

    value: Param
    max_keys: int = 100
    key_length: int = 100
    key_noun: str = "key"

    def convert(self, raw: Raw, name: str) -> dict[str, Any]:
        """The map."""
        if not isinstance(raw, Mapping):
            raise _invalid(_OBJECT, raw, name)
        if len(raw) > self.max_keys:
            raise BillingError(
                f"Invalid {name}: at most {self.max_keys} {self.key_noun}s are accepted.",
                param=name,
            )
        return {self._key(k, name): self.value.read(v, f"{name}[{k}]") for k, v in raw.items()}

    def _key(self, key: str, name: str) -> str:
        is_plain = key.isprintable() or not _unstorable(key)
        if not 0 < len(key) <= self.key_length or not is_plain:
            raise BillingError(
                f"Invalid {name}: the {self.key_noun} {_excerpt(key)!r} must have "
                f"1 to {self.key_length} characters.",
                param=name,
            )
        return key

    def describe(self) -> dict[str, Any]:
        """An object with free keys."""
        schema = {"type": "object", "additionalProperties": self.value.schema()}
        return schema | {"maxProperties": self.max_keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Object(Param):
    """Named parameters. Of an ``exclusive`` group at most one may be given, of a ``one_of`` group
    at least one must be.
    """

    fields: Mapping[str, Param] = field(default_factory=dict)
    exclusive: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()

    def parse(self, raw: Mapping[str, Raw]) -> Params:
        """The checked parameters of a whole request."""
        return self.convert(raw, "")

    def convert(self, raw: Raw, name: str) -> Params:
        """The given parameters, checked."""
        if not isinstance(raw, Mapping):
            raise _invalid(_OBJECT, raw, name)
        if not raw.keys() <= self.fields.keys():
            raise self._unknown(raw, name)
        params = {}
        for key, param in self.fields.items():
            if (value := raw.get(key)) is not None:
                params[key] = param.read(value, f"{name}[{key}]" if name else key)
            elif param.required:
                raise missing(_at(name, key))
        if self.exclusive or self.one_of:
            self._check_groups(params, name)
        return params

    def extended(self, **fields: Param) -> "Object":
        """The same object with more parameters."""
        return Object(
            required=self.required,
            emptyable=self.emptyable,
            fields={**self.fields, **fields},
            exclusive=self.exclusive,
            one_of=self.one_of,
        )

    def _unknown(self, raw: Mapping[str, Raw], name: str) -> BillingError:
        unknown = [_at(name, str(key))[:200] for key in raw if key not in self.fields]
        plural = "s" if len(unknown) > 1 else ""
        return BillingError(
            f"Received unknown parameter{plural}: {', '.join(unknown[:10])}",
            code="parameter_unknown",
            param=unknown[0],
        )

    def _check_groups(self, params: Params, name: str) -> None:
        for group in self.exclusive:
            given = [key for key in group if params.get(key, UNSET) is not UNSET]
            if len(given) > 1:
                raise exclusive([_at(name, key) for key in given])
        for group in self.one_of:
            if not any(key in params for key in group):
                names = [_at(name, key) for key in group]
                raise BillingError(
                    f"You must provide one of these parameters: {', '.join(names)}.",
                    code="parameter_missing",
                    param=names[0],
                )

    def describe(self) -> dict[str, Any]:
        """An object with exactly these fields."""
        required = [key for key, param in self.fields.items() if param.required]
        return {
            "type": "object",
            "properties": {key: param.schema() for key, param in self.fields.items()},
            "additionalProperties": False,
        } | ({"required": required} if required else {})


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


_OBJECT = "object"


def _at(parent: str, key: str) -> str:
    return f"{parent}[{key}]" if parent else key


def _nests(param: Param) -> bool:
    """Whether a kind takes parameters inside it."""
    if isinstance(param, Either):
        return any(_nests(option) for option in param.options)
    return isinstance(param, (Array, Map, Object))


def _elements(raw: Raw, name: str) -> list[tuple[int, Raw]]:
    if isinstance(raw, list):
        return list(enumerate(raw))
    if isinstance(raw, Mapping) and all(_is_index(key) for key in raw):
        return sorted((int(key), value) for key, value in raw.items())
    raise _invalid("array", raw, name)


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= 6  # noqa: PLR2004 - no longer index


def _integer(raw: Raw, name: str) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        text = str(raw)
    elif isinstance(raw, str) and _INTEGER.match(raw):
        text = raw
    else:
        raise _invalid("integer", raw, name, code="parameter_invalid_integer")
    if len(text.lstrip("-0")) > _MAX_INTEGER_DIGITS:
        raise _invalid("integer", raw, name, code="parameter_invalid_integer")
    return int(text)


def _invalid(noun: str, raw: Raw, name: str, code: str | None = None) -> BillingError:
    if isinstance(raw, (Mapping, list)):
        detail = f"Invalid {noun}"
    elif noun in ("object", "array"):
        detail = f"Invalid {noun}: '{name}' takes a group of values, not {_excerpt(str(raw))}"
    else:
        detail = f"Invalid {noun}: {_excerpt(str(raw))}"
    return BillingError(detail, code=code, param=name or None)


def _empty(name: str) -> BillingError:
    return BillingError(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{name}' cannot be unset. You should remove '{name}' from your "
        "request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def _out_of_range(rule: str, raw: Raw, name: str) -> BillingError:
    return BillingError(
        f"This value must be {rule} (it currently is '{_excerpt(str(raw))}').",
        code="parameter_invalid_integer",
        param=name,
    )


def _unstorable(text: str) -> bool:
    """Whether ``text`` holds what UTF-8 or JSON cannot carry: lone surrogates, null characters."""
    return any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else f"{text[:20]}…{text[-15:]}"
