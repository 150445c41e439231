"""What an update expression makes of an item, and what a projection shows of it."""

import copy
from decimal import Decimal
from functools import cache
from typing import Any

from tests.dynamodb.conditions import Operand, Values, found_at, operand_of
from tests.dynamodb.grammar import Names, Node, paths, update
from tests.dynamodb.refusals import invalid
from tests.dynamodb.values import Item, Value, kind_of, number, plain

_BAD_PATH = "The document path provided in the update expression is invalid for update"
_BAD_OPERAND = (
    "Invalid UpdateExpression: Incorrect operand type for operator or function; "
    "operator or function: {}, operand type: {}"
)


def changed_names(text: str, names: Names) -> frozenset[str]:
    """The attributes that an update expression changes."""
    return frozenset(action.parts[0].parts[0] for action in update(text, names))


def updated(text: str, names: Names, item: Item, values: Values) -> Item:
    """The item after an update; every operand is read from the item before it."""
    made = dict(item)
    for kind, (path, *operands) in update(text, names):
        place: tuple[Any, ...] = path.parts
        before = found_at(item, place)
        if kind == "REMOVE":
            _put(made, place, None)
        elif kind == "SET":
            _put(made, place, _operand(operands[0])(item, values))
        else:
            value = values[operands[0].parts[0]]
            after = _ADDS[kind](before, value)
            if after is not None or before is not None:
                _put(made, place, after)
    return made


def projected(text: str, names: Names, item: Item) -> Item:
    """The attributes of an item that a projection names."""
    made: Item = {}
    for path in paths(text, names):
        value = found_at(item, path)
        if value is not None:
            made[path[0]] = value if len(path) == 1 else _within(made.get(path[0]), path[1:], value)
    return made


def _within(outer: Value | None, path: tuple[Any, ...], value: Value) -> Value:
    if not path:
        return value
    if isinstance(path[0], int):
        return {"L": [*(outer or {"L": []})["L"], _within(None, path[1:], value)]}
    content = dict((outer or {"M": {}})["M"])
    content[path[0]] = _within(content.get(path[0]), path[1:], value)
    return {"M": content}


@cache
def _operand(node: Node) -> Operand:
    kind, parts = node
    if kind == "if_not_exists":
        there, other = operand_of(parts[0]), _operand(parts[1])
        return lambda item, values: (
            other(item, values) if (found := there(item, values)) is None else found
        )
    if kind in ("+", "-", "list_append"):
        left, right = (_operand(part) for part in parts)
        join = _joined if kind == "list_append" else _sum_or_difference(kind)
        return lambda item, values: join(_there(left(item, values)), _there(right(item, values)))
    inner = operand_of(node)
    return lambda item, values: _there(inner(item, values))


def _there(value: Value | None) -> Value:
    if value is None:
        raise invalid(
            "The provided expression refers to an attribute that does not exist in the item"
        )
    return value


def _sum_or_difference(sign: str) -> Any:
    def join(left: Value, right: Value) -> Value:
        for one in (left, right):
            if kind_of(one) != "N":
                raise invalid(_BAD_OPERAND.format(sign, kind_of(one)))
        more = Decimal(right["N"])
        return {"N": number(str(Decimal(left["N"]) + (more if sign == "+" else -more)))}

    return join


def _joined(left: Value, right: Value) -> Value:
    for one in (left, right):
        if kind_of(one) != "L":
            raise invalid(_BAD_OPERAND.format("list_append", kind_of(one)))
    return {"L": [*left["L"], *right["L"]]}


def _added(before: Value | None, more: Value) -> Value:
    [(kind, content)] = more.items()
    if kind not in ("N", "SS", "NS", "BS"):
        raise invalid(_BAD_OPERAND.format("ADD", kind))
    if before is None:
        return more
    if kind_of(before) != kind:
        raise invalid("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return {"N": number(str(Decimal(before["N"]) + Decimal(content)))}
    held = plain(before)
    return {
        kind: [
            *before[kind],
            *(element for element in content if _member(kind, element) not in held),
        ]
    }


def _less(before: Value | None, fewer: Value) -> Value | None:
    [(kind, content)] = fewer.items()
    if kind not in ("SS", "NS", "BS"):
        raise invalid(_BAD_OPERAND.format("DELETE", kind))
    if before is None:
        return None
    if kind_of(before) != kind:
        raise invalid("An operand in the update expression has an incorrect data type")
    gone = {_member(kind, element) for element in content}
    left = [one for one in before[kind] if _member(kind, one) not in gone]
    return {kind: left} if left else None


def _member(kind: str, one: Any) -> Any:
    return plain({kind[0]: one})


_ADDS: dict[str, Any] = {"ADD": _added, "DELETE": _less}


def _put(item: Item, path: tuple[Any, ...], value: Value | None) -> None:
    """Set or remove what is at a path of an item whose attributes are shared with another."""
    if len(path) == 1:
        if value is None:
            item.pop(path[0], None)
        else:
            item[path[0]] = value
        return
    if path[0] not in item:
        raise invalid(_BAD_PATH)
    outer = item[path[0]] = copy.deepcopy(item[path[0]])
    *between, last = path[1:]
    for part in between:
        outer = _content(outer, part)[part]
    content = _content(outer, last)
    if value is None:
        _remove(content, last)
    elif isinstance(last, int) and last >= len(content):
        content.append(value)
    else:
        content[last] = value


def _content(outer: Value, part: str | int) -> Any:
    content = outer.get("L" if isinstance(part, int) else "M")
    if content is None:
        raise invalid(_BAD_PATH)
    return content


def _remove(content: Any, last: str | int) -> None:
    if isinstance(last, int):
        del content[last : last + 1]
    else:
        content.pop(last, None)
