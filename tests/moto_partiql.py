"""moto's PartiQL batch lacks parameters in INSERT and conditions in UPDATE; this gives it what
DynamoDB does for our statements.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from moto.dynamodb.models import DynamoDBBackend

from tests import partiql


@contextmanager
def batches_of_writes() -> Iterator[None]:
    """Within it, moto runs batches of INSERT and UPDATE."""
    with mock.patch.object(DynamoDBBackend, "batch_execute_statement", _batch_execute_statement):
        yield


def _batch_execute_statement(
    backend: DynamoDBBackend, statements: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    def find(name: str, item: dict[str, Any]) -> dict[str, Any] | None:
        keys = {key: item[key] for key in backend.get_table(name).table_key_attrs}
        found = backend.get_item(name, keys)
        return dict(found.to_json()["Attributes"]) if found else None

    return [partiql.execute(statement, find, backend.put_item) for statement in statements]
