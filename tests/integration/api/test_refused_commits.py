"""Whatever DynamoDB refuses a commit for is answered at once, and the key can be used again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.integration.api.conftest import Api, Reply

ONE_TRY = 1
SOME_TRIES = 5
"""Of a decision that lost a race: it is made again."""


def _refused(code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    if reasons:
        answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(answer, "TransactWriteItems")


def _cancelled(*reasons: str) -> ClientError:
    return _refused("TransactionCanceledException", reasons=reasons)


CASES: dict[str, tuple[Exception, int, int]] = {
    "an invalid item": (_cancelled("None", "ValidationError", "None"), 500, ONE_TRY),
    "a full collection": (_cancelled("ItemCollectionSizeLimitExceeded", "None"), 500, ONE_TRY),
    "a throttled item": (_cancelled("ThrottlingError", "None"), 429, ONE_TRY),
    "a throttled table": (_cancelled("ProvisionedThroughputExceeded", "None"), 429, ONE_TRY),
    "a throttled and an invalid item": (
        _cancelled("ThrottlingError", "ValidationError"),
        500,
        ONE_TRY,
    ),
    "a conflict and an invalid item": (
        _cancelled("TransactionConflict", "ValidationError"),
        500,
        ONE_TRY,
    ),
    "a conflict": (_cancelled("None", "TransactionConflict"), 409, SOME_TRIES),
    "a lost race and an invalid item": (
        _cancelled("ConditionalCheckFailed", "ValidationError"),
        409,
        SOME_TRIES,
    ),
    "a throttled call": (_refused("ThrottlingException"), 429, ONE_TRY),
    "the same transaction": (_refused("TransactionInProgressException"), 500, ONE_TRY),
    "a failure of AWS": (_refused("InternalServerError", 500), 500, ONE_TRY),
    "an invalid call": (_refused("ValidationException"), 500, ONE_TRY),
    "no table": (_refused("ResourceNotFoundException"), 500, ONE_TRY),
    "no permission": (_refused("AccessDeniedException"), 500, ONE_TRY),
    "a lost answer": (ReadTimeoutError(endpoint_url="dynamodb"), 500, ONE_TRY),
}


@contextmanager
def _refusing_commits(error: Exception, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """DynamoDB refuses every transaction, as botocore tells it; gives those that were tried."""
    send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door
    tried: list[str] = []

    def refuse(client: BaseClient, operation: str, arguments: dict[str, Any]) -> object:
        if operation != "TransactWriteItems":
            return send(client, operation, arguments)
        tried.append(operation)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", refuse)
        yield tried


def _create(api: Api) -> Reply:
    return api.ask("POST", "/v1/customers", {"name": "A"}, idempotency_key="once")


@pytest.mark.parametrize("case", CASES)
def test_a_refused_commit_is_answered_and_can_be_repeated_with_its_key(
    api: Api, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    error, expected, tries = CASES[case]
    with _refusing_commits(error, monkeypatch) as tried:
        status, headers, answer = _create(api)
    assert status == expected
    assert headers["stripe-should-retry"] == "true"
    assert answer["error"]["type"] == ("api_error" if expected == 500 else "invalid_request_error")
    assert len(tried) == tries
    assert _create(api)[0] == 200
    assert [customer.name for customer in api.client().v1.customers.list()] == ["A"]
