"""Attribute values in DynamoDB's notation (``{"S": "text"}``): which there are, how they compare,
how large they are.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.dynamodb.refusals import invalid, invalid_value

type Value = dict[str, Any]
type Item = dict[str, Value]

_MAX_DIGITS = 38
_SETS = {"SS": "S", "NS": "N", "BS": "B"}


def taken(item: Item) -> Item:
    """A copy of an item as DynamoDB keeps it; refuses what is no value."""
    return {name: _taken(value) for name, value in item.items()}


def shown(item: Item) -> Item:
    """A copy of an item for whoever asked: to change it does not change what is stored."""
    return {name: {**value} for name, value in item.items()}


def kind_of(value: Value) -> str:
    """The type of a value."""
    [kind] = value
    return kind


def plain(value: Value) -> Any:
    """A value as Python compares it: only values of one type can be compared."""
    [(kind, content)] = value.items()
    if kind == "N":
        return Decimal(content)
    if kind in _SETS:
        return frozenset(plain({_SETS[kind]: element}) for element in content)
    if kind == "M":
        return {name: (kind_of(one), plain(one)) for name, one in content.items()}
    if kind == "L":
        return [(kind_of(element), plain(element)) for element in content]
    return content


def is_equal(left: Value, right: Value) -> bool:
    """Whether two values are of one type and the same."""
    return left == right or (left.keys() == right.keys() and plain(left) == plain(right))


def size(item: Item) -> int:
    """The size of an item by DynamoDB's rule: names and values in bytes, and a number is one byte
    for two digits, and one more.
    """
    total = 0
    for name, value in item.items():
        for kind, content in value.items():
            total += _text_size(name) + _SIZES[kind](content)
    return total


def value_size(value: Value) -> int:
    """The size of one value."""
    [(kind, content)] = value.items()
    return _SIZES[kind](content)


def number(text: str) -> str:
    """A number as DynamoDB gives it back: without superfluous zeros, never with an exponent."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}") from None
    if not found.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    if len(found.as_tuple().digits) > _MAX_DIGITS:
        shortened = found.normalize()
        if len(shortened.as_tuple().digits) > _MAX_DIGITS or shortened != found:
            raise invalid(
                "Attempting to store more than 38 significant digits in a Number",
            )
    written = format(found, "f")
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def _taken(value: Value) -> Value:
    if len(value) != 1:
        raise invalid("Supplied AttributeValue has more than one datatypes set, must contain one")
    [(kind, content)] = value.items()
    if type(content) is _PLAIN.get(kind):
        return {kind: content}
    take = _TAKES.get(kind)
    if take is None:
        raise invalid("Supplied AttributeValue is empty, must contain exactly one of the types")
    return {kind: take(content)}


def _only(kind: type) -> Callable[[Any], Any]:
    def take(content: Any) -> Any:
        if type(content) is not kind:
            raise invalid(f"{content!r} is not of the type that its name says")
        return content

    return take


def _number(content: Any) -> str:
    if type(content) is not str:
        raise invalid(f"{content!r} is not of the type that its name says")
    is_plain = content.isascii() and content.isdigit() and len(content) <= _MAX_DIGITS
    return content if is_plain and (content[0] != "0" or content == "0") else number(content)


def _set(take: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def take_all(content: Iterable[Any]) -> list[Any]:
        members = [take(element) for element in content]
        if not members:
            raise invalid_value("An number set  may not be empty")
        if len(set(members)) != len(members):
            raise invalid_value(f"Input collection {members} contains duplicates.")
        return members

    return take_all


_PLAIN = {"S": str, "B": bytes, "BOOL": bool, "NULL": bool}
_TAKES: dict[str, Callable[[Any], Any]] = {
    **{kind: _only(plain) for kind, plain in _PLAIN.items()},
    "N": _number,
    "SS": _set(_only(str)),
    "NS": _set(_number),
    "BS": _set(_only(bytes)),
    "M": taken,
    "L": lambda content: [_taken(element) for element in content],
}


def _number_size(content: str) -> int:
    digits = content.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + int(content.startswith("-"))


def _text_size(content: str) -> int:
    return len(content) if content.isascii() else len(content.encode())


_SIZES: dict[str, Callable[[Any], int]] = {
    "S": _text_size,
    "N": _number_size,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda content: sum(map(_text_size, content)),
    "NS": lambda content: sum(map(_number_size, content)),
    "BS": lambda content: sum(map(len, content)),
    "M": lambda content: 3 + sum(1 for _ in content) + size(content),
    "L": lambda content: 3 + sum(1 + value_size(element) for element in content),
}
