"""One decision, one transaction: how a ``Change`` becomes DynamoDB writes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import CancellationReason, DoesNotExist, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from meterline.store.base import keys, sizes
from meterline.store.base.documents import (
    LIVE,
    Body,
    Change,
    Claim,
    ClaimTaken,
    Conflict,
    Document,
    LeaseLost,
)
from meterline.store.base.models import BillingItem, access_item, billing_item
from meterline.store.billing.search_terms import terms_of

COMMITTED = "committed"
_REFUSED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"


@dataclass(frozen=True, slots=True)
class _Writer:
    """Adds the parts of a change to a transaction, noting what each operation is about.

    DynamoDB reports reasons in the order checks, deletes, puts, updates: PynamoDB sends them so.
    """

    transaction: TransactWrite
    livemode: bool

    def write(self, change: Change) -> Iterator[Document | Claim | None]:
        model = billing_item()
        for document in change.checks:
            self.transaction.condition_check(
                model, *_address(document), condition=_unchanged(model, document)
            )
            yield document
        for document in change.deletes:
            self.transaction.delete(item_of(document), condition=_unchanged(model, document))
            yield document
        for claim in change.releases:
            gone = model.pk.does_not_exist()
            condition = gone | (model.holder == claim.holder)
            self.transaction.delete(self._claim(claim), condition=condition)
            yield claim
        for document in change.puts:
            self.transaction.save(item_of(document), condition=_unchanged(model, document))
            yield document
        for claim in change.claims:
            free = model.pk.does_not_exist() | (model.holder == claim.holder)
            if claim.former is not None:
                free = free | (model.holder == claim.former)
            self.transaction.save(self._claim(claim), condition=free)
            yield claim
        if change.receipt is not None:
            access = access_item()
            self.transaction.update(
                access(change.receipt.pk),
                actions=[
                    access.state.set(COMMITTED),
                    access.result_id.set(change.result_id or ""),
                ],
                condition=access.lease == change.receipt.lease,
            )
            yield None

    def _claim(self, claim: Claim) -> BillingItem:
        key = keys.claim_key(self.livemode, claim.kind, claim.value)
        return billing_item()(key, "#", holder=claim.holder)


def commit(change: Change, *, livemode: bool) -> None:
    """Write ``change`` whole or not at all.

    Raises ``Conflict`` when a document is no longer at its version, ``ClaimTaken`` when a claimed
    value has another holder, ``LeaseLost`` when the request's idempotency record was taken over,
    ``Oversized`` when DynamoDB would not take it, ``TooLong`` when a request leaves too little
    room. A retry after a lost answer carries the same client token, so it takes effect once.
    """
    transaction = TransactWrite(connection=_connection())
    subjects = list(_Writer(transaction, livemode).write(change))
    _check_sizes(transaction, change, len(subjects))
    try:
        with transaction:
            pass
    except TransactWriteError as error:
        outcome = _outcome(error.cancellation_reasons, subjects)
        if outcome is None:
            raise
        raise outcome from error


def _check_sizes(transaction: TransactWrite, change: Change, operations: int) -> None:
    """Raises ``TooLong`` or ``Oversized``; the items are looked at as they would be sent."""
    items = [put["Item"] for put in transaction._put_items]  # noqa: SLF001 - they are packed here
    if change.is_asked_for:
        for document, item in zip(change.puts, items, strict=False):
            stored = partial(_stored_body, document)
            sizes.check_written(document, len(item["body"]["B"]), stored)
    sizes.check_limits(items, operations)


def _stored_body(document: Document) -> Body | None:
    """The body of a document as last committed; None of a new one."""
    if document.version == 0:
        return None
    try:
        return billing_item().get(*_address(document), consistent_read=True).body
    except DoesNotExist:
        return None


def _connection() -> Connection:
    table = billing_item()._get_connection()  # noqa: SLF001 - to reuse its connection pool
    connection: Connection = table.connection
    return connection


def _address(document: Document) -> tuple[str, str]:
    return keys.object_key(document.livemode, document.id), "#"


def item_of(document: Document) -> BillingItem:
    """The item that stores ``document`` at its next version."""
    return billing_item()(
        *_address(document),
        kind=document.kind,
        version=document.version + 1,
        body=document.body,
        timeline=None if document.timeline == LIVE else document.timeline,
        expires_at=document.expires_at,
        terms=set(terms_of(document.kind, document.body)) or None,
        parts=set(document.parts) or None,
        **_index_attributes(document),
    )


def stored_item(document: Document) -> dict[str, Any]:
    """``document`` at its next version in DynamoDB's own notation, for another transaction."""
    return dict(item_of(document).serialize())


def _index_attributes(document: Document) -> dict[str, Any]:
    return dict(keys.index_keys(document))


def _unchanged(model: type[BillingItem], document: Document) -> Condition:
    if document.version == 0:
        return model.pk.does_not_exist()
    return model.version == document.version


def _outcome(
    reasons: Sequence[CancellationReason | None], subjects: list[Document | Claim | None]
) -> Exception | None:
    """What a cancelled transaction means to the service that asked for it.

    None if it was no race: the request itself or AWS is at fault. A lost condition comes first, as
    whatever else was refused was decided on an old state. A conflict with another transaction is
    one only if nothing else would refuse this one again.
    """
    refused = [
        (reason.code, subject)
        for reason, subject in zip(reasons, subjects, strict=False)
        if reason is not None
    ]
    for code, subject in refused:
        if code != _REFUSED:
            continue
        if isinstance(subject, Claim):
            return ClaimTaken(subject)
        if subject is None:
            return LeaseLost()
        return Conflict(subject.id)
    if refused and all(code == _CONFLICT for code, _ in refused):
        return Conflict("another transaction")
    return None
