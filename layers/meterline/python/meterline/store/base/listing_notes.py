"""Which partitions of a list hold anything: each is noted before the first entry stands in it.

A list reads the notes, and then the partitions that they name (``billing.listing_directory``). A
process notes a partition once. The notes of a kind are rows of one partition of the table: keys
only, and no more than a list has partitions.

Few partitions hold anything as long as few objects come at once: a new one takes the first shard of
its part, unless its process has put many there in the last moments. Then its id says which.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from meterline.core.kinds.registry import kind_of
from meterline.store.base.batches import batch_get, batch_write
from meterline.store.base.clients import dynamodb
from meterline.store.base.documents import Document
from meterline.store.base.index_keys import listing_key
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings

CALM_ENTRIES = 20
CALM_ENTRIES_PER_SECOND = 1
"""What a process puts into the first shard of a part: so many at once, and as many a second.

A partition takes 1,000 writes a second. Hundreds of processes stay below that, whatever they write.
"""


@dataclass(slots=True)
class _Allowance:
    """How many entries the first shard of a part could get from this process at an instant."""

    entries: float
    at: float


@dataclass(slots=True)
class Process:
    """What this process remembers: partitions that it has noted, and its allowances by part."""

    noted: set[tuple[str, str]] = field(default_factory=set)
    allowances: dict[tuple[str, bool, str, str], _Allowance] = field(default_factory=dict)


PROCESS = Process()


def notes_key(livemode: bool, kind: str) -> str:  # noqa: FBT001 - a part of the key
    """The partition of the notes of a kind."""
    return f"{mode(livemode)}#listings#{kind}"


def note_of(partition: str) -> str:
    """The sort key of the note of a partition: its part and its shard."""
    return partition.split("#", 2)[2]


def placed(document: Document) -> Document:
    """A document with the shard that its entry is to stand in; one that has it already keeps it."""
    division = kind_of(document.kind).division
    if document.version or document.shard is not None or not division.is_noted:
        return document
    if listing_key(document) is None:
        return document
    part, shards = division.part_of(document.body)
    return replace(document, shard=0) if shards > 1 and _is_calm(document, part) else document


def note_partitions(documents: Iterable[Document]) -> None:
    """Note the partitions that documents are to be listed in; the notes that are there stay."""
    table = settings().billing_table
    missing = {
        (table, partition): _note(document, partition)
        for document, partition in _noted_partitions(documents)
        if (table, partition) not in PROCESS.noted
    }
    if not missing:
        return
    found = batch_get(table, list(missing.values()), is_consistent=False)
    there = {(note["pk"]["S"], note["sk"]["S"]) for note in found}
    puts = [
        {"PutRequest": {"Item": note}}
        for note in missing.values()
        if (note["pk"]["S"], note["sk"]["S"]) not in there
    ]
    batch_write(table, puts)
    PROCESS.noted.update(missing)


def note_partition(document: Document) -> None:
    """The same for one document, by those who may put items only."""
    table = settings().billing_table
    for _, partition in _noted_partitions([document]):
        if (table, partition) not in PROCESS.noted:
            dynamodb().put_item(TableName=table, Item=_note(document, partition))
            PROCESS.noted.add((table, partition))


def _noted_partitions(documents: Iterable[Document]) -> Iterable[tuple[Document, str]]:
    for document in documents:
        if kind_of(document.kind).division.is_noted and (partition := listing_key(document)):
            yield document, partition


def _note(document: Document, partition: str) -> dict[str, dict[str, str]]:
    key = notes_key(document.livemode, document.kind)
    return {"pk": {"S": key}, "sk": {"S": note_of(partition)}}


def _is_calm(document: Document, part: str) -> bool:
    """Whether the first shard of a part may take one more entry from this process; takes it."""
    now = time.monotonic()
    key = settings().billing_table, document.livemode, document.kind, part
    allowance = PROCESS.allowances.setdefault(key, _Allowance(CALM_ENTRIES, now))
    more = (now - allowance.at) * CALM_ENTRIES_PER_SECOND
    allowance.entries = min(CALM_ENTRIES, allowance.entries + more)
    allowance.at = now
    if allowance.entries < 1:
        return False
    allowance.entries -= 1
    return True
