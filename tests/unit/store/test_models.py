"""PynamoDB speaks through the store's one client, and is heard in botocore's words."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.store.base import clients, models
from meterline.store.base.failures import is_throttled, passes
from meterline.store.base.models import ConditionFailed, Transaction, billing_item, is_new
from meterline.store.base.settings import settings
from tests.attempts import Response, answering

OK: tuple[int, Any] = (200, {})


@dataclass
class DynamoDB:
    """Gives one answer after the other, and keeps what was asked."""

    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)

    is_silent: bool = False

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        assert isinstance(request.body, bytes)
        self.asked.append(json.loads(request.body))
        if self.is_silent:
            raise ReadTimeoutError(endpoint_url="dynamodb")
        status, body = self.answers.pop(0) if self.answers else OK
        return Response(json.dumps(body).encode(), status)


@pytest.fixture
def dynamodb(monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDB]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("METERLINE_BILLING_TABLE", "METERLINE_ACCESS_TABLE"):
        monkeypatch.setenv(name, name.split("_")[1].lower())
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    settings.cache_clear()
    clients.reset_clients()
    engine = DynamoDB()
    with answering(clients.dynamodb(), engine.send):
        yield engine
    settings.cache_clear()
    clients.reset_clients()


def _refusal(code: str, **more: Any) -> tuple[int, Any]:
    return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **more}


def _commit() -> None:
    transaction = Transaction()
    transaction.put(billing_item()("t#cus_1", "#", body={"id": "cus_1"}), is_new())
    transaction.commit()


CALLS: dict[str, Callable[[], Any]] = {
    "a read": lambda: models.read("t#cus_1"),
    "reads": lambda: list(models.read_many([("t#cus_1", "#")])),
    "a write": lambda: models.save(billing_item()("t#cus_1", "#"), is_new()),
    "writes": lambda: models.save_many([billing_item()("t#cus_1", "#")]),
    "a deletion": lambda: models.delete(billing_item()("t#cus_1", "#"), is_new()),
    "deletions": lambda: models.delete_many([billing_item()("t#cus_1", "#")]),
    "a partition": lambda: list(models.sort_keys("t#cus_1")),
    "a list": lambda: list(models.listed("t#customer", models.KeyRange("a", "b"))),
    "what is due": lambda: models.due("t#live#0", 0, 1, limit=1),
    "a commit": _commit,
}


@pytest.mark.parametrize("call", CALLS)
def test_every_call_is_refused_in_botocores_words(dynamodb: DynamoDB, call: str) -> None:
    dynamodb.answers = [_refusal("AccessDeniedException")]
    with pytest.raises(ClientError) as refused:
        CALLS[call]()
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert not passes(refused.value)
    assert len(dynamodb.asked) == 1


@pytest.mark.parametrize("call", CALLS)
def test_every_call_that_is_throttled_to_the_end_says_so(dynamodb: DynamoDB, call: str) -> None:
    dynamodb.answers = [_refusal("ThrottlingException")] * 9
    with pytest.raises(ClientError) as refused:
        CALLS[call]()
    assert is_throttled(refused.value)
    assert len(dynamodb.asked) == 3


@pytest.mark.parametrize("call", ["a write", "a deletion"])
def test_a_condition_that_is_not_met_is_an_outcome(dynamodb: DynamoDB, call: str) -> None:
    dynamodb.answers = [_refusal("ConditionalCheckFailedException")]
    with pytest.raises(ConditionFailed):
        CALLS[call]()


def test_a_cancelled_commit_says_what_for(dynamodb: DynamoDB) -> None:
    reasons = [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "ongoing"}]
    dynamodb.answers = [_refusal("TransactionCanceledException", CancellationReasons=reasons)]
    with pytest.raises(ClientError) as refused:
        _commit()
    answer: Any = refused.value.response
    assert [reason["Code"] for reason in answer["CancellationReasons"]] == [
        "None",
        "TransactionConflict",
    ]


def test_a_call_without_an_answer_is_heard_of_as_such(dynamodb: DynamoDB) -> None:
    dynamodb.is_silent = True
    with pytest.raises(ReadTimeoutError):
        models.read("t#cus_1")
    assert len(dynamodb.asked) == 3


def test_a_repeated_commit_is_one_and_another_commit_another(dynamodb: DynamoDB) -> None:
    dynamodb.answers = [(500, {"__type": "InternalServerError"}), OK, OK]
    _commit()
    _commit()
    first, again, other = (asked["ClientRequestToken"] for asked in dynamodb.asked)
    assert first == again
    assert len(first) == 32
    assert other != first


def test_the_items_of_a_commit_are_what_it_sends(dynamodb: DynamoDB) -> None:
    transaction = Transaction()
    transaction.put(billing_item()("t#cus_1", "#", version=1, terms={"a"}), is_new())
    transaction.answer("idem#1", "lease", "committed", "cus_1")
    transaction.commit()
    put, update = dynamodb.asked[0]["TransactItems"]
    assert [put["Put"]["Item"]] == transaction.items
    assert put["Put"]["TableName"] == "billing"
    assert update["Update"]["TableName"] == "access"
    assert update["Update"]["Key"] == {"pk": {"S": "idem#1"}}
