"""All tables of an account, and who hears of their changes."""

from collections.abc import Callable
from threading import RLock

from tests.dynamodb.faults import Faults
from tests.dynamodb.tables import Key, Table, no_table
from tests.dynamodb.values import Item

type Subscriber = Callable[[Table, Item | None, Item | None], None]


class Store:
    """The tables by their names, and what may go wrong with them."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.tables: dict[str, Table] = {}
        self.faults = faults or Faults()
        self.on_change: Subscriber = lambda _table, _before, _after: None
        """Gets every change of an item, in order: what a stream carries."""
        self.committed: dict[str, str] = {}
        """The transactions that were committed, written out, by the tokens of their clients."""
        self.turn = RLock()

    def table(self, name: str) -> Table:
        """A table by its name."""
        if name not in self.tables:
            raise no_table(name)
        return self.tables[name]

    def write(self, table: Table, key: Key, item: Item | None) -> None:
        """Change an item; who listens to the table's stream gets to know."""
        self.faults.writing(table)
        before = table.items.get(key)
        table.write(key, item)
        if before != item:
            self.on_change(table, before, item)

    def clear(self) -> None:
        """Delete all items of all tables."""
        for table in self.tables.values():
            table.clear()
        self.committed.clear()
