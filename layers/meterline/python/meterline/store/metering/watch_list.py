"""The watch list of a mode: what may be watched, as entries of one item that are never taken out.

An entry is added by itself, at once: it needs no condition, and adding it again changes nothing.
Beside the entries stand counts, which commits count up.
"""

from collections.abc import Mapping
from typing import Any

from meterline.store.base.batches import Item, tries
from meterline.store.base.clients import dynamodb
from meterline.store.base.documents import Count
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings

_COUNT = "n:"


def add_entry(livemode: bool, entry: str) -> None:  # noqa: FBT001 - a part of the key
    """Add an entry; whoever reads the list from now on sees it."""
    client = dynamodb()
    for _ in tries():
        try:
            client.update_item(
                TableName=settings().billing_table,
                Key=_key(livemode),
                UpdateExpression="ADD entries :entry",
                ExpressionAttributeValues={":entry": {"SS": [entry]}},
            )
        except client.exceptions.TransactionConflictException as conflict:
            failure = conflict  # a commit counts beside the entries
        else:
            return
    raise failure


def count_of(livemode: bool, entry: str) -> Count:  # noqa: FBT001 - a part of the key
    """What commits count up beside an entry."""
    return Count(*place_of(livemode), _COUNT + entry)


def read_list(livemode: bool) -> Item:  # noqa: FBT001 - a part of the key
    """The list as last written, empty if nothing was ever entered."""
    answer = dynamodb().get_item(
        TableName=settings().billing_table, Key=_key(livemode), ConsistentRead=True
    )
    found: Item = answer.get("Item", {})
    return found


def counts_in(item: Mapping[str, Any]) -> dict[str, str]:
    """The counts beside entries, by entry, as they are stored."""
    return {
        name.removeprefix(_COUNT): value["N"]
        for name, value in item.items()
        if name.startswith(_COUNT)
    }


def entries_in(item: Mapping[str, Any]) -> frozenset[str]:
    """The entries of the list as it is stored; none if nothing was ever entered."""
    return frozenset(item.get("entries", {"SS": []})["SS"])


def place_of(livemode: bool) -> tuple[str, str]:  # noqa: FBT001 - a part of the key
    """The key of the list, to read it beside others."""
    return f"{mode(livemode)}#watchlist", "#"


def _key(livemode: bool) -> dict[str, dict[str, str]]:  # noqa: FBT001 - a part of the key
    return {name: {"S": part} for name, part in zip(("pk", "sk"), place_of(livemode), strict=True)}
