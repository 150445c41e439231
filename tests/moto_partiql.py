"""moto's PartiQL batch lacks parameters in INSERT; this gives it what DynamoDB does for our
statements.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from moto.dynamodb.models import DynamoDBBackend

_INSERT = re.compile(r'INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<fields>.*)\}')


@contextmanager
def batches_of_inserts() -> Iterator[None]:
    """Within it, moto runs batches of INSERT."""
    with mock.patch.object(DynamoDBBackend, "batch_execute_statement", _batch_execute_statement):
        yield


def _batch_execute_statement(
    backend: DynamoDBBackend, statements: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    return [_insert(backend, statement) for statement in statements]


def _insert(backend: DynamoDBBackend, statement: dict[str, Any]) -> dict[str, Any]:
    match = _INSERT.fullmatch(statement["Statement"])
    assert match, statement["Statement"]
    names = re.findall(r"'(\w+)': \?", match["fields"])
    item = dict(zip(names, statement["Parameters"], strict=True))
    table = backend.get_table(match["table"])
    keys = [item[name] for name in table.table_key_attrs]
    if backend.get_item(match["table"], dict(zip(table.table_key_attrs, keys, strict=True))):
        return {"Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists"}}
    backend.put_item(match["table"], item)
    return {"TableName": match["table"]}
