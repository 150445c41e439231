"""Parameters that hold others: lists, maps with free keys, and named parameters."""

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from meterline.api.params.kinds import Param, Params, Schema
from meterline.api.params.refusals import (
    OBJECT,
    Raw,
    empty,
    excerpt,
    exclusive,
    invalid,
    missing,
    unstorable,
)
from meterline.core.base.errors import BillingError, param_inside
from meterline.core.base.frozen import frozen
from meterline.core.base.unset import UNSET


@frozen(kw_only=True)
class _Group(Param):
    """What all of them are."""

    @property
    def nests(self) -> bool:
        """A group of values."""
        return True


@frozen(kw_only=True)
class Array(_Group):
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
            raise empty(name)
        item = self.item
        return [
            element if item.takes_as_is(element) else item.read(element, f"{name}[{key}]")
            for key, element in elements
        ]

    def describe(self) -> Schema:
        """An array."""
        limits = {"minItems": self.min_items, "maxItems": self.max_items}
        return {"type": "array", "items": self.item.schema()} | limits


@frozen(kw_only=True)
class Map(_Group):
    """Values of one kind under keys of the caller's choice."""

    value: Param
    max_keys: int = 100
    key_length: int = 100
    key_noun: str = "key"

    def convert(self, raw: Raw, name: str) -> Params:
        """The map."""
        if not isinstance(raw, Mapping):
            raise invalid(OBJECT, raw, name)
        if len(raw) > self.max_keys:
            raise BillingError(
                f"Invalid {name}: at most {self.max_keys} {self.key_noun}s are accepted.",
                param=name,
            )
        return {self._key(k, name): self.value.read(v, f"{name}[{k}]") for k, v in raw.items()}

    def takes_as_is(self, raw: Raw) -> bool:
        """Whether it is a map of plain values under plain keys."""
        if not isinstance(raw, dict) or not 0 < len(raw) <= self.max_keys:
            return False
        for key, value in raw.items():
            is_plain = 0 < len(key) <= self.key_length and key.isprintable()
            if not is_plain or not self.value.takes_as_is(value):
                return False
        return True

    def _key(self, key: str, name: str) -> str:
        is_plain = key.isprintable() or not unstorable(key)
        if not 0 < len(key) <= self.key_length or not is_plain:
            raise BillingError(
                f"Invalid {name}: the {self.key_noun} {excerpt(key)!r} must have "
                f"1 to {self.key_length} characters.",
                param=name,
            )
        return key

    def describe(self) -> Schema:
        """An object with free keys."""
        schema = {"type": "object", "additionalProperties": self.value.schema()}
        return schema | {"maxProperties": self.max_keys}


@frozen(kw_only=True)
class Object(_Group):
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
            raise invalid(OBJECT, raw, name)
        if not raw.keys() <= self.fields.keys():
            raise self._unknown(raw, name)
        params = {}
        for key, param in self.fields.items():
            if (value := raw.get(key)) is not None:
                read = param.read(value, f"{name}[{key}]" if name else key)
                if not param.is_idle:
                    params[key] = read
            elif param.required:
                raise missing(param_inside(name, key))
        if self.exclusive or self.one_of:
            self._check_groups(params, name)
        return params

    def takes_as_is(self, raw: Raw) -> bool:
        """Whether it holds plain values only, and what is required."""
        if not isinstance(raw, dict) or self.exclusive or self.one_of:
            return False
        if not raw.keys() <= self.fields.keys():
            return False
        for key, param in self.fields.items():
            if not param.takes_as_is(raw[key]) if key in raw else param.required:
                return False
        return True

    def extended(self, **fields: Param) -> "Object":
        """The same object with more parameters."""
        return replace(self, fields={**self.fields, **fields})

    def _unknown(self, raw: Mapping[str, Raw], name: str) -> BillingError:
        unknown = [param_inside(name, str(key))[:200] for key in raw if key not in self.fields]
        plural = "s" if len(unknown) > 1 else ""
        return BillingError(
            f"Received unknown parameter{plural}: {', '.join(unknown[:10])}",
            code="parameter_unknown",
            param=unknown[0],
        )

    def _check_groups(self, params: Params, name: str) -> None:
        for group in self.exclusive:
            present = [key for key in group if params.get(key, UNSET) is not UNSET]
            if len(present) > 1:
                raise exclusive([param_inside(name, key) for key in present])
        for group in self.one_of:
            if not any(key in params for key in group):
                names = [param_inside(name, key) for key in group]
                raise BillingError(
                    f"You must provide one of these parameters: {', '.join(names)}.",
                    code="parameter_missing",
                    param=names[0],
                )

    def describe(self) -> Schema:
        """An object with exactly these fields."""
        required = [key for key, param in self.fields.items() if param.required]
        return {
            "type": "object",
            "properties": {key: param.schema() for key, param in self.fields.items()},
            "additionalProperties": False,
        } | ({"required": required} if required else {})


def _elements(raw: Raw, name: str) -> list[tuple[int, Raw]]:
    if isinstance(raw, list):
        return list(enumerate(raw))
    if isinstance(raw, Mapping) and all(_is_index(key) for key in raw):
        return sorted((int(key), value) for key, value in raw.items())
    raise invalid("array", raw, name)


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= 6  # noqa: PLR2004 - no longer index
