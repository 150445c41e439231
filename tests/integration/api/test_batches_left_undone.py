"""DynamoDB leaves parts of batches undone: they are done later, or the request is refused whole."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from meterline.store.base import batches
from meterline.store.base.budgets import BATCH_ATTEMPTS
from tests.integration.api.conftest import Api, Reply
from tests.left_undone import BATCHES, Call, answer_in_part

SEND = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door
METADATA = "&".join(f"metadata[key{n}]=value{n}" for n in range(40))
"""So many pairs are found by as many rows: more than a batch takes."""


@contextmanager
def _batches_do(
    monkeypatch: pytest.MonkeyPatch, share: Callable[[int], int]
) -> Iterator[list[str]]:
    """Of each batch so many parts are done as ``share`` says; gives the batches that were sent."""
    sent: list[str] = []

    def partly(client: BaseClient, operation: str, arguments: Call) -> Any:
        if operation not in BATCHES:
            return SEND(client, operation, arguments)
        sent.append(operation)
        return answer_in_part(SEND, client, operation, arguments, share)

    with monkeypatch.context() as patch:
        patch.setattr(batches, "sleep", lambda _: None)
        patch.setattr(BaseClient, "_make_api_call", partly)
        yield sent


def _post(api: Api, path: str, body: str, key: str) -> Reply:
    return api.ask("POST", path, body, idempotency_key=key)


def _found(api: Api, pair: str) -> list[str]:
    name, value = pair.split("=")
    query = {"query": f"metadata['{name}']:'{value}'"}
    return sorted(str(one.name) for one in api.client().v1.customers.search(query))


def test_a_batch_that_stays_undone_is_refused_as_too_much_and_can_be_repeated(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"name=A&{METADATA}"
    with _batches_do(monkeypatch, lambda _: 0) as sent:
        status, headers, answer = _post(api, "/v1/customers", body, "once")
    assert status == 429
    assert answer["error"]["code"] == "rate_limit"
    assert headers["stripe-should-retry"] == "true"
    assert len(sent) == BATCH_ATTEMPTS
    assert list(api.client().v1.customers.list()) == []
    assert _post(api, "/v1/customers", body, "once")[0] == 200
    assert _found(api, "key39=value39") == ["A"]


def test_batches_that_are_done_in_parts_leave_nothing_out(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(14)
    with _batches_do(monkeypatch, lambda parts: chance.randint(parts // 2, parts)) as sent:
        for name in "ABC":
            assert _post(api, "/v1/customers", f"name={name}&{METADATA}", name)[0] == 200
        assert [customer.name for customer in api.client().v1.customers.list()] == ["C", "B", "A"]
    assert len(sent) > 7
    assert all(_found(api, f"key{n}=value{n}") == ["A", "B", "C"] for n in (0, 24, 39))


def test_tidying_up_that_is_throttled_does_not_refuse_what_was_committed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer = _post(api, "/v1/customers", "name=A&metadata[plan]=gold", "create")[2]["id"]
    throttled: Any = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}
    refused: list[str] = []

    def no_deletes(client: BaseClient, operation: str, arguments: Call) -> Any:
        if operation == "DeleteItem":
            refused.append(operation)
            raise ClientError(throttled, operation)
        return SEND(client, operation, arguments)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", no_deletes)
        status, _, answer = _post(api, f"/v1/customers/{customer}", "metadata[plan]=", "update")
    assert (status, refused) == (200, ["DeleteItem"])
    assert answer["metadata"] == {}
    assert _found(api, "plan=gold") == []
