"""Whether an item meets a condition, and where a key condition begins and ends."""

import operator
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from tests.dynamodb.grammar import Names, Node, condition
from tests.dynamodb.refusals import invalid, invalid_value
from tests.dynamodb.values import Item, Value, is_equal, kind_of, plain, value_size

type Values = Mapping[str, Value]
type Test = Callable[[Item, Values], bool]
type Operand = Callable[[Item, Values], Value | None]

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LAST = "\U0010ffff"


def is_met(text: str, names: Names, item: Item, values: Values) -> bool:
    """Whether the item meets the condition; an item that is not there has no attributes."""
    return _test_of(text, names)(item, values)


def found_at(item: Item, path: tuple[Any, ...]) -> Value | None:
    """The value at a path of an item."""
    value = item.get(path[0])
    for part in path[1:]:
        if value is None:
            return None
        content = value.get("L" if isinstance(part, int) else "M")
        if isinstance(part, int):
            value = content[part] if content is not None and part < len(content) else None
        else:
            value = content.get(part) if content is not None else None
    return value


@cache
def _test_of(text: str, names: Names) -> Test:
    return _test(condition(text, names))


def _test(node: Node) -> Test:
    kind, parts = node
    if kind in ("and", "or"):
        tests = [_test(part) for part in parts]
        fold = all if kind == "and" else any
        return lambda item, values: fold(test(item, values) for test in tests)
    if kind == "not":
        inner = _test(parts[0])
        return lambda item, values: not inner(item, values)
    operands = [operand_of(part) for part in parts]
    judge = _JUDGES[kind]
    return lambda item, values: judge(*[operand(item, values) for operand in operands])


def operand_of(node: Node) -> Operand:
    """What gives the value of a path, a placeholder or the size of a path; None: nothing there."""
    kind, parts = node
    if kind == "value":
        return lambda _, values: values[parts[0]]
    if kind == "size":
        inner = operand_of(parts[0])
        return lambda item, values: _size(inner(item, values))
    if kind != "path":
        raise invalid(f"The function is not allowed here: {kind}")
    if len(parts) == 1:
        name = parts[0]
        return lambda item, _: item.get(name)
    return lambda item, _: found_at(item, parts)


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    [(kind, content)] = value.items()
    if kind in ("S", "B"):
        return {"N": str(value_size(value))}
    return {"N": str(len(content))} if kind in ("SS", "NS", "BS", "M", "L") else None


def _equal(left: Value | None, right: Value | None) -> bool:
    return left is not None and right is not None and is_equal(left, right)


def _ordered(sign: str) -> Callable[[Value | None, Value | None], bool]:
    holds = _ORDERS[sign]

    def judge(left: Value | None, right: Value | None) -> bool:
        if left is None or right is None or left.keys() != right.keys():
            return False
        return holds(plain(left), plain(right))

    return judge


def _between(value: Value | None, low: Value | None, high: Value | None) -> bool:
    return _JUDGES[">="](value, low) and _JUDGES["<="](value, high)


def _begins_with(value: Value | None, prefix: Value | None) -> bool:
    if prefix is None or kind_of(prefix) not in ("S", "B"):
        raise invalid("Incorrect operand type for operator or function begins_with")
    if value is None or value.keys() != prefix.keys():
        return False
    return bool(plain(value).startswith(plain(prefix)))


def _contains(value: Value | None, part: Value | None) -> bool:
    if value is None or part is None:
        return False
    [(kind, content)] = value.items()
    if kind == "L":
        return any(is_equal(element, part) for element in content)
    if kind in ("SS", "NS", "BS"):
        return kind[0] == kind_of(part) and plain(part) in plain(value)
    return kind == kind_of(part) and kind in ("S", "B") and plain(part) in content


_JUDGES: dict[str, Callable[..., bool]] = {
    "=": _equal,
    "<>": lambda left, right: not _equal(left, right),
    **{sign: _ordered(sign) for sign in _ORDERS},
    "between": _between,
    "in": lambda value, *choices: any(_equal(value, choice) for choice in choices),
    "attribute_exists": lambda value: value is not None,
    "attribute_not_exists": lambda value: value is None,
    "attribute_type": lambda value, kind: value is not None and kind_of(value) == plain(kind),
    "begins_with": _begins_with,
    "contains": _contains,
}


class KeyRange(NamedTuple):
    """The partition and the sort keys that a key condition asks for; None: from the first, to the
    last.
    """

    partition: Any
    low: Any = None
    high: Any = None
    is_low_excluded: bool = False
    is_high_excluded: bool = False


def key_range(
    text: str, names: Names, values: Values, hash_key: str, range_key: str | None
) -> KeyRange:
    """What a key condition asks for of a table or an index with these keys."""
    terms = _key_terms(text, names)
    if hash_key not in terms or terms[hash_key].kind != "=":
        raise invalid(f"Query condition missed key schema element: {hash_key}")
    others = terms.keys() - {hash_key}
    partition = plain(_value(terms[hash_key], 1, values))
    if not others:
        return KeyRange(partition)
    if others != {range_key}:
        raise invalid("Query key condition not supported")
    term = terms[str(range_key)]
    return _range(partition, term, [plain(_value(term, place, values)) for place in _rest(term)])


def _rest(term: Node) -> range:
    return range(1, len(term.parts))


def _range(partition: Any, term: Node, bounds: list[Any]) -> KeyRange:
    first = bounds[0]
    match term.kind:
        case "=":
            return KeyRange(partition, first, first)
        case "<" | "<=":
            return KeyRange(partition, high=first, is_high_excluded=term.kind == "<")
        case ">" | ">=":
            return KeyRange(partition, low=first, is_low_excluded=term.kind == ">")
        case "between":
            if bounds[0] > bounds[1]:
                raise invalid_value(
                    "The BETWEEN operator requires upper bound to be greater than or equal to "
                    "lower bound"
                )
            return KeyRange(partition, *bounds)
        case "begins_with":
            return KeyRange(partition, first, first + _LAST)
    raise invalid("Query key condition not supported")


@cache
def _key_terms(text: str, names: Names) -> dict[str, Node]:
    tree = condition(text, names)
    terms = tree.parts if tree.kind == "and" else (tree,)
    found: dict[str, Node] = {}
    for term in _flat(terms):
        if term.kind in ("and", "or", "not", "in", "<>") or term.parts[0].kind != "path":
            raise invalid("Invalid operator used in KeyConditionExpression")
        name = term.parts[0].parts[0]
        if name in found:
            raise invalid("KeyConditionExpressions must only contain one condition per key")
        found[name] = term
    return found


def _flat(terms: tuple[Node, ...]) -> list[Node]:
    found: list[Node] = []
    for term in terms:
        found += _flat(term.parts) if term.kind == "and" else [term]
    return found


def _value(term: Node, place: int, values: Values) -> Value:
    node = term.parts[place]
    if node.kind != "value":
        raise invalid("Query key condition not supported")
    return values[node.parts[0]]
