"""Boxes: the entries that one decision makes in the ledger of billing credits, as one document.

An invoice that uses many grants has an entry for each; one by one they would cost more than all the
rest of it. The id of an entry is that of its box and its place there, so it is found by its id
alone, and lists in the order of places. Entries that a request makes by itself stand alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

KIND = "creditbox"
PREFIX = "cbtxn_"
MOST = 1_000
"""Entries of a box: with twenty digits of its own for each, half of what an item takes."""

_PLACE_DIGITS = 3
_BOX_DIGITS = 24
"""Of an id after its prefix, as every id has them; an entry that stands alone has no more."""


class Box(TypedDict):
    """A box as it is stored: its entries in their order, without their ids."""

    id: str
    created: int
    customer: str
    entries: Sequence[Mapping[str, Any]]


def entry_id(box_id: str, place: int) -> str:
    """The id of the entry at a place of a box, from 0."""
    return f"{box_id}{place:0{_PLACE_DIGITS}d}"


def box_of(id_: str) -> str | None:
    """The id of the box in which an entry stands; None of one that stands alone."""
    digits = id_.rpartition("_")[2]
    return id_[:-_PLACE_DIGITS] if len(digits) == _BOX_DIGITS + _PLACE_DIGITS else None


def contents(box: Box) -> Iterator[Mapping[str, Any]]:
    """The entries of a box in their order, with their ids."""
    for place, entry in enumerate(box["entries"]):
        yield {**entry, "id": entry_id(box["id"], place)}
