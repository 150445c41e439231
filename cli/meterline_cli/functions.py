"""Calling the functions of a deployment with records of their streams."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
from botocore.config import Config

_FUNCTION_SECONDS = 70
_ALIAS = "live"
_PARTS_OF_AN_ARN = 7
"""Those of a function's; an eighth is a version or an alias."""

type Invoke = Callable[[str, Mapping[str, Any]], Any]
"""Calls a function with an event: its answer. Raises RuntimeError when it fails, BotoCoreError or
ClientError when it cannot be called.
"""


def invoke_function(function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """The answer of a function of AWS, called by its alias; see ``Invoke``."""
    config = Config(read_timeout=_FUNCTION_SECONDS, retries={"total_max_attempts": 1})
    client = boto3.client("lambda", config=config)
    payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    answer = client.invoke(FunctionName=by_its_alias(function), Payload=payload)
    text = answer["Payload"].read().decode()
    if "FunctionError" in answer:
        raise RuntimeError(f"{function} failed: {text[:500]}")
    return json.loads(text)


def by_its_alias(function: str) -> str:
    """A function's name or ARN with the alias that says which version does the work.

    Without one it would be the newest code, also after an operator has gone back to an older
    version; Lambda's record of a failed batch may name none, or the version that failed.
    """
    parts = function.split(":")
    own = parts[:_PARTS_OF_AN_ARN] if parts[0] == "arn" else parts[:1]
    return ":".join([*own, _ALIAS])


def function_of(stack: str, logical_id: str) -> str:
    """The name under which a function of the template is called in a stack."""
    found = boto3.client("cloudformation").describe_stack_resource(
        StackName=stack, LogicalResourceId=logical_id
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])
