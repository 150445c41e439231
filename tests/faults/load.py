"""AWS under load: what it refuses for a while, in the words that a client hears at the end.

botocore has tried again by then. Throttling comes in bursts, as a hot partition stays hot; a
transaction on an item refuses every other write to it, plain or in a transaction, while it runs.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

CONCURRENT_EXECUTIONS = 10
"""What a new account may run at once, of all functions together."""

BURST = 6
"""The most calls in a row that are throttled."""

STATEMENT_CODES = (
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "InternalServerError",
)
"""What a statement of a batch is refused for by itself, until it is tried again."""

PLAIN_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_TRANSACTION = "TransactWriteItems"
_THROTTLES = (
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
)
_ELSEWHERE = {"PublishBatch": "Throttling", "PutObject": "SlowDown"}
_NEVER = frozenset({"SendMessageBatch", "ChangeMessageVisibilityBatch", "GetQueueAttributes"})
"""A standard queue takes any number of calls."""

_CANCELED = "TransactionCanceledException"

type Call = Mapping[str, Any]
type Refusal = dict[str, Any]
"""An error as botocore has it."""


@dataclass
class Load:
    """How AWS is doing: ``rate`` is how often trouble begins at a call.

    ``contended`` are the tables where plain writes meet items that transactions write too.
    """

    chance: random.Random
    rate: float
    contended: frozenset[str]
    is_calm: bool = False
    refused: list[str] = field(default_factory=list)
    """The codes of all that was refused."""

    _throttled: int = 0

    def refusal(self, operation: str, call: Call) -> Refusal | None:
        """What a call is refused for before it has any effect; None if it is done."""
        if self.is_calm or operation in _NEVER:
            return None
        answer = self._throttle(operation, call) or self._conflict(operation, call)
        if answer is not None:
            self.refused.append(answer["Error"]["Code"])
        return answer

    def statement_code(self, table: str) -> str | None:
        """What a statement of a batch is refused for; None if it is done."""
        if self.is_calm or self.chance.random() >= self.rate:
            return None
        conflict = ("TransactionConflict",) * (table in self.contended)
        return self.chance.choice(STATEMENT_CODES + conflict)

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Within it, nothing is refused."""
        before, self.is_calm = self.is_calm, True
        try:
            yield
        finally:
            self.is_calm = before

    def _throttle(self, operation: str, call: Call) -> Refusal | None:
        if self._throttled:
            self._throttled -= 1
        elif self.chance.random() < self.rate / 2:
            self._throttled = self.chance.randrange(BURST)
        else:
            return None
        if operation in _ELSEWHERE:
            return refusal(_ELSEWHERE[operation])
        if operation == _TRANSACTION and self.chance.random() < 0.5:
            return self._cancelled(call, ("ThrottlingError", "ProvisionedThroughputExceeded"))
        return refusal(self.chance.choice(_THROTTLES))

    def _conflict(self, operation: str, call: Call) -> Refusal | None:
        if operation != _TRANSACTION and operation not in PLAIN_WRITES:
            return None
        if self.chance.random() >= self.rate / 2:
            return None
        if operation == _TRANSACTION:
            return self._cancelled(call, ("TransactionConflict",))
        is_contended = call["TableName"] in self.contended
        return refusal("TransactionConflictException") if is_contended else None

    def _cancelled(self, call: Call, codes: tuple[str, ...]) -> Refusal:
        """A transaction that is cancelled for one of its items."""
        reasons: list[Refusal] = [{"Code": "None"} for _ in call["TransactItems"]]
        self.chance.choice(reasons).update(Code=self.chance.choice(codes), Message="")
        return refusal(_CANCELED) | {"CancellationReasons": reasons}


def refusal(code: str) -> Refusal:
    """An error that says no more than its code."""
    return {
        "Error": {"Code": code, "Message": "simulated"},
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
