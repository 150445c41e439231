"""botocore's way to DynamoDB, leading into this process.

A request is taken where it would be signed and sent: all that clients do before, they do, and
values are those that stand in the request's JSON. The product's own clients are answered earlier,
where they are called: they write the parameters of a call as they stand, which the tests of clients
show, and DynamoDB Local gets what they write. Other services are reached as before.
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

from meterline.store.base import clients
from tests.dynamodb.engine import DynamoDB
from tests.dynamodb.refusals import Refused
from tests.dynamodb.requests import Answer, Request

_DONE, _BAD_REQUEST = 200, 400
_PREPARING = RLock()


@contextmanager
def answered_by(database: DynamoDB, prepare_others: Callable[[], object]) -> Iterator[None]:
    """Within it, every DynamoDB client of this process is answered by ``database``.

    ``prepare_others`` is called before the first request to another service is sent.
    """
    call = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - all calls pass
    send = BaseClient._make_request  # type: ignore[attr-defined] # noqa: SLF001 - all requests pass
    unprepared = [prepare_others]

    def answer_call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if client is not clients.dynamodb():
            return call(client, operation, parameters)
        status, answer = _answer(database, operation, parameters)
        if status == _DONE:
            return answer
        error: Any = client.exceptions.from_code(answer["Error"]["Code"])
        raise error(answer, operation)

    def answer_request(client: BaseClient, operation: Any, request: Any, context: Any) -> Any:
        if client.meta.service_model.service_name != "dynamodb":
            with _PREPARING:
                if unprepared:
                    unprepared.pop()()
            return send(client, operation, request, context)
        asked = json.loads(request["body"], object_hook=_with_bytes)
        status, answer = _answer(database, operation.name, asked)
        return SimpleNamespace(status_code=status, headers={}), answer

    with (
        mock.patch.object(BaseClient, "_make_api_call", answer_call),
        mock.patch.object(BaseClient, "_make_request", answer_request),
    ):
        yield
        left = vars(BaseClient)["_make_api_call"]
        assert left is answer_call, "what watches calls goes before the engine that it watches"


def _answer(database: DynamoDB, operation: str, asked: Request) -> tuple[int, Answer]:
    """The status of the HTTP answer, and what botocore would parse of it."""
    try:
        status, answer = _DONE, database.call(operation, asked)
    except Refused as refusal:
        status, answer = _BAD_REQUEST, refusal.response
    answer["ResponseMetadata"] = {
        "HTTPStatusCode": status,
        "HTTPHeaders": {},
        "RequestId": "",
        "RetryAttempts": 0,
    }
    return status, answer


def _with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    """Binary values stand in JSON as text."""
    if len(found) == 1:
        if isinstance(text := found.get("B"), str):
            return {"B": b64decode(text)}
        if isinstance(texts := found.get("BS"), list):
            return {"BS": [b64decode(one) for one in texts]}
    return found
