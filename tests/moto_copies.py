"""moto without its copies of whole tables."""

import copy
from typing import Any

from moto.dynamodb.models.table import Table


class CopiesThatShareItems:
    """moto copies the whole table for each operation of a transaction, to be able to undo it.

    Items that are put and deleted, as in these tests, are never changed: copies can share them.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(copy, name)

    def deepcopy(self, value: Any) -> Any:
        if not isinstance(value, Table):
            return copy.deepcopy(value)
        table = copy.copy(value)
        table.items = copy.copy(value.items)
        for key, items in value.items.items():
            table.items[key] = copy.copy(items)
        return table
