"""Which partitions of a list are read: those that are noted, as long as the notes can be believed.

Each writer notes a partition before the first entry stands in it (``base.listing_notes``). But
entries may have been written without: by a release before there were notes, or by one that somebody
went back to. So the first list of an hour looks into all partitions. Where partitions without a
note hold anything, they are noted, and lists read all partitions until one has looked again,
``DOUBT_SECONDS`` later, and found none: by then no function of that release runs.
"""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from meterline.core.kinds.registry import kind_of
from meterline.store.base.index_keys import listing_keys
from meterline.store.base.listing_notes import note_of, notes_key
from meterline.store.base.models import (
    KeyRange,
    billing_item,
    delete_many,
    listed,
    save_many,
    sort_keys,
)

BELIEVED_SECONDS = 3_600
DOUBT_SECONDS = 1_200
"""More than the 15 minutes that a function can run, and the delay of an index."""

_READERS = 8
_LOOK = "~"
"""Begins the note of a look; sorts after all parts."""

_EVERYWHERE = KeyRange("0", "~", page_size=1)
"""All sort keys of a list, which begin with an instant; DynamoDB takes no empty text for a key."""


@dataclass(frozen=True, slots=True, order=True)
class _Look:
    """That a list looked into all partitions at an instant, UTC seconds, and what it found."""

    at: int
    found_all_noted: bool

    @property
    def note(self) -> str:
        return f"{_LOOK}{self.at}#{'all' if self.found_all_noted else 'not'}"

    @classmethod
    def parse(cls, note: str) -> "_Look":
        at, _, found = note.removeprefix(_LOOK).partition("#")
        return cls(int(at), found == "all")

    def is_recent(self, now: int) -> bool:
        return now - self.at < (BELIEVED_SECONDS if self.found_all_noted else DOUBT_SECONDS)


def partitions_to_read(livemode: bool, kind: str, partitions: list[str]) -> list[str]:  # noqa: FBT001 - a part of the key
    """Those of these partitions of a kind's list that may hold anything."""
    if len(partitions) == 1 or not kind_of(kind).division.is_noted:
        return partitions
    rows = set(sort_keys(notes_key(livemode, kind)))
    looks = sorted(_Look.parse(row) for row in rows if row.startswith(_LOOK))
    now = int(time.time())
    if looks and looks[-1].is_recent(now):
        latest = looks[-1]
    else:
        latest = _look(livemode, kind, rows, now)
        _remember(livemode, kind, latest, looks)
    if not latest.found_all_noted:
        return partitions
    return [partition for partition in partitions if note_of(partition) in rows]


def _look(livemode: bool, kind: str, noted: Iterable[str], now: int) -> _Look:  # noqa: FBT001 - a part of the key
    """Look into all partitions, and note those that hold anything without a note."""
    partitions = listing_keys(livemode, kind)
    with ThreadPoolExecutor(_READERS) as readers:
        hold = list(readers.map(_holds_anything, partitions))
    held = {note_of(key) for key, holds in zip(partitions, hold, strict=True) if holds}
    key = notes_key(livemode, kind)
    missing = held.difference(noted)
    if missing:  # what was committed during the look was noted before
        missing -= set(sort_keys(key))
    save_many(billing_item()(key, note) for note in sorted(missing))
    return _Look(now, found_all_noted=not missing)


def _remember(livemode: bool, kind: str, look: _Look, former: Iterable[_Look]) -> None:  # noqa: FBT001 - a part of the key
    key = notes_key(livemode, kind)
    save_many([billing_item()(key, look.note)])
    delete_many(
        billing_item()(key, look_before.note)
        for look_before in former
        if look_before.note != look.note
    )


def _holds_anything(partition: str) -> bool:
    return any(islice(listed(partition, _EVERYWHERE), 1))
