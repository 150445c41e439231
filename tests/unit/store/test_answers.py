"""Our DynamoDB client reads answers in a way of its own, and finds in them what boto3 finds."""

import json
from base64 import b64encode
from binascii import crc32
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import Shape
from hypothesis import given, settings
from hypothesis import strategies as st

from meterline.store.base import answers, clients
from meterline.store.base.budgets import ATTEMPTS
from tests.attempts import Response, answering

type Outcome = tuple[str, Any, int]

_OPERATIONS = sorted(answers.OPERATIONS)
_ASKED: dict[str, dict[str, Any]] = {
    "BatchExecuteStatement": {"Statements": []},
    "BatchGetItem": {"RequestItems": {"t": {}}},
    "BatchWriteItem": {"RequestItems": {"t": []}},
    "TransactGetItems": {"TransactItems": []},
    "TransactWriteItems": {"TransactItems": [], "ClientRequestToken": "token"},
}
"""What a call must have to find its endpoint; others a table's name."""


class _Server:
    """Answers each attempt of a call with the next of some answers; the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Response] = []
        self.attempts = 0

    def send(self, _request: AWSPreparedRequest) -> Response:
        self.attempts += 1
        return self.answers[min(self.attempts, len(self.answers)) - 1]


@pytest.fixture(scope="module")
def both() -> Iterator[list[tuple[Any, _Server]]]:
    """Our client and boto3's, each with what answers it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        clients.reset_clients()
        retries: Any = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        config = Config(retries=retries, parameter_validation=False)
        made = [clients.dynamodb(), boto3.client("dynamodb", config=config)]
        servers = [_Server() for _ in made]
        yield list(zip(made, servers, strict=True))
        clients.reset_clients()


def _outcomes(both: list[tuple[Any, _Server]], operation: str, *given: Response) -> list[Outcome]:
    """What a call gives on each client: what is returned or raised, and after how many attempts."""
    found: list[Outcome] = []
    asked = _ASKED.get(operation, {"TableName": "t"})
    for client, server in both:
        server.answers, server.attempts = list(given), 0
        with patch("time.sleep"), answering(client, server.send):
            try:
                outcome: tuple[str, Any] = "returned", client._make_api_call(operation, asked)  # noqa: SLF001 - by name
            except ClientError as error:
                outcome = type(error).__name__, error.response
            except BotoCoreError as error:
                outcome = type(error).__name__, str(error)
        found.append((*outcome, server.attempts))
    return found


def _wire(answer: object) -> bytes:
    return json.dumps(answer, default=lambda data: b64encode(data).decode()).encode()


_texts = st.sampled_from(["B", "BS", "M", "L", "S", "pk"]) | st.text(max_size=6)
_numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_values = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, _texts),
        st.builds(lambda number: {"N": str(number)}, _numbers),
        st.builds(lambda data: {"B": data}, st.binary(max_size=9)),
        st.builds(lambda some: {"BS": some}, st.lists(st.binary(max_size=4), max_size=3)),
        st.builds(lambda some: {"SS": some}, st.lists(_texts, max_size=3)),
        st.builds(lambda truth: {"BOOL": truth}, st.booleans()),
        st.just({"NULL": True}),
    ),
    lambda inner: (
        st.builds(lambda some: {"L": some}, st.lists(inner, max_size=3))
        | st.builds(lambda some: {"M": some}, st.dictionaries(_texts, inner, max_size=3))
    ),
    max_leaves=6,
)


def _of_shape(shape: Shape) -> st.SearchStrategy[Any]:
    """Anything of a shape of the service's description."""
    described: Any = shape
    if shape.name == "AttributeValue":
        return _values
    if shape.type_name == "structure":
        members = {name: _of_shape(member) for name, member in described.members.items()}
        return st.fixed_dictionaries({}, optional=members)
    if shape.type_name == "map":
        return st.dictionaries(_texts, _of_shape(described.value), max_size=2)
    if shape.type_name == "list":
        return st.lists(_of_shape(described.member), max_size=3)
    return {"boolean": st.booleans(), "string": _texts}.get(shape.type_name, _numbers)


def _sent(operation: str, client: Any) -> st.SearchStrategy[dict[str, Any]]:
    model = client.meta.service_model.operation_model(operation)
    nothing_or_new = st.sampled_from(
        [{}, {"NewInTheService": {"S": "x"}}, {"ConsumedCapacity": None}]
    )
    return st.builds(lambda one, other: one | other, _of_shape(model.output_shape), nothing_or_new)


@pytest.mark.parametrize("operation", _OPERATIONS)
def test_an_answer_is_what_boto3_makes_of_it(
    both: list[tuple[Any, _Server]], operation: str
) -> None:
    @settings(max_examples=30, deadline=None)
    @given(answer=_sent(operation, both[1][0]))
    def holds(answer: dict[str, Any]) -> None:
        body = _wire(answer)
        headers = {"x-amzn-RequestId": "R", "x-amz-crc32": str(crc32(body))}
        ours, boto3s = _outcomes(both, operation, Response(body, 200, headers))
        assert ours == boto3s
        assert ours[0] == "returned"

    holds()


_GOOD = b'{"Item": {"pk": {"B": "AP8="}}}'
_REFUSED = _wire({"__type": "com.amazonaws#ConditionalCheckFailedException", "message": "no"})
_CANCELLED = _wire(
    {
        "__type": "com.amazonaws#TransactionCanceledException",
        "Message": "cancelled",
        "CancellationReasons": [{"Code": "None"}, {"Code": "X", "Item": {"pk": {"B": b"\x00"}}}],
    }
)
_THROTTLED = _wire({"__type": "com.amazonaws#ProvisionedThroughputExceededException"})
_CRC = {"x-amz-crc32": str(crc32(_GOOD))}
_WRONG_CRC = {"x-amz-crc32": "1"}
_ODD: dict[str, list[Response]] = {
    "a refusal": [Response(_REFUSED, 400)],
    "a refusal with reasons": [Response(_CANCELLED, 400)],
    "throttled, then answered": [Response(_THROTTLED, 400), Response(_GOOD, 200, _CRC)],
    "always throttled": [Response(_THROTTLED, 400)],
    "the service failed once": [Response(b"{}", 500), Response(_GOOD, 200)],
    "a page of a proxy": [Response(b"<html>busy</html>", 503)],
    "damaged on its way, then whole": [
        Response(_GOOD, 200, _WRONG_CRC),
        Response(_GOOD, 200, _CRC),
    ],
    "always damaged": [Response(_GOOD, 200, _WRONG_CRC)],
    "nothing": [Response(b"", 200)],
    "no JSON": [Response(b"oops", 200)],
    "an object cut off": [Response(b'{"Item": {', 200)],
    "a name spelled by escapes": [Response(b'{"Item": {"pk": {"\\u0042": "AP8="}}}', 200)],
}


@pytest.mark.parametrize("case", _ODD)
@pytest.mark.parametrize("operation", ["GetItem", "TransactWriteItems"])
def test_refusals_repetitions_and_damage_are_those_of_boto3(
    both: list[tuple[Any, _Server]], operation: str, case: str
) -> None:
    ours, boto3s = _outcomes(both, operation, *_ODD[case])
    assert ours == boto3s


def test_what_it_reads_holds_no_other_values_than_it_knows() -> None:
    kinds: set[str] = set()

    def look(shape: Any, within: tuple[str, ...] = ()) -> None:
        if shape.name in within:
            return
        below = (*within, shape.name)
        match shape.type_name:
            case "structure":
                assert not shape.is_tagged_union
                assert not any(member.serialization for member in shape.members.values())
                for name, member in shape.members.items():
                    if member.type_name == "blob":
                        assert (shape.name, name) == ("AttributeValue", "B")
                    look(member, below)
            case "list":
                look(shape.member, below)
            case "map":
                look(shape.value, below)
            case other:
                kinds.add(other)

    model = boto3.client("dynamodb", region_name="us-east-1").meta.service_model
    for operation in _OPERATIONS:
        look(model.operation_model(operation).output_shape)
    assert kinds <= {"string", "boolean", "double", "integer", "long", "blob"}
