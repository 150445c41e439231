"""Which partitions of events there are: each is noted once, before the first document stands on it.

There are a few dozen, as many as there are kinds of decisions, all in one partition of each mode.
"""

from collections.abc import Iterable, Iterator
from functools import cache

from meterline.store.base import keys
from meterline.store.base.documents import Document
from meterline.store.base.models import billing_item, save, sort_keys
from meterline.store.base.settings import settings
from meterline.store.events.partitions import index_key_of, read_index_key


def index_partitions(documents: Iterable[Document], livemode: bool) -> None:  # noqa: FBT001 - a key
    """Note the partitions that documents are to be put on."""
    for note in filter(None, map(index_key_of, documents)):
        _write(settings().billing_table, livemode, note)


def event_partitions(livemode: bool) -> Iterator[tuple[frozenset[str], list[str]]]:  # noqa: FBT001 - a key
    """The types of each partition, and the parents that its events stand under."""
    return map(read_index_key, sort_keys(_partition(livemode)))


@cache
def _write(table: str, livemode: bool, note: str) -> None:  # noqa: ARG001, FBT001 - once for each
    save(billing_item()(_partition(livemode), note))


def _partition(livemode: bool) -> str:  # noqa: FBT001 - a part of the key
    return f"{keys.mode(livemode)}#shelves#event"
