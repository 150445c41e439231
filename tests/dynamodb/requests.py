"""What all requests have in common: placeholders, and no key twice."""

from collections.abc import Mapping, Sequence
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
    texts = [asked[name] for name in _EXPRESSIONS if name in asked]
    if not (texts or names or values):
        return (), {}
    used: set[str] = set().union(*map(placeholders, texts))
    for given, what, sign in ((names, "Names", "#"), (values, "Values", ":")):
        unused = given.keys() - used
        if unused:
            raise invalid(
                f"Value provided in ExpressionAttribute{what} unused in expressions: "
                f"keys: {{{', '.join(sorted(unused))}}}"
            )
        missing = sorted(one for one in used - given.keys() if one[0] == sign)
        if missing:
            raise invalid(
                f"An expression attribute {what.lower().removesuffix('s')} used in expression is "
                f"not defined; attribute {what.lower().removesuffix('s')}: {missing[0]}"
            )
    return tuple(names.items()), taken(values)


def refuse_repeated(keys: Sequence[Key]) -> None:
    if len(set(keys)) != len(keys):
        raise invalid("Provided list of item keys contains duplicates")
