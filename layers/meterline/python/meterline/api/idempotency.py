"""Idempotency-Key: a repeated POST takes effect once (contract section 1.7).

The record is claimed before the work and marked by the work's own transaction, so it is exact when
a function dies half way: a repetition finds either nothing done, or the id of the object that was
committed. Refused requests change nothing and are forgotten; so are unexpected failures, because
what did take effect is known from the record and need not be hidden behind a stored 500.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from meterline.api.auth import Principal
from meterline.api.requests import Request
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.versions import UnknownVersion
from meterline.store.account import idempotency_records as records
from meterline.store.account.idempotency_records import Record, State
from meterline.store.base.documents import Receipt
from meterline.store.base.packing import pack_text, unpack_text

_MAX_ANSWER_BYTES = 350_000


@frozen
class Replay:
    """A request that was done before. ``body`` is its answer; if that was never stored,
    ``result_id`` names the object that it committed.
    """

    original_request: str
    status: int = 200
    body: bytes | None = None
    result_id: str = ""


def begin(
    key: str,
    principal: Principal,
    request: Request,
    raw: Mapping[str, Any],
    request_id: str,
    now: int,
) -> Receipt | Replay:
    """Claim the request, or find that it was done.

    Raises BillingError: 400 when the key was used with other parameters, 409 while the first
    request is still running.
    """
    pk = f"idem#{principal.key.id}#{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()}"
    fingerprint = _fingerprint(request, raw)
    try:
        found = records.claim(pk, fingerprint, request_id, now)
    except records.RecordBusyError:
        raise in_use(key) from None
    if isinstance(found, Receipt):
        return found
    if found.fingerprint != fingerprint:
        raise _other_parameters(key)
    if found.state is State.RUNNING:
        raise in_use(key)
    return _replay(found)


def finish(receipt: Receipt, status: int, body: bytes) -> None:
    """Store the answer, which holds no secret, for replays; one that is too large is rendered again
    instead.
    """
    packed = pack_text(body)
    if len(packed) <= _MAX_ANSWER_BYTES:
        records.store_answer(receipt, status, packed)


def forget(receipt: Receipt) -> None:
    """Let the key be used again: the request was refused, nothing was committed."""
    records.release(receipt)


def in_use(key: str) -> BillingError:
    """The refusal while the first request with this key is running."""
    return BillingError(
        "There is currently another in-progress request using this Idempotent Key (that probably "
        f"means you submitted twice, and the other request is still going through): {key}. Please "
        "try again later.",
        code="idempotency_key_in_use",
        status=409,
        type="idempotency_error",
    )


def _replay(record: Record) -> Replay:
    if record.state is State.ANSWERED:
        # What another release stored in a form of its own is rendered again, as if it were lost.
        with contextlib.suppress(UnknownVersion):
            body = unpack_text(bytes(record.answer))
            return Replay(record.request_id, record.status, body)
    return Replay(record.request_id, result_id=record.result_id)


def _fingerprint(request: Request, raw: Mapping[str, Any]) -> str:
    text = json.dumps([request.method, request.path, raw], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _other_parameters(key: str) -> BillingError:
    return BillingError(
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to execute a different "
        "request.",
        type="idempotency_error",
    )
