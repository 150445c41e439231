"""Reads: one item, many by their keys, a page of a query or of a scan."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.dynamodb import updates
from tests.dynamodb.conditions import is_met, key_range
from tests.dynamodb.grammar import Names
from tests.dynamodb.refusals import invalid
from tests.dynamodb.requests import Answer, Request, placeholders_of, refuse_repeated
from tests.dynamodb.store import Store
from tests.dynamodb.tables import Key, Order, Table
from tests.dynamodb.values import Item, shown, size, taken

PAGE_BYTES = 1024 * 1024
_MOST_READS = 100
_MOST_BATCH_BYTES = 16 * 1024 * 1024


def get_item(store: Store, asked: Request) -> Answer:
    table = store.table(asked["TableName"])
    names, _ = placeholders_of(asked)
    key = table.key(taken(asked["Key"]))
    found = table.seen(asked).get(key)
    return {} if found is None else {"Item": _projected(asked, names, found)}


def batch_get_item(store: Store, asked: Request) -> Answer:
    """The items in no order that a caller could expect, as far as an answer may be long."""
    wanted = {
        name: [store.table(name).key(taken(key)) for key in one["Keys"]]
        for name, one in asked["RequestItems"].items()
    }
    if sum(map(len, wanted.values())) > _MOST_READS:
        raise invalid("Too many items requested for the BatchGetItem call")
    responses: dict[str, list[Item]] = {}
    left: dict[str, Any] = {}
    room = _MOST_BATCH_BYTES
    for name, keys in wanted.items():
        request = asked["RequestItems"][name]
        refuse_repeated(keys)
        undone = store.faults.left("BatchGetItem", name, keys)
        done = len(keys) - undone
        found, done, room = _found(store.table(name), request, keys[:done], room)
        responses[name] = found[::-1]
        if done < len(keys):
            left[name] = {**request, "Keys": request["Keys"][done:]}
    return {"Responses": responses, "UnprocessedKeys": left}


def _found(
    table: Table, request: Request, keys: Sequence[Key], room: int
) -> tuple[list[Item], int, int]:
    """The items of a batch that fit into an answer, how many keys that was, and the room left."""
    names, _ = placeholders_of(request)
    source = table.seen(request)
    found: list[Item] = []
    for place, key in enumerate(keys):
        item = source.get(key)
        if item is None:
            continue
        room -= table.size_at(key, item)
        if room < 0:
            return found, place, room
        found.append(_projected(request, names, item))
    return found, len(keys), room


def query(store: Store, asked: Request) -> Answer:
    table = store.table(asked["TableName"])
    order = _readable_order(table, asked)
    names, values = placeholders_of(asked)
    wanted = key_range(
        asked["KeyConditionExpression"], names, values, order.hash_key, order.range_key
    )
    if any(bound in ("", b"") for bound in (wanted.partition, wanted.low, wanted.high)):
        raise invalid(
            "One or more parameter values are not valid. The AttributeValue for a key attribute "
            "cannot contain an empty string value."
        )
    start = asked.get("ExclusiveStartKey")
    place = order.place(taken(start), table.key_of(start)) if start else None
    if start and (place is None or place[0] != wanted.partition):
        raise invalid("The provided starting key is invalid")
    forward = asked.get("ScanIndexForward", True)
    keys = order.keys_in(wanted, place[1] if place else None, is_forward=forward)
    return _page(store, table, order, asked, keys)


def scan(store: Store, asked: Request) -> Answer:
    table = store.table(asked["TableName"])
    order = _readable_order(table, asked)
    segment, segments = asked.get("Segment", 0), asked.get("TotalSegments", 1)
    start = asked.get("ExclusiveStartKey")
    keys = order.all_keys(taken(start) if start else None, lambda one: one % segments == segment)
    return _page(store, table, order, asked, keys)


def _readable_order(table: Table, asked: Request) -> Order:
    if asked.get("IndexName") and asked.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return table.order(asked.get("IndexName"))


def _page(store: Store, table: Table, order: Order, asked: Request, keys: Iterator[Key]) -> Answer:
    """A page ends at the limit, or with the item that makes it a megabyte."""
    limit = _limit(store, asked)
    names, values = placeholders_of(asked)
    kept, counted, room, last = [], 0, PAGE_BYTES, None
    for key, item in _visible(store, table, asked, keys):
        entry = _indexed(table, order, item)
        room -= table.size_at(key, item) if entry is item else size(entry)
        counted, last = counted + 1, (key, item)
        text = asked.get("FilterExpression")
        if text is None or is_met(text, names, entry, values):
            kept.append(_projected(asked, names, entry))
        if counted == limit or room <= 0:
            break
    else:
        last = None
    end = {"LastEvaluatedKey": _resumed(table, order, last[1])} if last else {}
    items = {} if asked.get("Select") == "COUNT" else {"Items": kept}
    return {**items, "Count": len(kept), "ScannedCount": counted, **end}


def _limit(store: Store, asked: Request) -> int | None:
    limits = [one for one in (asked.get("Limit"), store.faults.page_items()) if one is not None]
    if 0 in limits:
        raise invalid(
            "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    return min(limits, default=None)


def _visible(
    store: Store, table: Table, asked: Request, keys: Iterator[Key]
) -> Iterator[tuple[Key, Item]]:
    source = table.seen(asked)
    for key in keys:
        item = source.get(key)
        if item is not None and not store.faults.hides(table.name, key):
            yield key, item


def _indexed(table: Table, order: Order, item: Item) -> Item:
    """What an order holds of an item: all of it, or the keys and what its index projects."""
    if order.projection["ProjectionType"] == "ALL":
        return item
    held = {*table.key_names, *order.names, *order.projection.get("NonKeyAttributes", ())}
    return {name: value for name, value in item.items() if name in held}


def _resumed(table: Table, order: Order, item: Item) -> Item:
    return shown({name: item[name] for name in dict.fromkeys((*table.key_names, *order.names))})


def _projected(asked: Request, names: Names, item: Item) -> Item:
    text = asked.get("ProjectionExpression")
    return shown(item if text is None else updates.projected(text, names, item))
