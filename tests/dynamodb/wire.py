"""botocore's way to DynamoDB, leading into this process.

A request is taken where it would be signed and sent: all that clients do before, they do, and
values are those that stand in the request's JSON. Other services are reached as before.
"""

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.client import BaseClient

from tests.dynamodb.engine import DynamoDB
from tests.dynamodb.refusals import Refused

_BAD_REQUEST = 400


@contextmanager
def answered_by(database: DynamoDB) -> Iterator[None]:
    """Within it, every DynamoDB client of this process is answered by ``database``."""
    send = BaseClient._make_request  # type: ignore[attr-defined] # noqa: SLF001 - all requests pass

    def answer(client: BaseClient, operation: Any, request: Any, context: Any) -> Any:
        if client.meta.service_model.service_name != "dynamodb":
            return send(client, operation, request, context)
        return _answer(database, operation.name, request["body"])

    with mock.patch.object(BaseClient, "_make_request", answer):
        yield


def _answer(database: DynamoDB, operation: str, body: str | bytes) -> tuple[Any, dict[str, Any]]:
    """The HTTP answer, as far as anybody looks at it, and what botocore would parse of it."""
    try:
        answer = database.call(operation, json.loads(body, object_hook=_with_bytes))
        status = 200
    except Refused as refusal:
        answer, status = refusal.response, _BAD_REQUEST
    answer["ResponseMetadata"] = {
        "HTTPStatusCode": status,
        "HTTPHeaders": {},
        "RequestId": "",
        "RetryAttempts": 0,
    }
    return SimpleNamespace(status_code=status, headers={}), answer


def _with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    """Binary values stand in JSON as text."""
    if len(found) == 1:
        if isinstance(text := found.get("B"), str):
            return {"B": b64decode(text)}
        if isinstance(texts := found.get("BS"), list):
            return {"BS": [b64decode(one) for one in texts]}
    return found
