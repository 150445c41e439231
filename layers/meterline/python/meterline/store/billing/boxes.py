"""Boxes: documents that hold several objects of a kind, which are read as if each were stored.

Which kinds do, and what a box holds, is in the record of the kind of the boxes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from meterline.core.kinds.registry import boxing_of, kind_of
from meterline.store.base.documents import Document
from meterline.store.base.keys import Cursor

type Read = Callable[[Iterable[str]], Mapping[str, Document]]


def may_be_in_one(object_id: str) -> bool:
    """Whether an id says that its object is in a box."""
    return _box_of(object_id) is not None


def row_of(place: Cursor) -> str | None:
    """The sort key of the box that has the object at a place of a list; None of what is in none.

    It comes before the places of what the box holds, and nothing stands in between.
    """
    box = _box_of(place.id)
    return None if box is None else replace(place, id=box).sort_key


def contents(document: Document) -> list[Document] | None:
    """What a box holds, in the order of ids; None of what is no box."""
    boxing = kind_of(document.kind).boxing
    if boxing is None:
        return None
    return [
        replace(document, kind=boxing.of, body=body, stored=body)
        for body in boxing.contents(document.body)
    ]


def taken_out(object_ids: Iterable[str], read: Read) -> dict[str, Document]:
    """Those of these objects that exist, by id, whether they stand in boxes or alone.

    ``read`` reads documents by their ids. A client may choose an id that looks like one of what is
    in a box: where there is no such box the object is read by its own.
    """
    box_of = {id_: _box_of(id_) for id_ in object_ids}
    found = dict(read(dict.fromkeys(box or id_ for id_, box in box_of.items())))
    held = {box: contents(found[box]) for box in box_of.values() if box in found}
    alone = [id_ for id_, box in box_of.items() if box is not None and held.get(box) is None]
    if alone:
        found |= read(alone)
    found |= {document.id: document for some in held.values() for document in some or ()}
    return {id_: found[id_] for id_ in box_of if id_ in found}


def _box_of(object_id: str) -> str | None:
    boxing = boxing_of(object_id)
    return None if boxing is None else boxing.box_of(object_id)
