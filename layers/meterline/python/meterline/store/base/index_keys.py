"""Index keys: in which partitions of the indexes an object has its entries."""

from collections.abc import Collection, Mapping

from meterline.core.kinds.registry import kind_of
from meterline.store.base.documents import Document
from meterline.store.base.keys import Cursor, due_keys, mode, parent_key, shard_of


def listing_keys(
    livemode: bool,  # noqa: FBT001 - a part of the key
    kind: str,
    only: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """The partitions of the list of a kind; of the objects whose facets have these values only."""
    return [
        _listing_key(livemode, kind, part, shard)
        for part, shards in kind_of(kind).division.parts(only or {})
        for shard in range(shards)
    ]


def listing_key(document: Document) -> str | None:
    """The partition of its kind's list where a document has its entry; None if it is not listed."""
    kind = kind_of(document.kind)
    if not kind.is_listed or not kind.division.lists(document.body):
        return None
    part, shards = kind.division.part_of(document.body)
    shard = shard_of(document.id, shards) if document.shard is None else document.shard % shards
    return _listing_key(document.livemode, document.kind, part, shard)


def shard_of_key(key: str | None) -> int | None:
    """The shard that the key of a partition of a list ends with."""
    return None if key is None else int(key.rpartition("#")[2])


def index_keys(document: Document) -> dict[str, str | int]:
    """The index attributes of a document; absent ones keep it out of that index.

    What is not listed, as what is left of a deleted object, still stands under its parent.
    """
    keys: dict[str, str | int] = {"list_sk": Cursor(document.created, document.id).sort_key}
    if (partition := listing_key(document)) is not None:
        keys["list_pk"] = partition
    if document.parent is not None:
        keys["parent_pk"] = parent_key(document.livemode, _kind_listed(document), document.parent)
    if document.due_at is not None:
        partitions = due_keys(document.livemode, document.timeline)
        keys["due_pk"] = partitions[shard_of(document.id, len(partitions))]
        keys["due_at"] = document.due_at
    return keys


def _kind_listed(document: Document) -> str:
    """The kind in whose lists a document stands: a box in those of what it holds."""
    boxing = kind_of(document.kind).boxing
    return document.kind if boxing is None else boxing.of


def _listing_key(
    livemode: bool,  # noqa: FBT001 - a part of the key
    kind: str,
    part: str,
    shard: int,
) -> str:
    return f"{mode(livemode)}#{kind}#{part}#{shard}"
