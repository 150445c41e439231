"""moto without its search for the values of plain attributes."""

from typing import Any

from moto.core.serialize import ResponseSerializer

_PLAIN = {"S", "N", "BOOL", "NULL"}
_serialize = ResponseSerializer._serialize_type_structure  # noqa: SLF001 - nothing public does it


def _serialize_plain(
    self: ResponseSerializer, serialized: Any, value: Any, shape: Any, key: str
) -> None:
    """Take a plain attribute as it is: moto asks for each of ten types under four names."""
    if key and shape.name == "AttributeValue" and type(value) is dict and value.keys() <= _PLAIN:
        self._default_serialize(serialized, value, shape, key)
    else:
        _serialize(self, serialized, value, shape, key)


def take_plain_values_as_they_are() -> None:
    """Let moto write answers faster, in this process, from now on."""
    ResponseSerializer._serialize_type_structure = _serialize_plain  # type: ignore[method-assign] # noqa: SLF001
