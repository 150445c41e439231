"""What all requests have in common: placeholders, and no key twice."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tests.dynamodb.grammar import Names, placeholders
from tests.dynamodb.refusals import invalid
from tests.dynamodb.tables import Key
from tests.dynamodb.values import taken

type Request = Mapping[str, Any]
type Answer = dict[str, Any]

_EXPRESSIONS = (
    "ConditionExpression",
    "UpdateExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
)


def placeholders_of(asked: Request) -> tuple[Names, Mapping[str, Any]]:
    """The names and values of a request; refuses those that it uses without saying what they are,
    and those that it does not use.
    """
    names = asked.get("ExpressionAttributeNames") or {}
    values = asked.get("ExpressionAttributeValues") or {}
    texts = tuple(asked[name] for name in _EXPRESSIONS if name in asked)
    if not (texts or names or values):
        return (), {}
    _check_placeholders(texts, tuple(names), tuple(values))
    return tuple(names.items()), taken(values)


@cache
def _check_placeholders(
    texts: tuple[str, ...], names: tuple[str, ...], values: tuple[str, ...]
) -> None:
    used: set[str] = set().union(*map(placeholders, texts))
    for defined, what, sign in ((set(names), "Names", "#"), (set(values), "Values", ":")):
        unused = defined - used
        if unused:
            raise invalid(
                f"Value provided in ExpressionAttribute{what} unused in expressions: "
                f"keys: {{{', '.join(sorted(unused))}}}"
            )
        missing = sorted(name for name in used - defined if name[0] == sign)
        if missing:
            raise invalid(
                f"An expression attribute {what.lower().removesuffix('s')} used in expression is "
                f"not defined; attribute {what.lower().removesuffix('s')}: {missing[0]}"
            )


def refuse_repeated(keys: Sequence[Key]) -> None:
    if len(set(keys)) != len(keys):
        raise invalid("Provided list of item keys contains duplicates")
