"""Search terms: which exact values find an object, and the rows that lead from them to it.

A row is written before the commit that needs it and removed after the commit that ends it, so that
every committed object can be found. A row too many, left by a death in between, does no harm:
readers check each object against what they look for. Rows are not part of the transaction, because
that would double what they cost and bound how much metadata an object may have.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from meterline.core.kinds.registry import kind_of
from meterline.store.base import keys
from meterline.store.base.documents import Change, Document
from meterline.store.base.models import (
    billing_item,
    delete_each,
    delete_many,
    has_version_up_to,
    save_many,
)


def term_of(*parts: str) -> str:
    """The term of the value of a field; ``parts`` say which: its name, and what it holds."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return urlsafe_b64encode(digest[:15]).decode()


def metadata_term(key: str, value: str) -> str:
    """The term of a pair of metadata; a value counts whatever its case."""
    return term_of("metadata", key, value.casefold())


def indexed_term(field: str, value: str) -> str:
    """The term of what an ``indexed`` field of a kind holds, whatever its case."""
    return term_of("indexed", field, value.casefold())


def terms_of(kind_name: str, body: Mapping[str, Any]) -> frozenset[str]:
    """The terms that find an object as it is now."""
    kind = kind_of(kind_name)
    if body.get("deleted"):
        return frozenset()
    terms = {term_of(*term) for term in kind.terms(body)}
    if kind.search is not None:
        pairs = (body.get("metadata") or {}).items()
        terms |= {metadata_term(key, value) for key, value in pairs}
        terms |= {indexed_term(name, body[name]) for name in kind.search.indexed if body.get(name)}
    return frozenset(terms)


def write_rows(change: Change) -> None:
    """Write the rows of the terms that ``change`` gives to its documents."""
    save_many(
        billing_item()(*_address(document, term), version=document.version + 1)
        for document in change.puts
        for term in sorted(terms_of(document.kind, document.body) - document.terms)
    )


def undo_rows(change: Change) -> None:
    """Remove the rows of documents that were to be created, as they were not.

    No other commit has their ids. Rows of documents that exist stay: another commit may need them.
    """
    created = [document for document in change.puts if document.version == 0]
    delete_many(
        billing_item()(*_address(document, term))
        for document in created
        for term in sorted(terms_of(document.kind, document.body))
    )


def remove_rows(change: Change) -> None:
    """Remove the rows of the terms that ``change`` took away, unless they were given again."""
    delete_each(
        (billing_item()(*_address(document, term)), has_version_up_to(document.version))
        for document, term in _ended(change)
    )


def _ended(change: Change) -> Iterator[tuple[Document, str]]:
    for document in change.puts:
        left = document.terms - terms_of(document.kind, document.body)
        yield from _each(document, left)
    for document in change.deletes:
        yield from _each(document, document.terms)


def _each(document: Document, terms: Iterable[str]) -> Iterator[tuple[Document, str]]:
    return ((document, term) for term in sorted(terms))


def _address(document: Document, term: str) -> tuple[str, str]:
    place = keys.Cursor(document.created, document.id).sort_key
    return keys.term_key(document.livemode, document.kind, term), place
