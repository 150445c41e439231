"""Partitions as DynamoDB has them: a partition key takes 1,000 write units a second, not more.

What comes beyond is refused, as AWS says it: a statement of a batch by its code, other calls as a
whole. Time is what ``clock`` says.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.benchmarks.units import MeteredDynamoDB
from tests.dynamodb.requests import Answer
from tests.dynamodb.values import Item

UNITS_A_SECOND = 1_000
type Clock = Callable[[], float]

_THROTTLED = "ProvisionedThroughputExceeded"


class PartitionedDynamoDB(MeteredDynamoDB):
    """The engine with the limit of each partition key of the Usage table."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: Clock = lambda: 0.0
        self.used: Counter[tuple[str, int]] = Counter()
        """Write units by partition key and second."""
        self.throttled = 0

    def busiest(self, partition: str) -> int:
        """The most units that a partition key took in a second."""
        return max((n for (key, _), n in self.used.items() if key == partition), default=0)

    def _call(self, operation: str, request: dict[str, Any]) -> Answer:
        partition = _partition_written(operation, request)
        if self.used[partition, int(self.clock())] < UNITS_A_SECOND or not partition:
            return super()._call(operation, request)
        self.throttled += 1
        if operation == "BatchExecuteStatement":
            refused = {"TableName": "usage", "Error": {"Code": _THROTTLED}}
            return {"Responses": [refused for _ in request["Statements"]]}
        error = {"Error": {"Code": f"{_THROTTLED}Exception", "Message": "simulated"}}
        raise ClientError(error, operation)  # type: ignore[arg-type] # as far as it is read

    def _bill(self, before: Item | None, after: Item | None, *, times: int = 1) -> None:
        units = self.write_units
        super()._bill(before, after, times=times)
        partition = (after or before or {}).get("pk", {}).get("S", "")
        self.used[partition, int(self.clock())] += self.write_units - units


def _partition_written(operation: str, request: dict[str, Any]) -> str:
    """The partition key in the Usage table that a call writes to; "" if it writes elsewhere.

    What writes to several writes to one customer's here: the first says which.
    """
    match operation:
        case "PutItem" if "pk" in request["Item"]:
            return str(request["Item"]["pk"]["S"])
        case "TransactWriteItems":
            return str(request["TransactItems"][0]["Put"]["Item"]["pk"]["S"])
        case "BatchExecuteStatement" if '"usage"' in request["Statements"][0]["Statement"]:
            statement = request["Statements"][0]
            place = -3 if statement["Statement"].startswith("UPDATE") else 0
            return str(statement["Parameters"][place]["S"])
        case _:
            return ""
