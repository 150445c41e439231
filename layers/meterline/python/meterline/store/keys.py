"""How objects are keyed: livemode is part of every key, and busy index partitions are sharded."""

import zlib
from dataclasses import dataclass

from meterline.store.documents import LIVE, Document

DUE_SHARDS = 8
_LISTING_SHARDS = {"customer": 4, "subscription": 4, "invoice": 8, "invoiceitem": 8, "event": 8}
_UNLISTED = frozenset({"tab"})
_TIME_DIGITS = 10
_MAX_VALUE_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: just after (or before) the object that was created then, with that id."""

    created: int
    id: str

    @property
    def sort_key(self) -> str:
        """The place as an index sort key."""
        return f"{self.created:0{_TIME_DIGITS}d}#{self.id}"


def mode(livemode: bool) -> str:  # noqa: FBT001 - the value itself, not a switch
    """The key prefix that keeps live and test data apart."""
    return "l" if livemode else "t"


def can_be_stored(value: str) -> bool:
    """Whether ``value`` fits into a key; what doesn't was never stored (DynamoDB: 2,048 bytes)."""
    return len(value.encode("utf-8", "surrogatepass")) <= _MAX_VALUE_BYTES


def object_key(livemode: bool, object_id: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition key of an object."""
    return f"{mode(livemode)}#{object_id}"


def claim_key(livemode: bool, kind: str, value: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition key of a claim on a value that one object of a kind holds."""
    return f"{mode(livemode)}#claim#{kind}#{value}"


def term_key(livemode: bool, kind: str, term: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition of the objects of a kind that a search term finds."""
    return f"{mode(livemode)}#term#{kind}#{term}"


def listing_keys(livemode: bool, kind: str) -> list[str]:  # noqa: FBT001 - a part of the key
    """The partitions of the list of all objects of a kind."""
    shards = _LISTING_SHARDS.get(kind, 1)
    return [f"{mode(livemode)}#{kind}#{shard}" for shard in range(shards)]


def parent_key(livemode: bool, kind: str, parent: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition of the list of the objects of a kind that belong to ``parent``."""
    return f"{mode(livemode)}#{kind}#{parent}"


def due_keys(livemode: bool, timeline: str) -> list[str]:  # noqa: FBT001 - a part of the key
    """The partitions of what falls due on a timeline."""
    shards = DUE_SHARDS if timeline == LIVE else 1
    return [f"{mode(livemode)}#{timeline}#{shard}" for shard in range(shards)]


def index_keys(document: Document) -> dict[str, str | int]:
    """The index attributes of a document; absent ones keep it out of that index."""
    place = Cursor(document.created, document.id).sort_key
    keys: dict[str, str | int] = {}
    if document.kind not in _UNLISTED:
        keys["list_pk"] = _shard(listing_keys(document.livemode, document.kind), document.id)
        keys["list_sk"] = place
    if document.parent is not None:
        keys["parent_pk"] = parent_key(document.livemode, document.kind, document.parent)
        keys["parent_sk"] = place
    if document.due_at is not None:
        keys["due_pk"] = _shard(due_keys(document.livemode, document.timeline), document.id)
        keys["due_at"] = document.due_at
    return keys


def _shard(partitions: list[str], object_id: str) -> str:
    return partitions[zlib.crc32(object_id.encode()) % len(partitions)]
