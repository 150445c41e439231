"""Commands call functions as streams and queues do: by the alias, never the newest code."""

import io
import json
from typing import Any

import boto3
import pytest

from meterline_cli.functions import invoke_function

ARN = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:stack-CountUsage-1"
# what a record of failed work names, and what is called
CALLED = [
    ("stack-CountUsage-1", "stack-CountUsage-1:live"),
    (ARN, f"{ARN}:live"),
    (f"{ARN}:live", f"{ARN}:live"),
    (f"{ARN}:12", f"{ARN}:live"),
    (f"{ARN}:$LATEST", f"{ARN}:live"),
]


class _Lambda:
    """Answers every call, and remembers what was called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.called.append(request["FunctionName"])
        return {"Payload": io.BytesIO(json.dumps({"batchItemFailures": []}).encode())}


@pytest.mark.parametrize(("named", "called"), CALLED)
def test_a_function_is_called_by_its_alias_however_it_is_named(
    named: str, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = _Lambda()
    monkeypatch.setattr(boto3, "client", lambda *_, **__: service)
    assert invoke_function(named, {"Records": []}) == {"batchItemFailures": []}
    assert service.called == [called]
