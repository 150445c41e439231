"""Invoices with more lines than one item holds: the lines stand in parts beside the invoice.

Parts are written before the commit that needs them. They are invisible until then, because only the
names that the invoice's own item gives are read. A name says for which version the part was made
and what is in it, so a retry writes the same part again, and two writers that race never write
over each other's. Parts that no commit references (a lost race) are deleted after the next commit.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import replace

from meterline.store.base import keys
from meterline.store.base.documents import Body, Change, Document
from meterline.store.base.long_lists import first_rows, long_field
from meterline.store.base.models import (
    KeyRange,
    billing_item,
    delete_many,
    read_many,
    save_many,
    sort_keys,
)
from meterline.store.base.packing import pack, text_bytes

INLINE_LINES = 100
INLINE_TEXT_BYTES = 200_000
INLINE_BYTES = 100_000
"""An invoice with more lines than this, or longer ones (before and after packing), keeps its lines
in parts.
"""

PART_BYTES = 200_000
_MOST_COMPRESSION = 20
_PREFIX = "lines#"
_VERSION_DIGITS = 9


class PartsReplaced(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """The parts that an item names are gone: a later version of the object has other ones."""


def write_parts(change: Change) -> Change:
    """Write the parts that the documents of ``change`` need; the change that names them.

    A document of which only the first lines were read keeps the parts that it has.
    """
    puts = []
    for document in change.puts:
        names = document.parts
        if _is_long(document):
            parts = dict(_parts(document))
            kept = [_digest_of(name) for name in names] == [_digest_of(name) for name in parts]
            if not kept:
                names = tuple(parts)
                _write(document, parts)
            document = replace(document, body=first_rows(document.body), parts=names)  # noqa: PLW2901
        elif not _is_head(document.body):
            document = replace(document, parts=())  # noqa: PLW2901 - the version to be stored
        puts.append(document)
    return replace(change, puts=puts)


def remove_parts(before: Change, after: Change) -> None:
    """Remove what nothing names any more, once a change was committed: ``after`` is its form with
    the names of parts, as ``write_parts`` gave it.
    """
    for former, written in zip(before.puts, after.puts, strict=True):
        if former.parts or written.parts:
            _remove(former, keep=written.parts)
    for document in before.deletes:
        if document.parts:
            _remove(document, keep=())


def read_lines(document: Document) -> Document:
    """The document with all its lines; raises ``PartsReplaced`` if they belong to a later one."""
    if not document.parts:
        return document
    pk, _ = _address(document)
    items = read_many((pk, name) for name in document.parts)
    found = {item.sk: (item.body or {})["lines"] for item in items}
    if len(found) < len(document.parts):
        raise PartsReplaced
    field = _field(document)
    rows = [row for name in document.parts for row in found[name]]
    listed = document.body[field] | {"data": rows, "has_more": False}
    return replace(document, body=document.body | {field: listed})


def _is_long(document: Document) -> bool:
    """Whether a document, whole as it is, has to be stored in parts."""
    field = long_field(document.body)
    if field is None or _is_head(document.body):
        return False
    rows = document.body[field]["data"]
    if len(rows) > INLINE_LINES:
        return True
    size = text_bytes(rows) if len(rows) > 1 else 0
    if size > INLINE_TEXT_BYTES:
        return True
    return size > INLINE_BYTES and len(pack({"lines": rows})) > INLINE_BYTES


def _is_head(body: Body) -> bool:
    """Whether a body has the first rows only."""
    field = long_field(body)
    return field is not None and bool(body[field].get("has_more"))


def _field(document: Document) -> str:
    field = long_field(document.body)
    assert field is not None, "only what has a long list is stored in parts"  # noqa: S101
    return field


def _parts(document: Document) -> Iterator[tuple[str, list[Body]]]:
    """The parts of a document's lines by their names, in order."""
    for index, lines in enumerate(_groups(document.body[_field(document)]["data"])):
        digest = hashlib.sha256(pack({"lines": lines})).digest()
        mark = urlsafe_b64encode(digest[:15]).decode()
        yield f"{_PREFIX}{document.version + 1:0{_VERSION_DIGITS}d}#{index:04d}#{mark}", lines


def _groups(lines: list[Body]) -> Iterator[list[Body]]:
    """The lines in groups that fit into one part each; what is far too long is not packed first."""
    may_fit = len(lines) == 1 or text_bytes(lines) <= _MOST_COMPRESSION * PART_BYTES
    if may_fit and (len(lines) == 1 or len(pack({"lines": lines})) <= PART_BYTES):
        yield lines
        return
    middle = len(lines) // 2
    yield from _groups(lines[:middle])
    yield from _groups(lines[middle:])


def _write(document: Document, parts: dict[str, list[Body]]) -> None:
    pk, _ = _address(document)
    model = billing_item()
    save_many(model(pk, name, body={"lines": lines}) for name, lines in parts.items())


def _remove(document: Document, *, keep: Iterable[str]) -> None:
    """Remove a document's parts up to the version after it: no commit can name those any more."""
    pk, _ = _address(document)
    last = f"{_PREFIX}{document.version + 2:0{_VERSION_DIGITS}d}"
    unnamed = set(sort_keys(pk, KeyRange(_PREFIX, last))) - set(keep)
    delete_many(billing_item()(pk, name) for name in sorted(unnamed))


def _digest_of(name: str) -> str:
    return name.split("#", 2)[2]


def _address(document: Document) -> tuple[str, str]:
    return keys.object_key(document.livemode, document.id), "#"
