"""Rows of ended search terms are deleted side by side, each only if no later version has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.store.base.models import (
    billing_item,
    delete_each,
    has_version_up_to,
    read,
    save_many,
)
from tests.engines import Engine

VERSIONS = {"a": 1, "b": 3, "c": 2}
"""Of the rows that are there; a version up to 2 is deleted."""


@pytest.fixture(autouse=True)
def _rows(dynamodb: Engine) -> None:  # noqa: ARG001 - its tables
    row = billing_item()
    save_many(row(f"term#{name}", "#", version=version) for name, version in VERSIONS.items())


def _delete(names: str) -> None:
    row = billing_item()
    delete_each((row(f"term#{name}", "#"), has_version_up_to(2)) for name in names)


def _left() -> str:
    return "".join(name for name in VERSIONS if read(f"term#{name}", "#") is not None)


@contextmanager
def _failing(name: str, error: Exception) -> Iterator[None]:
    send = vars(BaseClient)["_make_api_call"]

    def failing(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "DeleteItem" and parameters["Key"]["pk"]["S"] == f"term#{name}":
            raise error
        return send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", failing):
        yield


@pytest.mark.parametrize(
    ("names", "left"), [("", "abc"), ("a", "bc"), ("abc", "b"), ("abcx", "b"), ("b", "abc")]
)
def test_a_row_of_a_later_version_stays(names: str, left: str) -> None:
    _delete(names)
    assert _left() == left


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://dynamodb.example"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "DeleteItem"),
    ],
)
def test_one_that_is_not_answered_raises_when_all_were_tried(error: Exception) -> None:
    with _failing("a", error), pytest.raises(type(error)):
        _delete("abc")
    assert _left() == "ab"
