"""Whole tables, item by item: for an operator's commands only, since a scan reads everything."""

from collections.abc import Iterator, Mapping
from typing import Any

from meterline.store.base.clients import dynamodb

type Item = dict[str, Any]


def scan_table(table: str, condition: str, values: Mapping[str, Any]) -> Iterator[Item]:
    """The items of a table that meet a condition, read consistently.

    ``condition`` is a filter expression, ``values`` what it names.
    """
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "FilterExpression": condition,
        "ExpressionAttributeValues": values,
    }
    while True:
        answer = dynamodb().scan(**request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
