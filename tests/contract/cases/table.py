"""How an operation is tried: what it does, and how it refuses its most typical mistake."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import stripe

from tests.contract.world import World

type Call = Callable[[World], Any]
type Expected = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A mistaken call, and the exception that a user of the SDK meets."""

    call: Call
    status: int = 400
    code: str | None = None
    param: str | None = None
    error: type[stripe.StripeError] = stripe.InvalidRequestError
    says: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """``does`` is the happy path; ``shows`` what its answer holds, by dotted path.

    In a path a number is a place in a list. An expectation that can be called judges the value.
    """

    does: Call
    shows: Callable[[World], Expected]
    refused: Refused


def missing(call: Call, thing: str, param: str = "id") -> Refused:
    """The refusal of an id in the path that does not exist."""
    return Refused(call, 404, "resource_missing", param, says=f"No such {thing}")


def holds(wanted: object) -> Callable[[Any], bool]:
    """Judges a list of objects: one of them has the id."""
    return lambda listed: any(one["id"] == wanted for one in listed)


def value_at(answer: Any, path: str) -> Any:
    """What stands in an answer at a dotted path."""
    for word in path.split("."):
        answer = answer[int(word)] if word.isdigit() else answer[word]
    return answer


def assert_shows(answer: Any, expected: Expected) -> None:
    """AssertionError unless everything expected stands in the answer."""
    for path, wanted in expected.items():
        found = value_at(answer, path)
        if callable(wanted):
            assert wanted(found), f"{path} is {found!r}"
        else:
            assert found == wanted, f"{path} is {found!r}, not {wanted!r}"
