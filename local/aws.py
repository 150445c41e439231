"""The local stack for scripts and tests: where it is, and clients for what is behind it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

REGION = "us-east-1"
STACK_NAME = "meterline"
TAX_ENGINE = "tax-engine"
"""The function that the stack asks for taxes, which nobody has made yet."""

ROOT = Path(__file__).parent.parent
STATE = Path(os.environ.get("METERLINE_STATE", ROOT / ".local")).resolve()
"""Where a stack keeps what it needs; stacks with states of their own run side by side."""

ENV_FILE = STATE / "env"
RIGHTS_FILE = STATE / "rights.jsonl"
"""What the rights of the stack's functions were needed for."""

_TABLES = ("meter_events", "usage", "billing", "access")


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: the API's root, a secret test key, and the AWS behind it."""

    api_base: str
    api_key: str
    aws_endpoint: str

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 builds its clients at run time
        """A boto3 client of the AWS behind the API."""
        return client(service, self.aws_endpoint)

    def listen(self, topic_arn: str, name: str, *, raw: bool = False) -> tuple[str, str]:
        """A new queue that hears a topic: its URL, and the ARN of the subscription."""
        sqs = self.client("sqs")
        url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn["QueueArn"],
            "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        subscription = self.client("sns").subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=arn["QueueArn"],
            Attributes={"RawMessageDelivery": json.dumps(raw)},
            ReturnSubscriptionArn=True,
        )
        return url, str(subscription["SubscriptionArn"])

    def outputs(self) -> dict[str, str]:
        """The outputs of the deployed template, by name."""
        return outputs(self.aws_endpoint)

    def function_environment(self) -> dict[str, str]:
        """The variables with which the project's own code acts on the stack, as functions do."""
        return aws_environment(self.aws_endpoint) | settings_environment(self.outputs())


def running_stack() -> Stack | None:
    """The stack of the environment's ``METERLINE_API_BASE``, or of ``make up``; None without."""
    return _stack(os.environ) or file_stack()


def file_stack() -> Stack | None:
    """The stack of ``make up``, as ``.local/env`` tells it; None without."""
    return _stack(_env_file())


def _stack(values: Mapping[str, str]) -> Stack | None:
    try:
        return Stack(
            api_base=values["METERLINE_API_BASE"],
            api_key=values["METERLINE_API_KEY"],
            aws_endpoint=values["METERLINE_AWS_ENDPOINT"],
        )
    except KeyError:
        return None


def aws_environment(endpoint: str) -> dict[str, str]:
    """The variables that point AWS's tools at the local AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@cache
def client(service: str, endpoint: str) -> Any:  # noqa: ANN401 - boto3 builds its clients at run time
    """A boto3 client of the local AWS at ``endpoint``."""
    import boto3  # noqa: PLC0415 - slow, and not every command calls AWS

    session = boto3.Session("test", "test", region_name=REGION)
    return session.client(service, endpoint_url=endpoint)


def outputs(endpoint: str) -> dict[str, str]:
    """The outputs of the template deployed at ``endpoint``."""
    stacks = client("cloudformation", endpoint).describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}


def settings_environment(named: Mapping[str, str]) -> dict[str, str]:
    """The ``METERLINE_*`` variables of the functions, from the template's outputs."""
    environment = {
        f"METERLINE_{table.upper()}_TABLE": named[f"{_camel(table)}Table"] for table in _TABLES
    }
    for queue in ("renewals", "invoices", "clocks", "webhooks"):
        environment[f"METERLINE_{queue.upper()}_QUEUE_URL"] = named[f"{_camel(queue)}QueueUrl"]
    for topic in ("alerts", "events", "operations"):
        environment[f"METERLINE_{topic.upper()}_TOPIC_ARN"] = named[f"{_camel(topic)}TopicArn"]
    environment["METERLINE_FAILED_BATCHES_BUCKET"] = named["FailedBatchesBucket"]
    environment["METERLINE_PDFS_BUCKET"] = named["PdfsBucket"]
    return environment


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _env_file() -> dict[str, str]:
    if not ENV_FILE.exists():
        return {}
    lines = ENV_FILE.read_text().splitlines()
    pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line)
    return {name: value.strip('"') for name, _, value in pairs}
