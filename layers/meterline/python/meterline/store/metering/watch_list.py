"""The watch list of a mode: what may be watched, as entries of one item that are never taken out.

An entry is added by itself, at once: it needs no condition, and adding it again changes nothing.
"""

from collections.abc import Mapping
from typing import Any

from meterline.store.base.clients import dynamodb
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings


def add_entry(livemode: bool, entry: str) -> None:  # noqa: FBT001 - a part of the key
    """Add an entry; whoever reads the list from now on sees it."""
    dynamodb().update_item(
        TableName=settings().billing_table,
        Key=_key(livemode),
        UpdateExpression="ADD entries :entry",
        ExpressionAttributeValues={":entry": {"SS": [entry]}},
    )


def read_entries(livemode: bool) -> frozenset[str]:  # noqa: FBT001 - a part of the key
    """All entries, as last written."""
    answer = dynamodb().get_item(
        TableName=settings().billing_table, Key=_key(livemode), ConsistentRead=True
    )
    return entries_in(answer.get("Item", {}))


def entries_in(item: Mapping[str, Any]) -> frozenset[str]:
    """The entries of the list as it is stored; none if nothing was ever entered."""
    return frozenset(item.get("entries", {"SS": []})["SS"])


def place_of(livemode: bool) -> tuple[str, str]:  # noqa: FBT001 - a part of the key
    """The key of the list, to read it beside others."""
    return f"{mode(livemode)}#watchlist", "#"


def _key(livemode: bool) -> dict[str, dict[str, str]]:  # noqa: FBT001 - a part of the key
    return {name: {"S": part} for name, part in zip(("pk", "sk"), place_of(livemode), strict=True)}
