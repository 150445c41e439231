"""Batches: documents that decide for many others at once, which stand on them.

What stands on a batch is stored once, and shown as its batch says that it is now. Which kinds do,
and what a batch says, is in the record of the kind.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from meterline.core.kinds.registry import kind_of
from meterline.store.base.documents import Document

type Read = Callable[[Iterable[str]], Mapping[str, Document]]


def as_batched(documents: Mapping[str, Document], read: Read) -> dict[str, Document]:
    """The documents, those that stand on batches as these say; without those that they don't name.

    ``read`` reads documents by their ids; nothing is read when nothing stands on a batch.
    """
    standing = {
        document.id: batch
        for document in documents.values()
        if (batch := _batch_of(document)) is not None
    }
    if not standing:
        return dict(documents)
    found = read(set(standing.values()))
    shown = {
        id_: _shown(document, found.get(standing[id_])) if id_ in standing else document
        for id_, document in documents.items()
    }
    return {id_: document for id_, document in shown.items() if document is not None}


def _batch_of(document: Document) -> str | None:
    batching = kind_of(document.kind).batching
    return None if batching is None else batching.batch_of(document.body)


def _shown(document: Document, batch: Document | None) -> Document | None:
    batching = kind_of(document.kind).batching
    if batching is None or batch is None:
        return None
    body = batching.as_batched(document.body, batch.body)
    return None if body is None else replace(document, body=body)
