"""DynamoDB's answers in one step: its JSON has the form of its API, only bytes are text there.

botocore walks through each value of an answer by the service's description. Here an answer is read
by ``json`` alone and handed to botocore ready, as its event ``before-parse`` allows. Refusals, and
whatever is no answer of the calls below, are botocore's own to read.
"""

import json
from base64 import b64decode
from typing import Any

OPERATIONS = frozenset(
    {
        "BatchExecuteStatement",
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)
"""The calls whose answers hold nothing but text, numbers, truth values and attribute values."""

_REFUSALS_FROM = 300
_NAMES_OF_BYTES = (b'"B', b"\\u")
"""What begins the name of binary values, and letters that could spell it: without them is none."""

type Found = dict[str, Any]


def read_in_one_step(**event: Any) -> None:  # noqa: ANN401 - as botocore has it
    """Give botocore the answer to one of the ``OPERATIONS`` ready, and nothing to parse."""
    operation, response = event["operation_model"], event["response_dict"]
    if operation.name not in OPERATIONS or response["status_code"] >= _REFUSALS_FROM:
        return
    found = read_whole(operation, response["body"])
    if found is None:
        return
    event["customized_response_dict"].update(found)
    response["body"] = b""


def read_whole(operation: Any, body: bytes) -> Found | None:  # noqa: ANN401 - botocore's model
    """What an answer to one of the ``OPERATIONS`` says; None where it is no JSON object."""
    answer = _read(body)
    if answer is None:
        return None
    known = operation.output_shape.members
    return {name: value for name, value in answer.items() if value is not None and name in known}


def _read(body: bytes) -> Found | None:
    """An answer with its binary values as bytes; None where it is no JSON object."""
    hook = _with_bytes if any(name in body for name in _NAMES_OF_BYTES) else None
    try:
        answer = json.loads(body.decode(), object_hook=hook)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _with_bytes(found: Found) -> Found:
    """A binary value is an object with one name, and text; an item's value is never text."""
    if len(found) == 1:
        if "B" in found:
            if isinstance(text := found["B"], str):
                return {"B": b64decode(text)}
        elif "BS" in found and _are_texts(texts := found["BS"]):
            return {"BS": [b64decode(text) for text in texts]}
    return found


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
