"""botocore's way to DynamoDB, leading into this process.

A request is taken where it would be signed and sent: all that clients do before, they do, and
values are those that stand in the request's JSON. Other services are reached as before.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from types import SimpleNamespace
from typing import Any
from unittest import mock

from botocore.client import BaseClient

from tests.dynamodb.engine import DynamoDB
from tests.dynamodb.refusals import Refused

_BAD_REQUEST = 400
_PREPARING = RLock()


@contextmanager
def answered_by(database: DynamoDB, prepare_others: Callable[[], object]) -> Iterator[None]:
    """Within it, every DynamoDB client of this process is answered by ``database``.

    ``prepare_others`` is called before the first request to another service is sent.
    """
    send = BaseClient._make_request  # type: ignore[attr-defined] # noqa: SLF001 - all requests pass
    unprepared = [prepare_others]

    def answer(client: BaseClient, operation: Any, request: Any, context: Any) -> Any:
        if client.meta.service_model.service_name != "dynamodb":
            with _PREPARING:
                if unprepared:
                    unprepared.pop()()
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
