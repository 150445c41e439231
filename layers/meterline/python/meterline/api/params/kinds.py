"""The kinds of parameters: what each accepts, and how it refuses (words for them: ``params``)."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any, Final

from meterline.api.params.refusals import Raw, empty, excerpt, invalid, out_of_range, unstorable
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.numerals import whole_number
from meterline.core.base.unset import UNSET

type Params = dict[str, Any]
"""Checked parameters: only those that were given."""

type Schema = Mapping[str, Any]
"""A JSON Schema."""

MAX_STRING = 5_000
MAX_TIMESTAMP: Final = 32_503_679_999
"""The last second of the year 2999: Python's calendar ends with 9999, and whatever is computed from
a timestamp (ends of periods, trials) must stay inside it."""

_DECIMAL = re.compile(r"-?[0-9]*(\.[0-9]*)?\Z", re.ASCII)
_TRUTH_VALUES = {"true": True, "True": True, "false": False, "False": False}


@frozen(kw_only=True)
class Param(ABC):
    """What every kind of parameter has; ``emptyable``: an empty string unsets it."""

    required: bool = False
    emptyable: bool = False

    def read(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - each kind has its own type
        """The value of ``raw``, or UNSET; BillingError names ``name`` when it is wrong."""
        if raw is None or raw == "":
            if self.emptyable:
                return UNSET
            raise empty(name)
        return self.convert(raw, name)

    def takes_as_is(self, raw: Raw) -> bool:  # noqa: ARG002 - for kinds that can say yes
        """Whether ``raw`` is plainly right and its own value: a shortcut past ``read``.

        False says nothing; ``read`` says what is wrong, if anything is.
        """
        return False

    @property
    def nests(self) -> bool:
        """Whether its values are groups of values."""
        return False

    @property
    def is_idle(self) -> bool:
        """Whether its values ask for nothing, so that they are only checked."""
        return False

    @abstractmethod
    def convert(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - each kind has its own type
        """The value of a ``raw`` that is not empty."""

    def schema(self) -> Schema:
        """The JSON Schema of the parameter, for ``/openapi.json``."""
        described = self.describe()
        if self.emptyable:
            return {"anyOf": [described, {"type": "string", "enum": [""]}]}
        return described

    @abstractmethod
    def describe(self) -> Schema:
        """The JSON Schema of a value that is not empty."""


@frozen(kw_only=True)
class String(Param):
    """Text of 1 to ``max_length`` characters, optionally of a ``pattern``; ``hint`` explains it.

    Where it may be ``blank`` an empty text is a value like others.
    """

    max_length: int = MAX_STRING
    blank: bool = False
    pattern: str = ""
    hint: str = ""
    lower: bool = False

    def takes_as_is(self, raw: Raw) -> bool:
        """Whether it is an ordinary text, as most are."""
        return (
            isinstance(raw, str)
            and (raw != "" or self.blank)
            and len(raw) <= self.max_length
            and raw.isprintable()
            and not self.pattern
            and not self.lower
        )

    def read(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - as all kinds have it
        """The text; an empty one where it may be blank."""
        return raw if raw == "" and self.blank else Param.read(self, raw, name)

    def convert(self, raw: Raw, name: str) -> str:
        """The text."""
        if not isinstance(raw, str):
            raise invalid("string", raw, name)
        if len(raw) > self.max_length:
            raise BillingError(
                f"Invalid string: {excerpt(raw)}; must be at most {self.max_length} characters",
                param=name,
            )
        if not raw.isprintable() and unstorable(raw):
            raise BillingError(f"Invalid string: '{name}' is not valid Unicode.", param=name)
        text = raw.lower() if self.lower else raw
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            raise BillingError(f"Invalid {name}: {excerpt(raw)}. {self.hint}".strip(), param=name)
        return text

    def describe(self) -> Schema:
        """A string with its limits."""
        least = 0 if self.blank else 1
        schema = {"type": "string", "minLength": least, "maxLength": self.max_length}
        return schema | ({"pattern": f"^{self.pattern}$"} if self.pattern else {})


@frozen(kw_only=True)
class Integer(Param):
    """A whole number from ``minimum`` to ``maximum``, both included."""

    minimum: int | None = None
    maximum: int | None = None

    def convert(self, raw: Raw, name: str) -> int:
        """The number."""
        value = _integer(raw, name)
        if self.minimum is not None and value < self.minimum:
            raise out_of_range(f"greater than or equal to {self.minimum}", raw, name)
        if self.maximum is not None and value > self.maximum:
            raise out_of_range(f"less than or equal to {self.maximum}", raw, name)
        return value

    def describe(self) -> Schema:
        """An integer with its limits."""
        limits = {"minimum": self.minimum, "maximum": self.maximum}
        return {"type": "integer"} | {k: v for k, v in limits.items() if v is not None}


@frozen(kw_only=True)
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
            raise invalid("decimal", raw, name)
        whole, _, fraction = text.lstrip("-").partition(".")
        if len(fraction) > self.places:
            raise BillingError(
                f"Invalid decimal: {excerpt(text)}; must contain at maximum {self.places} "
                "decimal places.",
                param=name,
            )
        if len(whole.lstrip("0")) > self.digits:
            raise out_of_range(f"below 10^{self.digits}", raw, name)
        value = Decimal(text)
        if self.minimum is not None and value < self.minimum:
            raise out_of_range(f"greater than or equal to {self.minimum}", raw, name)
        if self.maximum is not None and value > self.maximum:
            raise out_of_range(f"less than or equal to {self.maximum}", raw, name)
        return value

    def describe(self) -> Schema:
        """A string that holds a decimal."""
        return {"type": "string", "format": "decimal"}


@frozen(kw_only=True)
class Boolean(Param):
    """``true`` or ``false``; ``True`` and ``False`` too, as stripe-python before 12 and every
    version of Stripe.net spell them in a form.
    """

    def convert(self, raw: Raw, name: str) -> bool:
        """The truth value."""
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str) and raw in _TRUTH_VALUES:
            return _TRUTH_VALUES[raw]
        raise invalid("boolean", raw, name)

    def describe(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


@frozen(kw_only=True)
class OneOf(Param):
    """One of some words, which refusals name in this order; ``refused`` are some for a reason."""

    values: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)

    def convert(self, raw: Raw, name: str) -> str:
        """The word."""
        if isinstance(raw, str) and raw in self.refused:
            raise BillingError(self.refused[raw], param=name)
        if isinstance(raw, str) and raw in self.values:
            return raw
        *others, last = self.values
        comma = "," if len(others) > 1 else ""
        choice = f"{', '.join(others)}{comma} or {last}" if others else last
        raise BillingError(f"Invalid {name}: must be one of {choice}", param=name)

    def describe(self) -> Schema:
        """An enumeration."""
        return {
            "type": "string",
            "enum": [value for value in self.values if value not in self.refused],
        }


@frozen(kw_only=True)
class Either(Param):
    """The first of some kinds that fits.

    If none does, the refusal stands of the last one that is as nested as what was given.
    """

    options: tuple[Param, ...]

    @property
    def nests(self) -> bool:
        """Whether one of the kinds takes groups of values."""
        return any(option.nests for option in self.options)

    def convert(self, raw: Raw, name: str) -> Any:  # noqa: ANN401 - depends on the kind that fits
        """The value by the first kind that takes it."""
        nests = isinstance(raw, (dict, list))
        alike = [option for option in self.options if option.nests == nests]
        *others, last = [*(option for option in self.options if option not in alike), *alike]
        for option in others:
            try:
                return option.convert(raw, name)
            except BillingError:
                continue
        return last.convert(raw, name)

    def describe(self) -> Schema:
        """Any of the kinds."""
        return {"anyOf": [option.describe() for option in self.options]}


def _integer(raw: Raw, name: str) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = str(raw)
    value = whole_number(raw) if isinstance(raw, str) else None
    if value is None:
        raise invalid("integer", raw, name, code="parameter_invalid_integer")
    return value
