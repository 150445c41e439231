"""Search terms: which exact values find an object, and the rows that lead from them to it.

A row is written before the commit that needs it and removed after the commit that ends it, so that
every committed object can be found. A row too many, left by a death in between, does no harm:
readers check each object against what they look for. Rows are not part of the transaction, because
that would double what they cost and bound how much metadata an object may have.
"""

import contextlib
import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping

from meterline.store.base import keys
from meterline.store.base.documents import Body, Change, Document
from meterline.store.base.models import (
    ConditionFailed,
    billing_item,
    delete,
    delete_many,
    has_version_up_to,
    save_many,
)

SEARCHABLE = frozenset({"customer", "invoice", "price", "product", "subscription"})


def metadata_term(key: str, value: str) -> str:
    """The term of a pair of metadata; a value counts whatever its case."""
    return _digest("metadata", key, value.casefold())


def email_term(email: str) -> str:
    """The term of a customer's e-mail address, whatever its case."""
    return _digest("email", email.casefold())


def field_term(*parts: str) -> str:
    """The term of the value of a field that lists are filtered by; ``parts`` say which."""
    return _digest("field", *parts)


def terms_of(kind: str, body: Body) -> frozenset[str]:
    """The terms that find an object as it is now."""
    if kind not in SEARCHABLE or body.get("deleted"):
        return frozenset()
    pairs = (body.get("metadata") or {}).items()
    terms = {metadata_term(key, value) for key, value in pairs}
    return frozenset(terms | set(_FIELDS.get(kind, _no_fields)(body)))


def _customer_terms(customer: Body) -> Iterator[str]:
    if customer.get("email"):
        yield email_term(customer["email"])


def _price_terms(price: Body) -> Iterator[str]:
    yield field_term("currency", price["currency"])
    meter = (price["recurring"] or {}).get("meter")
    if meter:
        yield field_term("meter", meter)


def _product_terms(product: Body) -> Iterator[str]:
    if product["url"]:
        yield field_term("url", product["url"])


def _subscription_terms(subscription: Body) -> Iterator[str]:
    """Prices together with the status: those of a price that run are not behind those that ended.

    A renewal changes neither, so it writes none.
    """
    for item in subscription["items"]["data"]:
        yield field_term("price", item["price"]["id"], subscription["status"])


def _no_fields(_: Body) -> Iterator[str]:
    return iter(())


_FIELDS: Mapping[str, Callable[[Body], Iterator[str]]] = {
    "customer": _customer_terms,
    "price": _price_terms,
    "product": _product_terms,
    "subscription": _subscription_terms,
}


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
    for document, term in _ended(change):
        row = billing_item()(*_address(document, term))
        with contextlib.suppress(ConditionFailed):
            delete(row, has_version_up_to(document.version))


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


def _digest(*parts: str) -> str:
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return urlsafe_b64encode(digest[:15]).decode()
