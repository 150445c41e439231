"""Our DynamoDB client writes its requests in a way of its own, and they are those of boto3."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from meterline.store import clients

ITEM = {
    "pk": {"S": "t#café\u2028"},
    "amount": {"N": "-12.5"},
    "rows": {"B": b"\x00\xff"},
    "both": {"M": {"list": {"L": [{"BOOL": True}, {"NULL": True}, {"B": b"\x01"}]}}},
    "set": {"BS": [b"a", b"b"]},
}
CALLS: dict[str, dict[str, Any]] = {
    "put_item": {"TableName": "t", "Item": ITEM, "ConditionExpression": "attribute_not_exists(pk)"},
    "get_item": {"TableName": "t", "Key": {"pk": {"S": "1"}}, "ConsistentRead": True},
    "query": {
        "TableName": "t",
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "1"}},
        "Limit": 5,
    },
    "batch_get_item": {"RequestItems": {"t": {"Keys": [{"pk": {"S": "1"}}]}}},
    "batch_execute_statement": {
        "Statements": [{"Statement": "INSERT", "Parameters": list(ITEM.values())}]
    },
    "transact_write_items": {
        "TransactItems": [{"Put": {"TableName": "t", "Item": ITEM}}],
        "ClientRequestToken": "token",
    },
}


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    clients.reset_clients()
    yield clients.dynamodb()
    clients.reset_clients()


@pytest.mark.parametrize("operation", CALLS)
def test_a_request_says_what_boto3_would_say(ours: Any, operation: str) -> None:
    sent = [_sent(client, operation) for client in (ours, boto3.client("dynamodb"))]
    bodies = [json.loads(_body(request)) for request in sent]
    targets = [request.headers["X-Amz-Target"] for request in sent]
    assert bodies[0] == bodies[1]
    assert targets[0] == targets[1]
    assert sent[0].url == sent[1].url


def test_a_request_is_signed_as_it_is_sent(ours: Any) -> None:
    request = _sent(ours, "put_item")
    assert int(request.headers["Content-Length"]) == len(_body(request))
    assert b"Signature=" in request.headers["Authorization"]


def _sent(client: Any, operation: str) -> AWSPreparedRequest:
    """The request that a call sends."""
    sent: list[AWSPreparedRequest] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append(request)
        return _Empty("https://localhost", 200, HTTPHeaders(), None)

    client.meta.events.register("before-send.dynamodb", answer)
    getattr(client, operation)(**CALLS[operation])
    return sent[0]


def _body(request: AWSPreparedRequest) -> bytes:
    assert isinstance(request.body, bytes)
    return request.body


class _Empty(AWSResponse):
    """An answer with nothing in it."""

    @property
    def content(self) -> bytes:
        return b"{}"
