"""What is read of the tables, as a count."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from meterline.store.base.settings import settings


@contextmanager
def items_read() -> Iterator[list[int]]:
    """How many items queries and reads return inside."""
    call = vars(BaseClient)["_make_api_call"]
    items = [0]

    def counting(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        assert operation != "Scan"
        answer = call(client, operation, parameters)
        if parameters.get("TableName") == settings().access_table:
            return answer  # the key of the request, read once a minute
        items[0] += len(answer.get("Items", ()))
        items[0] += sum(map(len, answer.get("Responses", {}).values()))
        items[0] += "Item" in answer
        return answer

    with patch.object(BaseClient, "_make_api_call", counting):
        yield items
