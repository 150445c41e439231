"""Writes of single items, each under its condition, and batches of them under none."""

from collections.abc import Callable
from typing import Any

from tests.dynamodb import updates
from tests.dynamodb.conditions import is_met
from tests.dynamodb.refusals import Refused, invalid, invalid_value
from tests.dynamodb.requests import Answer, Request, placeholders_of, refuse_repeated
from tests.dynamodb.store import Store
from tests.dynamodb.tables import Key, Table, check_size
from tests.dynamodb.values import Item, shown, taken

_MOST_WRITES = 25
TOO_LARGE = "Item size has exceeded the maximum allowed size"
TOO_LARGE_UPDATED = "Item size to update has exceeded the maximum allowed size"


def put_item(store: Store, asked: Request) -> Answer:
    write = prepared_put(store, asked)
    return _written(store, asked, write)


def delete_item(store: Store, asked: Request) -> Answer:
    return _written(store, asked, prepared_delete(store, asked))


def update_item(store: Store, asked: Request) -> Answer:
    return _written(store, asked, prepared_update(store, asked))


class Write:
    """One write that is understood: its place, the item that is there, the condition on it, and
    what it makes of it.
    """

    def __init__(
        self, table: Table, key: Key, asked: Request, make: Callable[[Item | None], Item | None]
    ) -> None:
        self.table = table
        self.key = key
        self.asked = asked
        self.make = make
        self.names, self.values = placeholders_of(asked)
        self.before = table.items.get(key)

    def holds(self) -> bool:
        """Whether its condition is met."""
        text = self.asked.get("ConditionExpression")
        return text is None or is_met(text, self.names, self.before or {}, self.values)

    def shown_if_refused(self) -> Answer:
        """The item that stands in its way, if the request wants to see it."""
        wanted = self.asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        return {"Item": shown(self.before)} if wanted and self.before is not None else {}


def prepared_put(store: Store, asked: Request) -> Write:
    """A put; refuses an item that DynamoDB would not take."""
    table = store.table(asked["TableName"])
    item = taken(asked["Item"])
    key = table.key_of_new(item)
    check_size(item, TOO_LARGE)
    return Write(table, key, asked, lambda _: item)


def prepared_delete(store: Store, asked: Request) -> Write:
    """A deletion; what is not there can be deleted too."""
    table = store.table(asked["TableName"])
    return Write(table, table.key(taken(asked["Key"])), asked, lambda _: None)


def prepared_check(store: Store, asked: Request) -> Write:
    """A look at an item that stays as it is."""
    table = store.table(asked["TableName"])
    return Write(table, table.key(taken(asked["Key"])), asked, lambda item: item)


def prepared_update(store: Store, asked: Request) -> Write:
    """An update; it makes an item where there is none."""
    table = store.table(asked["TableName"])
    place = taken(asked["Key"])
    key = table.key(place)
    names, values = placeholders_of(asked)
    text = asked.get("UpdateExpression")
    for name in updates.changed_names(text, names) if text else ():
        if name in table.key_names:
            raise invalid_value(
                f"Cannot update attribute {name}. This attribute is part of the key"
            )

    def make(before: Item | None) -> Item:
        item = before if before is not None else place
        made = updates.updated(text, names, item, values) if text else item
        table.check_keys(made)
        check_size(made, TOO_LARGE_UPDATED)
        return made

    return Write(table, key, asked, make)


def _written(store: Store, asked: Request, write: Write) -> Answer:
    if not write.holds():
        raise Refused(
            "ConditionalCheckFailedException",
            "The conditional request failed",
            **write.shown_if_refused(),
        )
    after = write.make(write.before)
    store.write(write.table, write.key, after)
    return _returned(asked.get("ReturnValues", "NONE"), write.before or {}, after or {})


def _returned(wanted: str, before: Item, after: Item) -> Answer:
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    shows: dict[str, Callable[[], Item]] = {
        "NONE": dict,
        "ALL_OLD": lambda: before,
        "ALL_NEW": lambda: after,
        "UPDATED_OLD": lambda: {name: before[name] for name in changed if name in before},
        "UPDATED_NEW": lambda: {name: after[name] for name in changed if name in after},
    }
    found = shows[wanted]()
    return {"Attributes": shown(found)} if found else {}


def batch_write_item(store: Store, asked: Request) -> Answer:
    writes = {
        name: [_batch_write(store, name, request) for request in requests]
        for name, requests in asked["RequestItems"].items()
    }
    if not 0 < sum(map(len, writes.values())) <= _MOST_WRITES:
        raise invalid("Too many items requested for the BatchWriteItem call")
    left: dict[str, Any] = {}
    for name, some in writes.items():
        refuse_repeated([one.key for one in some])
        done = len(some) - store.faults.left("BatchWriteItem", name, some)
        for place, one in enumerate(some[:done]):
            if place:
                store.faults.between("BatchWriteItem")
            with store.turn:
                store.write(one.table, one.key, one.make(None))
        if done < len(some):
            left[name] = asked["RequestItems"][name][done:]
    return {"UnprocessedItems": left}


def _batch_write(store: Store, table: str, one: Request) -> Write:
    [(verb, request)] = one.items()
    prepare = {"PutRequest": prepared_put, "DeleteRequest": prepared_delete}[verb]
    return prepare(store, {"TableName": table, **request})
