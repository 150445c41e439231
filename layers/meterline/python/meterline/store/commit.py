"""One decision, one transaction: how a ``Change`` becomes DynamoDB writes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.connection import Connection
from pynamodb.exceptions import CancellationReason, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.transactions import TransactWrite

from meterline.store import keys
from meterline.store.documents import (
    LIVE,
    Change,
    Claim,
    ClaimTaken,
    Conflict,
    Document,
    LeaseLost,
)
from meterline.store.models import BillingItem, access_item, billing_item
from meterline.store.search_terms import terms_of

COMMITTED = "committed"
_MAX_OPERATIONS = 100
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
            self.transaction.delete(_item(document), condition=_unchanged(model, document))
            yield document
        for claim in change.releases:
            gone = model.pk.does_not_exist()
            condition = gone | (model.holder == claim.holder)
            self.transaction.delete(self._claim(claim), condition=condition)
            yield claim
        for document in change.puts:
            self.transaction.save(_item(document), condition=_unchanged(model, document))
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
    value has another holder, ``LeaseLost`` when the request's idempotency record was taken over.
    A retry after a lost answer carries the same client token, so it takes effect once.
    """
    transaction = TransactWrite(connection=_connection())
    subjects = list(_Writer(transaction, livemode).write(change))
    if len(subjects) > _MAX_OPERATIONS:
        message = f"A change of {len(subjects)} operations exceeds a transaction"
        raise ValueError(message)
    try:
        with transaction:
            pass
    except TransactWriteError as error:
        outcome = _outcome(error.cancellation_reasons, subjects)
        if outcome is None:
            raise
        raise outcome from error


def _connection() -> Connection:
    table = billing_item()._get_connection()  # noqa: SLF001 - to reuse its connection pool
    connection: Connection = table.connection
    return connection


def _address(document: Document) -> tuple[str, str]:
    return keys.object_key(document.livemode, document.id), "#"


def _item(document: Document) -> BillingItem:
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
