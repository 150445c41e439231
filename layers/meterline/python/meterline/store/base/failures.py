"""Telling what may pass by itself from what fails however often it is tried again.

Throttles, failures on AWS's side and of the network, and lost races pass. Everything else (a
request that AWS finds invalid, an item that is too large, a missing permission or table) is a
failure that needs mending.
"""

from collections.abc import Iterator
from typing import Any

from botocore import exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError

from meterline.store.base.batches import Throttled
from meterline.store.base.documents import Conflict, LeaseLost

UNANSWERED = (Throttled, BotoCoreError, ClientError, OSError)
"""Whatever AWS or the network answers instead of doing what was asked."""

_THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_TRANSIENT = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_CANCELED = "TransactionCanceledException"
_RACE = "ConditionalCheckFailed"
_NO_REASON = "None"
_FIRST_SERVER_ERROR = 500

_NETWORK = (botocore.HTTPClientError, botocore.ConnectionError, ConnectionError, TimeoutError)
_LOST_RACES = (Conflict, LeaseLost)


def passes(error: BaseException) -> bool:
    """Whether the same work may succeed by itself later.

    A cancelled transaction passes when all its reasons do: what one item is refused for would
    refuse the transaction again.
    """
    return any(isinstance(cause, _LOST_RACES) or _is_transient(cause) for cause in causes(error))


def is_throttled(error: BaseException) -> bool:
    """Whether AWS refused for lack of capacity, and for nothing that would not pass."""
    return any(_is_throttle(cause) for cause in causes(error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from, each once; a chain that leads back to itself ends."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, _NETWORK) or _is_throttle(error):
        return True
    if _code(error) == _CANCELED:
        return _reasons(error) <= _THROTTLES | _TRANSIENT | {_RACE}
    return _code(error) in _TRANSIENT or _status(error) >= _FIRST_SERVER_ERROR


def _is_throttle(error: BaseException) -> bool:
    if _code(error) == _CANCELED:
        reasons = _reasons(error)
        return bool(reasons & _THROTTLES) and reasons <= _THROTTLES | _TRANSIENT
    return isinstance(error, Throttled) or _code(error) in _THROTTLES


def _code(error: BaseException) -> str | None:
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None


def _status(error: BaseException) -> int:
    if not isinstance(error, ClientError):
        return 0
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _reasons(error: BaseException) -> set[str]:
    """The codes of what a transaction was cancelled for, where it stood in the way."""
    answer: Any = getattr(error, "response", {})
    reasons = answer.get("CancellationReasons", ())
    return {reason.get("Code", _NO_REASON) for reason in reasons} - {_NO_REASON}
