"""DynamoDB's expression language: from text to a tree, with its names filled in."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.dynamodb.refusals import invalid

_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+\-\[\].]|[:#]?\w+)")
_COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
_FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}
_OPERANDS = {"if_not_exists": 2, "list_append": 2}
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")

type Names = tuple[tuple[str, str], ...]
"""The placeholders of a request with the attributes that they stand for."""


class Node(NamedTuple):
    """A part of an expression: what it is, and its own parts."""

    kind: str
    parts: tuple[Any, ...]


@cache
def reserved_words() -> frozenset[str]:
    """The words that an expression may not use as the name of an attribute."""
    return frozenset(ReservedKeywords.get_reserved_keywords())


@cache
def placeholders(text: str) -> frozenset[str]:
    """The names (``#name``) and values (``:value``) that an expression uses."""
    return frozenset(token for token in _TOKEN.findall(text) if token[0] in "#:")


@cache
def condition(text: str, names: Names) -> Node:
    """The tree of a condition: OR binds weaker than AND, AND weaker than NOT."""
    parser = _Parser(text, dict(names))
    return parser.whole(parser.any_of)


@cache
def update(text: str, names: Names) -> tuple[Node, ...]:
    """The actions of an update: SET of path and operand, REMOVE of path, ADD of path and value."""
    parser = _Parser(text, dict(names))
    actions: tuple[Node, ...] = parser.whole(parser.actions)
    _refuse_overlaps([action.parts[0].parts for action in actions])
    return actions


@cache
def paths(text: str, names: Names) -> tuple[tuple[Any, ...], ...]:
    """The paths of a projection."""
    parser = _Parser(text, dict(names))
    found: tuple[Node, ...] = parser.whole(lambda: parser.listed(parser.path))
    _refuse_overlaps([one.parts for one in found])
    return tuple(one.parts for one in found)


def _refuse_overlaps(found: list[tuple[Any, ...]]) -> None:
    for place, one in enumerate(found):
        for other in found[:place]:
            shorter = min(len(one), len(other))
            if one[:shorter] == other[:shorter]:
                raise invalid(
                    "Invalid UpdateExpression: Two document paths overlap with each other; "
                    f"must remove or rewrite one of these paths; path one: {[*other]}, "
                    f"path two: {[*one]}"
                )


class _Parser:
    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self._text = text
        self._names = names
        self._tokens = _TOKEN.findall(text)
        self._place = 0
        if "".join(self._tokens) != re.sub(r"\s", "", text):
            raise self._wrong()

    def whole[T](self, read: Callable[[], T]) -> T:
        """What the text is, from its beginning to its end."""
        found = read()
        if self._place != len(self._tokens):
            raise self._wrong()
        return found

    def any_of(self) -> Node:
        parts = [self._all_of()]
        while self._skips("OR"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else Node("or", tuple(parts))

    def actions(self) -> tuple[Node, ...]:
        """The clauses of an update, each at most once."""
        found: list[Node] = []
        clauses: list[str] = []
        while self._place < len(self._tokens):
            clause = self._next().upper()
            if clause not in _CLAUSES or clause in clauses:
                raise self._wrong()
            clauses.append(clause)
            found += self.listed(lambda clause=clause: self._action(clause))  # type: ignore[misc]
        return tuple(found)

    def listed(self, read: Callable[[], Node]) -> tuple[Node, ...]:
        """Parts with commas between them."""
        found = [read()]
        while self._skips(","):
            found.append(read())
        return tuple(found)

    def path(self) -> Node:
        parts: list[str | int] = [self._name(self._next())]
        while True:
            if self._skips("."):
                parts.append(self._name(self._next()))
            elif self._skips("["):
                parts.append(int(self._next()))
                self._expect("]")
            else:
                return Node("path", tuple(parts))

    def _action(self, clause: str) -> Node:
        path = self.path()
        if clause == "REMOVE":
            return Node(clause, (path,))
        if clause == "SET":
            self._expect("=")
            left = self._operand()
            for sign in ("+", "-"):
                if self._skips(sign):
                    return Node(clause, (path, Node(sign, (left, self._operand()))))
            return Node(clause, (path, left))
        return Node(clause, (path, self._value(self._next())))

    def _all_of(self) -> Node:
        parts = [self._one()]
        while self._skips("AND"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Node("and", tuple(parts))

    def _one(self) -> Node:
        if self._skips("NOT"):
            return Node("not", (self._one(),))
        if self._skips("("):
            found = self.any_of()
            self._expect(")")
            return found
        if self._peek(1) == "(" and self._peek() in _FUNCTIONS:
            return self._call(_FUNCTIONS)
        return self._comparison(self._operand())

    def _comparison(self, left: Node) -> Node:
        sign = self._next()
        if sign.upper() == "BETWEEN":
            low = self._operand()
            self._expect("AND")
            return Node("between", (left, low, self._operand()))
        if sign.upper() == "IN":
            self._expect("(")
            choices = self.listed(self._operand)
            self._expect(")")
            return Node("in", (left, *choices))
        if sign not in _COMPARATORS:
            raise self._wrong()
        return Node(sign, (left, self._operand()))

    def _operand(self) -> Node:
        if self._peek(1) == "(":
            return self._call(_OPERANDS | {"size": 1})
        if self._peek().startswith(":"):
            return self._value(self._next())
        return self.path()

    def _call(self, known: Mapping[str, int]) -> Node:
        name = self._next()
        self._expect("(")
        parts = self.listed(self._operand)
        self._expect(")")
        if known.get(name) != len(parts):
            raise self._wrong()
        return Node(name, parts)

    def _value(self, token: str) -> Node:
        if not token.startswith(":"):
            raise self._wrong()
        return Node("value", (token,))

    def _name(self, token: str) -> str:
        if token.startswith("#"):
            if token not in self._names:
                raise invalid(
                    "An expression attribute name used in the document path is not defined; "
                    f"attribute name: {token}"
                )
            return self._names[token]
        if not (token[0].isalpha() or token[0] == "_"):
            raise self._wrong()
        if token.upper() in reserved_words():
            raise invalid(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return token

    def _peek(self, ahead: int = 0) -> str:
        place = self._place + ahead
        return self._tokens[place] if place < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise self._wrong()
        self._place += 1
        return token

    def _skips(self, word: str) -> bool:
        is_next = self._peek().upper() == word
        self._place += is_next
        return is_next

    def _expect(self, word: str) -> None:
        if not self._skips(word):
            raise self._wrong()

    def _wrong(self) -> Exception:
        near = self._peek() or "<EOF>"
        return invalid(f'Invalid expression: Syntax error; token: "{near}", in: "{self._text}"')
