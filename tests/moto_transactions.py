"""moto's transactions, without needless work.

Before a transaction moto copies its table whole, once for each operation, to put a copy back if the
transaction fails. Here it is one copy, which shares its items with the table: an update changes a
copy of the item that it is for, so that no item is ever changed itself.
"""

import copy
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

_transact = DynamoDBBackend.transact_write_items
_update = DynamoDBBackend.update_item
_copies: dict[int, Table] | None = None
"""The copies of the transaction that runs, by their table's identity; requests take turns."""


def copy_tables_once() -> None:
    """Let moto copy each table once for a transaction, in this process, from now on."""
    DynamoDBBackend.transact_write_items = _transact_on_one_copy  # type: ignore[method-assign]
    DynamoDBBackend.update_item = _update_copy  # type: ignore[method-assign]
    Table.__deepcopy__ = _copy  # type: ignore[attr-defined]


def _transact_on_one_copy(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    global _copies  # noqa: PLW0603 - the transaction that runs, of which there is one
    _copies = {}
    try:
        _transact(self, transact_items)
    finally:
        _copies = None


def _update_copy(
    self: DynamoDBBackend, table_name: str, key: dict[str, Any], *args: Any, **options: Any
) -> Item:
    item = self.get_item(table_name, key)
    if item is not None:
        table = self.get_table(table_name)
        place = table.items[item.hash_key] if table.range_key_attr else table.items
        place[item.range_key if table.range_key_attr else item.hash_key] = copy.deepcopy(item)  # type: ignore[arg-type]
    return _update(self, table_name, key, *args, **options)


def _copy(table: Table, _: dict[int, Any]) -> Table:
    if _copies is not None and id(table) in _copies:
        return _copies[id(table)]
    made: Table = copy.copy(table)
    made.items = copy.copy(table.items)
    if table.range_key_attr:
        made.items.update((key, dict(items)) for key, items in table.items.items())
    if table.stream_shard is not None:
        made.stream_shard = copy.copy(table.stream_shard)
        made.stream_shard.table = made
        made.stream_shard.items = list(table.stream_shard.items)
    if _copies is not None:
        _copies[id(table)] = made
    return made
