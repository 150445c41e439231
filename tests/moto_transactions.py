"""moto's transactions, without needless work.

Before a transaction moto copies its table whole, once for each operation, to put a copy back if the
transaction fails. The copies are all the same: here it is one.
"""

import copy
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

_transact = DynamoDBBackend.transact_write_items
_copies: dict[int, Table] | None = None
"""The copies of the transaction that runs, by their table's identity; requests take turns."""


def copy_tables_once() -> None:
    """Let moto copy each table once for a transaction, in this process, from now on."""
    DynamoDBBackend.transact_write_items = _transact_on_one_copy  # type: ignore[method-assign]
    Table.__deepcopy__ = _copy  # type: ignore[attr-defined]


def _transact_on_one_copy(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    global _copies  # noqa: PLW0603 - the transaction that runs, of which there is one
    _copies = {}
    try:
        _transact(self, transact_items)
    finally:
        _copies = None


def _copy(table: Table, memo: dict[int, Any]) -> Table:
    if _copies is not None and id(table) in _copies:
        return _copies[id(table)]
    made: Table = object.__new__(type(table))
    memo[id(table)] = made
    made.__dict__.update(copy.deepcopy(vars(table), memo))
    if _copies is not None:
        _copies[id(table)] = made
    return made
