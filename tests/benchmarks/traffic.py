"""What handlers ask of DynamoDB and write into their logs, when they run end to end in memory."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from tests.benchmarks.units import READ_BYTES, item_bytes

_TAKEN_BY_LAMBDA = 26
"""What CloudWatch Logs bills beside each line."""


@dataclass(slots=True)
class Traffic:
    """The calls of some work, the read units that AWS bills for them, and the bytes logged."""

    calls: int = 0
    read_units: float = 0.0
    logged_bytes: int = 0

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record what happens inside."""
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def recording(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
            answer = send(client, operation, request)
            self.calls += 1
            self.read_units += _units_read(operation, request, answer)
            return answer

        output = StringIO()
        with patch.object(BaseClient, "_make_api_call", recording), redirect_stdout(output):
            yield
        lines = output.getvalue().splitlines()
        self.logged_bytes += sum(len(line.encode()) + _TAKEN_BY_LAMBDA for line in lines)


def _units_read(operation: str, request: dict[str, Any], answer: dict[str, Any]) -> float:
    """By AWS's rule; half of it where the newest need not be seen."""
    match operation:
        case "GetItem":
            return _units([answer.get("Item", {})], request)
        case "Query":
            return _units(answer["Items"], request)
        case "BatchGetItem":
            return sum(
                _units([item], wanted)
                for table, wanted in request["RequestItems"].items()
                for item in _all(wanted["Keys"], answer["Responses"].get(table, []))
            )
        case _:
            return 0.0


def _all(keys: list[Any], found: list[Any]) -> list[Any]:
    """What was found, and an empty item for each key that was not."""
    return [*found, *({} for _ in range(len(keys) - len(found)))]


def _units(items: list[Any], request: dict[str, Any]) -> float:
    units = max(1, -(-sum(map(_bytes, items)) // READ_BYTES))
    return units if request.get("ConsistentRead") else units / 2


def _bytes(item: Any) -> int:
    return item_bytes(dict(item))
