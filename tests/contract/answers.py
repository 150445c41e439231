"""What an answer must be: of the operation that was asked, on the schema, with Stripe's headers."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.operations import Operation, operation_of
from tests.contract.schema import OffSchemaError, assert_error, assert_list, assert_one_of

_V2 = "/v2/"
_HEADERS = ("request-id", "stripe-version")
_SUCCESS = 200
_FIRST_ERROR, _LAST_ERROR = 400, 599


@dataclass(frozen=True, slots=True)
class Answer:
    """One response of the API. Header names are lower-case; ``path`` has no query."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    content: str


def assert_proper(answer: Answer) -> Operation | None:
    """The operation that an answer belongs to; OffSchemaError if it is not what the schema says."""
    missing = [name for name in _HEADERS if not answer.headers.get(name)]
    if missing or answer.headers.get("content-type") != "application/json":
        raise OffSchemaError(f"an answer is JSON with {_HEADERS}; here {dict(answer.headers)}")
    body = json.loads(answer.content)
    operation = operation_of(answer.method, answer.path)
    if answer.status == _SUCCESS:
        if operation is None:
            _assert_empty_list(answer, body)
        else:
            _assert_success(operation.answer, body)
    elif _FIRST_ERROR <= answer.status <= _LAST_ERROR:
        assert_error(body, is_v2=answer.path.startswith(_V2))
    else:
        raise OffSchemaError(f"the status {answer.status} is none of Stripe's")
    return operation


def _assert_empty_list(answer: Answer, body: Any) -> None:
    """What Stripe has and we have not is listed, and there is none of it."""
    if answer.method != "GET" or body.get("data") != []:
        raise OffSchemaError("an operation that nobody knows succeeded")
    assert_list(body, body["object"], "")


def _assert_success(shape: str, body: Any) -> None:
    if shape == "openapi":
        assert body["openapi"].startswith("3.")
    elif shape == "introduction":
        assert body["openapi"] == "/openapi.json"
    elif shape == "V2.DeletedObject":
        assert body.keys() == {"id", "object"}
    elif shape == "nothing":
        if body.keys() - {"results"}:
            raise OffSchemaError(f"it should say nothing, or each event's result: {body}")
    elif " of " in shape:
        envelope, _, name = shape.partition(" of ")
        assert_list(body, envelope, name)
    else:
        assert_one_of(body, shape.split("|"))


@dataclass(slots=True)
class Watch:
    """Judges every answer that it is shown, and counts them by operation and status."""

    heard: Counter[tuple[str, int]] = field(default_factory=Counter)
    improper: list[str] = field(default_factory=list)

    def hear(self, answer: Answer) -> None:
        """Judge an answer; what is wrong with it is kept for ``settle``."""
        operation = operation_of(answer.method, answer.path)
        self.heard[operation.name if operation else "", answer.status] += 1
        try:
            assert_proper(answer)
        except (AssertionError, ValueError, KeyError, TypeError) as wrong:
            asked = f"{answer.method} {answer.path} answered {answer.status}"
            self.improper.append(f"{asked}: {type(wrong).__name__}: {wrong}")

    def settle(self) -> None:
        """AssertionError with everything improper that was heard since the last time."""
        improper, self.improper = self.improper, []
        assert not improper, "\n".join(["Answers off the schema:", *improper[:20]])


WATCH = Watch()
"""What this test run hears: in process from the handlers, end to end from the tap."""
