"""Event partitions: where the events of a type are, so that a list of them reads no others.

All events of one commit are one document, so it stands on the partition of its set of types, and
one index entry serves every filter by type. ``partition_index`` keeps which partitions there are.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection

from meterline.core.kinds.registry import kind_of
from meterline.store.base.documents import Document
from meterline.store.base.keys import shard_of

_DIGEST_BYTES = 6
_PARENT = re.compile(r".+~(\d+)\.\d+")


def event_partition(types: Collection[str], document_id: str, shards: int) -> str:
    """The parent of a document with events of these types: a shard of their partition."""
    return _parent(_joined(types), shards, shard_of(document_id, shards))


def index_key_of(document: Document) -> str | None:
    """The index key of the partition that a document stands in: its types, and its shards."""
    if not kind_of(document.kind).holds_events or document.parent is None:
        return None
    match = _PARENT.fullmatch(document.parent)
    types = _joined({event["type"] for event in document.body["events"]})
    return f"{types}#{match[1]}" if match else None


def read_index_key(note: str) -> tuple[frozenset[str], list[str]]:
    """The types of an index key, and the parents that their events stand under."""
    types, _, shards = note.partition("#")
    parents = [_parent(types, int(shards), shard) for shard in range(int(shards))]
    return frozenset(types.split(",")), parents


def _joined(types: Collection[str]) -> str:
    return ",".join(sorted(set(types)))


def _parent(types: str, shards: int, shard: int) -> str:
    digest = hashlib.sha256(types.encode()).digest()[:_DIGEST_BYTES]
    return f"{urlsafe_b64encode(digest).decode()}~{shards}.{shard}"
