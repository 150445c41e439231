"""What may pass by itself, and what fails however often it is tried."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from meterline.store.base.batches import Throttled
from meterline.store.base.documents import Claim, ClaimTaken, Conflict, LeaseLost
from meterline.store.base.failures import causes, is_throttled, passes


def _refused(code: str, status: int = 400) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": code},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "TransactWriteItems")


def _cancelled(*codes: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(answer, "TransactWriteItems")


THROTTLES: dict[str, BaseException] = {
    "a call": _refused("ThrottlingException"),
    "a table": _refused("ProvisionedThroughputExceededException"),
    "the account": _refused("RequestLimitExceeded"),
    "a queue": _refused("RequestThrottled"),
    "an item": _cancelled("None", "ThrottlingError"),
    "a partition": _cancelled("ProvisionedThroughputExceeded", "None"),
    "an item beside a conflict": _cancelled("TransactionConflict", "ThrottlingError"),
    "a batch": Throttled("2 keys could not be read"),
}
PASSING: dict[str, BaseException] = {
    "a lost race": Conflict("cus_1"),
    "a lost lease": LeaseLost(),
    "AWS failed": _refused("InternalServerError", 500),
    "AWS failed in a way of its own": _refused("SomethingNew", 503),
    "the same transaction is under way": _refused("TransactionInProgressException"),
    "another transaction": _cancelled("None", "TransactionConflict"),
    "a lost answer": ReadTimeoutError(endpoint_url="dynamodb"),
    "no answer": ConnectTimeoutError(endpoint_url="dynamodb"),
    "no way": EndpointConnectionError(endpoint_url="dynamodb"),
    "a reset connection": ConnectionResetError(),
    "a time-out": TimeoutError(),
}
LASTING: dict[str, BaseException] = {
    "an invalid call": _refused("ValidationException"),
    "an invalid item": _cancelled("None", "ValidationError"),
    "an invalid item beside a throttled one": _cancelled("ThrottlingError", "ValidationError"),
    "an invalid item beside a conflict": _cancelled("TransactionConflict", "ValidationError"),
    "a collection that is full": _cancelled("ItemCollectionSizeLimitExceeded"),
    "no such table": _refused("ResourceNotFoundException"),
    "no permission": _refused("AccessDeniedException"),
    "another request with this token": _refused("IdempotentParameterMismatchException"),
    "no credentials": NoCredentialsError(),
    "a call that botocore refuses": ParamValidationError(report="Item"),
    "a full disk": OSError(28, "No space left on device"),
    "a claimed value": ClaimTaken(Claim("prefix", "ADA", "cus_1")),
    "a defect": KeyError("price"),
}


@pytest.mark.parametrize("name", THROTTLES)
def test_a_throttle_passes(name: str) -> None:
    assert is_throttled(THROTTLES[name])
    assert passes(THROTTLES[name])


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_no_throttle_unless_it_says_so(name: str) -> None:
    assert passes(PASSING[name])
    assert not is_throttled(PASSING[name])


@pytest.mark.parametrize("name", LASTING)
def test_what_would_be_refused_again_does_not_pass(name: str) -> None:
    assert not passes(LASTING[name])
    assert not is_throttled(LASTING[name])


def test_what_was_raised_from_something_that_passes_passes() -> None:
    told = RuntimeError("not published")
    told.__cause__ = THROTTLES["a call"]
    assert passes(told)
    assert is_throttled(told)


def test_a_chain_of_causes_that_leads_back_ends() -> None:
    own, one, other = KeyError("own"), KeyError("one"), KeyError("other")
    own.__cause__ = own
    one.__cause__, other.__cause__ = other, one
    assert list(causes(own)) == [own]
    assert list(causes(one)) == [one, other]
    assert not passes(own)
    assert not is_throttled(one)
