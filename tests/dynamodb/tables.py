"""The items of a table by their keys, in its own order and in those of its indexes."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

from tests.dynamodb.conditions import KeyRange
from tests.dynamodb.refusals import Refused, invalid, invalid_value
from tests.dynamodb.values import Item, kind_of, plain, size

type Key = tuple[Any, ...]
type Description = Mapping[str, Any]

MOST_ITEM_BYTES = 400 * 1024
_MOST_KEY_BYTES = (2_048, 1_024)


class Order:
    """One order of a table's items: its own, or an index's; sorted within each partition."""

    def __init__(self, schema: Sequence[Mapping[str, str]], projection: Description) -> None:
        names = {part["KeyType"]: part["AttributeName"] for part in schema}
        self.hash_key = names["HASH"]
        self.range_key = names.get("RANGE")
        self.names = tuple(names.values())
        self.projection = projection
        self._partitions: dict[Any, list[tuple[Any, Key]]] = {}

    def place(self, item: Item, key: Key) -> tuple[Any, tuple[Any, Key]] | None:
        """Where an item stands; None if it is not part of the order."""
        if any(name not in item for name in self.names):
            return None
        within = plain(item[self.range_key]) if self.range_key else ""
        return plain(item[self.hash_key]), (within, key)

    def change(self, key: Key, before: Item | None, after: Item | None) -> None:
        """Move an item from where it stood to where it stands."""
        old = self.place(before, key) if before else None
        new = self.place(after, key) if after else None
        if old == new:
            return
        if old is not None:
            rows = self._partitions[old[0]]
            del rows[bisect_left(rows, old[1])]
            if not rows:
                del self._partitions[old[0]]
        if new is not None:
            insort(self._partitions.setdefault(new[0], []), new[1])

    def keys_in(
        self, asked: KeyRange, after: tuple[Any, Key] | None, *, is_forward: bool
    ) -> Iterator[Key]:
        """The keys of the items in a range, from a place on, in order or backwards."""
        rows = self._partitions.get(asked.partition, [])
        first, last = 0, len(rows)
        if asked.low is not None:
            cut = bisect_right if asked.is_low_excluded else bisect_left
            first = cut(rows, asked.low, key=_within)
        if asked.high is not None:
            cut = bisect_left if asked.is_high_excluded else bisect_right
            last = cut(rows, asked.high, key=_within)
        if after is not None and is_forward:
            first = max(first, bisect_right(rows, after))
        elif after is not None:
            last = min(last, bisect_left(rows, after))
        found = rows[first:last]
        return (key for _, key in (found if is_forward else reversed(found)))

    def all_keys(self, after: Item | None, is_of: Callable[[int], bool]) -> Iterator[Key]:
        """The keys of all items of some partitions as a scan finds them: each partition in order,
        the partitions in none that a caller could expect.
        """
        start = (_scattered(plain(after[self.hash_key])), self.place(after, ())) if after else None
        for number, partition in sorted((_scattered(one), one) for one in self._partitions):
            if not is_of(number) or (start and number < start[0]):
                continue
            rows = self._partitions[partition]
            is_first = start is not None and start[1] is not None and start[1][0] == partition
            if is_first and start is not None and start[1] is not None:
                rows = rows[bisect_right(rows, start[1][1][0], key=_within) :]
            yield from (key for _, key in rows)

    def clear(self) -> None:
        """Forget all items."""
        self._partitions.clear()


class Table:
    """One table, as its description has it; ``past`` is what reads see that need not be consistent,
    if that is not the present.
    """

    def __init__(self, description: Description) -> None:
        self.description = description
        self.name: str = description["TableName"]
        self.time_to_live: Description = {}
        self.items: dict[Key, Item] = {}
        self._sizes: dict[Key, int] = {}
        self.past: Mapping[Key, Item] | None = None
        self._kinds = {
            definition["AttributeName"]: definition["AttributeType"]
            for definition in description["AttributeDefinitions"]
        }
        self._own = Order(description["KeySchema"], {"ProjectionType": "ALL"})
        self._indexes = {
            index["IndexName"]: Order(index["KeySchema"], index["Projection"])
            for index in description.get("GlobalSecondaryIndexes", [])
        }
        self._orders = [self._own, *self._indexes.values()]
        self.written: list[tuple[Key, Item | None]] = []
        """Every write since the mark, if one was set: what was at a key before it."""
        self._is_marked = False

    @property
    def key_names(self) -> tuple[str, ...]:
        """The attributes of the key."""
        return self._own.names

    def order(self, index: str | None) -> Order:
        """The table's own order, or that of an index."""
        if index is None:
            return self._own
        if index not in self._indexes:
            raise invalid(f"The table does not have the specified index: {index}")
        return self._indexes[index]

    def seen(self, asked: Mapping[str, Any]) -> Mapping[Key, Item]:
        """The items that a read sees."""
        is_past = self.past is not None and not asked.get("ConsistentRead", False)
        return self.past if is_past and self.past is not None else self.items

    def key_of(self, item: Item) -> Key:
        """The key of an item that has one."""
        return tuple(plain(item[name]) for name in self.key_names)

    def key(self, given: Item) -> Key:
        """A key that a request names."""
        if given.keys() != set(self.key_names):
            raise invalid("The provided key element does not match the schema")
        for name in self.key_names:
            if kind_of(given[name]) != self._kinds[name]:
                raise invalid("The provided key element does not match the schema")
            self._check_content(name, given)
        return self.key_of(given)

    def key_of_new(self, item: Item) -> Key:
        """The key of an item that is to be put."""
        for name in self.key_names:
            if name not in item:
                raise invalid_value(f"Missing the key {name} in the item")
        self.check_keys(item)
        return self.key_of(item)

    def check_keys(self, item: Item) -> None:
        """Refuse an item with keys, of the table or of an index, that are of a wrong type, empty or
        too long.
        """
        for name, wanted in self._kinds.items():
            if name not in item:
                continue
            actual = kind_of(item[name])
            if actual != wanted and name in self.key_names:
                raise invalid_value(
                    f"Type mismatch for key {name} expected: {wanted} actual: {actual}"
                )
            if actual != wanted:
                index = next(one for one, order in self._indexes.items() if name in order.names)
                raise invalid_value(
                    f"Type mismatch for Index Key {name} Expected: {wanted} "
                    f"Actual: {actual} IndexName: {index}"
                )
            self._check_content(name, item)

    def _check_content(self, name: str, item: Item) -> None:
        [(kind, content)] = item[name].items()
        if kind == "N":
            return
        if not content:
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key "
                f"attribute cannot contain an empty string value. Key: {name}"
            )
        length = len(content) if kind == "B" else len(content.encode())
        for order in self._orders:
            is_range = name == order.range_key
            if name in order.names and length > _MOST_KEY_BYTES[is_range]:
                what = "rangekey" if is_range else "hashkey"
                raise invalid_value(
                    f"Size of {what} has exceeded the maximum size limit of"
                    f"{_MOST_KEY_BYTES[is_range]} bytes"
                )

    def write(self, key: Key, item: Item | None) -> None:
        """Put an item, or delete it."""
        before = self.items.get(key)
        if self._is_marked:
            self.written.append((key, before))
        self._sizes.pop(key, None)
        if item is None:
            self.items.pop(key, None)
        else:
            self.items[key] = item
        for order in self._orders:
            order.change(key, before, item)

    def size_at(self, key: Key, item: Item) -> int:
        """The size of an item that a read found at a key; that of the present item is kept."""
        if item is not self.items.get(key):
            return size(item)
        if key not in self._sizes:
            self._sizes[key] = size(item)
        return self._sizes[key]

    def become(self, items: Mapping[Key, Item]) -> None:
        """Have these items and no others, in this order."""
        for key in dict.fromkeys((*self.items, *items)):
            if self.items.get(key) is not items.get(key):
                self.write(key, items.get(key))
        self.items = dict(items)

    def clear(self) -> None:
        """Delete all items."""
        self.items.clear()
        self._sizes.clear()
        self.past = None
        for order in self._orders:
            order.clear()

    def mark(self) -> None:
        """Note every write from now on: ``rewind`` comes back to here."""
        self._is_marked = True
        self.written.clear()

    def rewind(self) -> None:
        """Undo everything that was written since the mark."""
        self._is_marked = False
        for key, before in reversed(self.written):
            self.write(key, before)
        self.mark()


def check_size(item: Item, message: str) -> None:
    """Refuse an item that is larger than DynamoDB takes."""
    if size(item) > MOST_ITEM_BYTES:
        raise invalid(message)


def no_table(name: str) -> Refused:
    """There is no such table."""
    return Refused(
        "ResourceNotFoundException", f"Requested resource not found: Table: {name} not found"
    )


def _within(row: tuple[Any, Key]) -> Any:
    return row[0]


def _scattered(partition: Any) -> int:
    return crc32(str(partition).encode())
