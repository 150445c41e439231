"""Records that were given up are counted by command, long after their stream has forgotten them."""

import json
import os
import secrets
import subprocess
import sys
import time
from typing import Any

from local.aws import STACK_NAME, Stack
from meterline.store.metering.meter_events import identity_of, key_of
from tests.e2e.conftest import Client, eventually
from tests.factories.params import meter_params

HOUR = 3_600


def function_arn(stack: Stack, logical_id: str) -> str:
    """The deployed function of a logical id."""
    found = stack.client("cloudformation").describe_stack_resource(
        StackName=STACK_NAME, LogicalResourceId=logical_id
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    arn: str = stack.client("lambda").get_function(FunctionName=name)["Configuration"][
        "FunctionArn"
    ]
    return arn


def record(meter: str, customer: str, number: int, now: int) -> dict[str, Any]:
    """The stream record of an event of one token."""
    identity = identity_of(f"{meter}-{number}")
    image = {
        "identifier": {"S": key_of(livemode=False, identity=identity)},
        "meter": {"S": meter},
        "customer": {"S": customer},
        "measure": {"S": "sum"},
        "value": {"S": "1"},
        "timestamp": {"N": str(now)},
        "accepted_at": {"N": str(now * 1_000_000 + number)},
    }
    change = {"Keys": {}, "NewImage": image, "SequenceNumber": str(number)}
    return {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}


def test_a_batch_that_was_given_up_is_counted_by_command(client: Client, stack: Stack) -> None:
    now = int(time.time())
    meter = client.v1.billing.meters.create(meter_params(f"given_up_{secrets.token_hex(4)}")).id
    customer = client.v1.customers.create({"name": "Ada"}).id
    batch = [record(meter, customer, number, now) for number in range(20)]
    body = {
        "requestContext": {"functionArn": function_arn(stack, "CountUsageFunction")},
        "payload": json.dumps({"Records": batch}),
    }
    stack.client("s3").put_object(
        Bucket=stack.outputs()["FailedBatchesBucket"],
        Key=f"aws/lambda/{secrets.token_hex(4)}",
        Body=json.dumps(body).encode(),
    )
    command = [sys.executable, "-m", "meterline_cli.main", "redrive", "records"]
    env = os.environ | stack.function_environment()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed again" in done.stdout

    def total() -> int:
        hour = now - now % HOUR
        span = {"customer": customer, "start_time": hour, "end_time": hour + HOUR}
        rows = client.v1.billing.meters.event_summaries.list(meter, span).data
        return sum(int(row.aggregated_value) for row in rows)

    assert eventually(lambda: total() == 20)


def test_a_record_that_cannot_be_read_is_set_aside_by_the_function(stack: Stack) -> None:
    unreadable = record(f"mtr_{secrets.token_hex(4)}", "cus_1", 1, int(time.time()))
    unreadable["dynamodb"]["NewImage"]["value"] = {"S": "spoiled"}
    arn = function_arn(stack, "CountUsageFunction")
    payload = json.dumps({"Records": [unreadable]}).encode()
    answer = stack.client("lambda").invoke(FunctionName=arn, Payload=payload)
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
    s3, bucket = stack.client("s3"), stack.outputs()["FailedBatchesBucket"]
    kept = s3.list_objects_v2(Bucket=bucket, Prefix="set-aside/")["Contents"]
    bodies = [
        json.loads(s3.get_object(Bucket=bucket, Key=object_["Key"])["Body"].read())
        for object_ in kept
    ]
    assert [unreadable] in [body["payload"]["Records"] for body in bodies]
    for one in kept:
        s3.delete_object(Bucket=bucket, Key=one["Key"])
