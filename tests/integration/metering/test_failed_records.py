"""A record that fails takes nothing else with it, and comes back by command when it is mended."""

import io
import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.services.base.patience import Patience
from meterline.services.metering import count
from meterline.store.base.batches import Throttled
from meterline.store.metering import usage_commits
from meterline.store.metering.meter_events import attribute_names
from meterline.store.work import failed_batches
from meterline_cli import redrive as command
from tests.engines import FAILED_BATCHES, Engine
from tests.handlers import load_handler
from tests.integration.metering.worlds import NOW, event, send, stored_records, used
from tests.lambda_context import LambdaContext

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:count"


class Now:
    """A clock that is set by hand."""

    at = 0

    def seconds(self) -> int:
        return self.at


def wire(record: dict[str, Any]) -> dict[str, Any]:
    """A record as Lambda delivers it: only what counting reads, without bytes."""
    taken = attribute_names("meter", "measure", "customer", "value", "timestamp", "accepted_at")
    stored = record["dynamodb"]["NewImage"]
    image = {name: stored[name] for name in ("identifier", *taken) if name in stored}
    return {"eventName": record["eventName"], "dynamodb": record["dynamodb"] | {"NewImage": image}}


def records(engine: Engine, *spoiled: int) -> list[dict[str, Any]]:
    """Everything stored, as records; ``spoiled`` ones have no value that is a number."""
    found = [wire(record) for record in stored_records(engine)]
    for place in spoiled:
        found[place]["dynamodb"]["NewImage"]["v"] = {"S": "spoiled"}
    return found


def invoke(function: str, sent: Mapping[str, Any]) -> Any:
    """The deployed function, in this process."""
    assert function == FUNCTION
    return load_handler("count_usage")(json.loads(json.dumps(sent)), LambdaContext(FUNCTION))


def stored_batches() -> list[failed_batches.FailedBatch]:
    return list(failed_batches.failed_batches())


def as_lambda_stores_it(
    batch: list[dict[str, Any]],
    key: str = "aws/lambda/uuid/shardId-1/2026/11/21/2026-11-21T10.00.00-uuid",
    *,
    function: str = FUNCTION,
) -> None:
    """A batch that failed too often, in the bucket as Lambda's failure destination leaves it."""
    body = {
        "requestContext": {"functionArn": function, "condition": "RetryAttemptsExhausted"},
        "version": "1.0",
        "payload": json.dumps({"Records": batch}),
    }
    boto3.client("s3").put_object(
        Bucket=FAILED_BATCHES,
        Key=key,
        Body=json.dumps(body).encode(),
    )


def test_an_unreadable_record_is_set_aside_whole_and_the_others_count(dynamodb: Engine) -> None:
    send(*(event(f"e{n}") for n in range(10)))
    batch = records(dynamodb, 3, 7)
    assert invoke(FUNCTION, {"Records": batch}) == {"batchItemFailures": []}
    assert used() == 8
    [kept] = stored_batches()
    assert kept.records == [batch[3], batch[7]]
    invoke(FUNCTION, {"Records": batch})
    assert len(stored_batches()) == 1


def test_without_a_function_an_unreadable_record_comes_again(dynamodb: Engine) -> None:
    send(*(event(f"e{n}") for n in range(3)))
    batch = records(dynamodb, 1)
    assert count.count_records(batch) == [batch[1]["dynamodb"]["SequenceNumber"]]
    assert used() == 2


def test_a_bucket_that_fails_for_long_makes_way_for_others(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(event("a", customer="cus_b"))
    count.count_records(stored_records(dynamodb))
    spoil_counter(dynamodb, "cus_b")
    send(event("b", 10, customer="cus_b"), event("c"))
    batch = [wire(record) for record in stored_records(dynamodb)]
    of_b = [one for one in batch if one["dynamodb"]["NewImage"]["c"] == {"S": "cus_b"}]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in of_b]
    monkeypatch.setattr(count, "PATIENCE", Patience(clock=(now := Now()).seconds))

    def failures(seconds: int) -> list[str]:
        now.at = seconds
        answer = invoke(FUNCTION, {"Records": batch})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    assert (failures(0), failures(59), stored_batches()) == (numbers, numbers, [])
    assert (failures(60), [one.records for one in stored_batches()]) == ([], [of_b])


def test_a_record_that_is_throttled_stays_with_its_stream_however_old_it_is(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(event("a"))
    batch = records(dynamodb)
    batch[0]["dynamodb"]["ApproximateCreationDateTime"] = NOW - 40_000
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchGetItem")

    def refuse(*_: Any, **__: Any) -> Any:
        raise throttled

    with monkeypatch.context() as patched:
        patched.setattr("meterline.services.metering.count.usage.read_buckets", refuse)
        patched.setattr(count, "PATIENCE", Patience(clock=(now := Now()).seconds))
        for now.at in (0, 7_200, 40_000):
            answer = invoke(FUNCTION, {"Records": batch})
            assert len(answer["batchItemFailures"]) == 1
    assert stored_batches() == []
    assert invoke(FUNCTION, {"Records": batch}) == {"batchItemFailures": []}
    assert used() == 1


def test_a_bucket_that_loses_every_race_and_gets_no_parcel_stays_with_its_stream(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(event("a"))
    batch = records(dynamodb)
    batch[0]["dynamodb"]["ApproximateCreationDateTime"] = NOW - 40_000
    monkeypatch.setattr(count, "back_off", lambda *_, **__: None)
    monkeypatch.setattr(
        "meterline.services.metering.count.usage_commits.commit_many",
        lambda changes: usage_commits.Committed(refused=list(changes), spilled=[]),
    )

    def throttled(*_: object, **__: object) -> None:
        raise Throttled("1 items could not be written")

    monkeypatch.setattr("meterline.services.metering.contention.put_parcel", throttled)
    assert len(invoke(FUNCTION, {"Records": batch})["batchItemFailures"]) == 1
    assert stored_batches() == []


def spoil_counter(dynamodb: Engine, customer: str) -> None:
    """A counter that nobody can read."""
    [counter] = [item for item in dynamodb.scan("usage") if item["pk"]["S"].endswith(customer)]
    spoiled = counter | {"sums": {"S": "spoiled"}}
    dynamodb.client.put_item(TableName=dynamodb.tables["usage"], Item=spoiled)


def test_a_bucket_that_fails_does_not_keep_others_from_counting(dynamodb: Engine) -> None:
    send(event("a"), event("b", customer="cus_b"), event("c", at=NOW - 3_600))
    count.count_records(stored_records(dynamodb))
    spoil_counter(dynamodb, "cus_b")
    send(event("d", 10), event("e", 10, customer="cus_b"))
    batch = stored_records(dynamodb)
    of_b = [record for record in batch if record["dynamodb"]["NewImage"]["c"] == {"S": "cus_b"}]
    expected = {record["dynamodb"]["SequenceNumber"] for record in of_b}
    assert set(count.count_records(batch)) == expected
    assert used() == 12


def test_the_command_counts_what_was_given_up_once_it_can_be_read(
    dynamodb: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    send(*(event(f"e{n}") for n in range(10)))
    as_lambda_stores_it(records(dynamodb))
    assert command.run(["records"], invoke) == 0
    assert "records: 10 processed, 0 failed again" in capsys.readouterr().out
    assert used() == 10
    assert stored_batches() == []
    assert command.run(["records"], invoke) == 0


def test_what_fails_again_is_kept(dynamodb: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    send(*(event(f"e{n}") for n in range(4)))
    batch = records(dynamodb, 2)
    invoke(FUNCTION, {"Records": batch})
    for _ in range(2):
        assert command.run(["records"], invoke) == 1
        assert "records: 0 processed, 1 failed again" in capsys.readouterr().out
        [kept] = stored_batches()
        assert kept.records == [batch[2]]
    assert used() == 3


FAILURES = [
    (RuntimeError("count failed: no rights"), "no rights"),
    (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Invoke"), "NotFound"),
    (ClientError({"Error": {"Code": "RequestEntityTooLargeException"}}, "Invoke"), "TooLarge"),
    (ReadTimeoutError(endpoint_url="lambda"), "Read timeout"),
]


@pytest.mark.parametrize(("failure", "reason"), FAILURES)
@pytest.mark.parametrize("failing", ["a", "b"])
def test_a_function_that_fails_as_a_whole_leaves_its_batch_and_keeps_no_other_from_it(
    dynamodb: Engine,
    capsys: pytest.CaptureFixture[str],
    failure: Exception,
    reason: str,
    failing: str,
) -> None:
    send(event("e"))
    batch = records(dynamodb)
    for name in ("a", "b"):
        as_lambda_stores_it(batch, name, function=FUNCTION if name != failing else "gone")

    def partly(function: str, sent: Mapping[str, Any]) -> Any:
        if function == "gone":
            raise failure
        return invoke(function, sent)

    assert command.run(["records"], partly) == 1
    out = capsys.readouterr().out
    assert f"{failing}: " in out
    assert reason in out
    assert "records: 1 processed, 1 failed again\nWhat failed is kept" in out
    assert [one.key for one in stored_batches()] == [failing]
    assert used() == 1


def test_a_batch_is_sent_no_longer_than_lambda_sent_it(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(event("e"))
    batch = [record | {"note": "é"} for record in records(dynamodb)]
    as_lambda_stores_it(batch)
    sent = []

    class Client:
        def invoke(self, *, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803 - boto3's names
            sent.append(Payload)
            answer = invoke(FunctionName.removesuffix(":live"), json.loads(Payload))
            return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Client())
    assert command.run(["records"]) == 0
    compact = json.dumps(batch, separators=(",", ":"), ensure_ascii=False)
    assert sent == [f'{{"Records":{compact},"redriven":true}}'.encode()]
