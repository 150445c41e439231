"""One decision, one transaction: how a ``Change`` becomes DynamoDB writes."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from meterline.core.base.frozen import frozen
from meterline.store.base import keys, sizes
from meterline.store.base.documents import (
    LIVE,
    Body,
    Change,
    Claim,
    ClaimTaken,
    Conflict,
    Count,
    Document,
    LeaseLost,
)
from meterline.store.base.index_keys import index_keys
from meterline.store.base.models import (
    BillingItem,
    Condition,
    ConditionFailed,
    Transaction,
    billing_item,
    has_version,
    is_free_for,
    is_new,
    read,
    save,
)
from meterline.store.billing.search_terms import terms_of

COMMITTED = "committed"
_REFUSED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"
_NO_REASON = "None"


@frozen
class _Writer:
    """Adds the parts of a change to a transaction, noting what each operation is about."""

    transaction: Transaction
    livemode: bool

    def write(self, change: Change) -> Iterator[Document | Claim | Count | None]:
        for document in change.checks:
            self.transaction.check(_address(document), _unchanged(document))
            yield document
        for document in change.deletes:
            self.transaction.delete(item_of(document), _unchanged(document))
            yield document
        for claim in change.releases:
            self.transaction.delete(self._claim(claim), is_free_for(claim.holder))
            yield claim
        for document in change.puts:
            self.transaction.put(item_of(document), _unchanged(document))
            yield document
        for claim in change.claims:
            holders = filter(None, (claim.holder, claim.former))
            self.transaction.put(self._claim(claim), is_free_for(*holders))
            yield claim
        if (receipt := change.receipt) is not None:
            self.transaction.answer(receipt.pk, receipt.lease, COMMITTED, change.result_id or "")
            yield None
        for count in change.counted:
            self.transaction.count(*count)
            yield count

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
    transaction = Transaction()
    subjects = list(_Writer(transaction, livemode).write(change))
    _check_sizes(transaction, change, len(subjects))
    try:
        transaction.commit()
    except ClientError as error:
        outcome = _outcome(_reasons(error), subjects)
        if outcome is None:
            raise
        raise outcome from error


def put(document: Document) -> None:
    """Write one document by itself, for half of what a transaction costs.

    Raises ``Conflict`` when it is no longer at its version; also when it was written, and the
    answer was lost.
    """
    try:
        save(item_of(document), _unchanged(document))
    except ConditionFailed:
        raise Conflict(document.id) from None


def _reasons(error: ClientError) -> list[str]:
    """What each operation of a transaction was refused for; ``_NO_REASON`` if it was not."""
    answer: Any = error.response
    return [reason.get("Code", _NO_REASON) for reason in answer.get("CancellationReasons", ())]


def _check_sizes(transaction: Transaction, change: Change, operations: int) -> None:
    """Raises ``TooLong`` or ``Oversized``; the items are looked at as they would be sent."""
    items = transaction.items
    if change.is_asked_for:
        for document, item in zip(change.puts, items, strict=False):
            stored = partial(_stored_body, document)
            sizes.check_written(document, len(item["body"]["B"]), stored)
    sizes.check_limits(items, operations)


def _stored_body(document: Document) -> Body | None:
    """The body of a document as last committed; None of a new one."""
    if document.version == 0:
        return None
    stored = read(*_address(document))
    return None if stored is None else stored.body


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
    return dict(index_keys(document))


def _unchanged(document: Document) -> Condition:
    return has_version(document.version) if document.version else is_new()


def _outcome(
    reasons: Sequence[str], subjects: list[Document | Claim | Count | None]
) -> Exception | None:
    """What a cancelled transaction means to the service that asked for it.

    None if it was no race: the request itself or AWS is at fault. A lost condition comes first, as
    whatever else was refused was decided on an old state. A conflict with another transaction is
    one only if nothing else would refuse this one again.
    """
    refused = [
        (code, subject)
        for code, subject in zip(reasons, subjects, strict=False)
        if code != _NO_REASON
    ]
    for code, subject in refused:
        if code != _REFUSED:
            continue
        if isinstance(subject, Claim):
            return ClaimTaken(subject)
        if not isinstance(subject, Document):
            return LeaseLost()  # to count needs no condition
        return Conflict(subject.id)
    if refused and all(code == _CONFLICT for code, _ in refused):
        return Conflict("another transaction")
    return None
