"""What calls of a piece of work cost by AWS's rule: units read and written, and waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from tests.benchmarks.units import READ_BYTES, WRITE_BYTES, item_bytes


@dataclass
class Traffic:
    """The calls of a piece of work; ``round_trips`` are those that waited for another one.

    ``read_units`` are those of consistent reads, half of it for others; ``write_units`` those of
    plain writes, without what they replace.
    """

    calls: list[str] = field(default_factory=list)
    round_trips: int = 0
    read_units: float = 0
    write_units: int = 0
    _open: int = 0
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def recorded(self) -> Iterator["Traffic"]:
        """Record what happens inside."""
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def recording(client: BaseClient, operation: str, arguments: dict[str, Any]) -> Any:
            with self._lock:
                self.calls.append(operation)
                self.round_trips += self._open == 0
                self._open += 1
            try:
                answer = send(client, operation, arguments)
            finally:
                with self._lock:
                    self._open -= 1
            self.read_units += _read_units(operation, arguments, answer)
            self.write_units += _write_units(operation, arguments)
            return answer

        with patch.object(BaseClient, "_make_api_call", recording):
            yield self


def _read_units(operation: str, arguments: dict[str, Any], answer: dict[str, Any]) -> float:
    match operation:
        case "BatchGetItem":
            wanted = sum(len(one["Keys"]) for one in arguments["RequestItems"].values())
            found = [item for items in answer["Responses"].values() for item in items]
            return sum(_units(item_bytes(one), READ_BYTES) for one in found) + wanted - len(found)
        case "GetItem":
            units = float(_units(item_bytes(answer.get("Item")), READ_BYTES))
        case "Query":
            units = float(_units(sum(map(item_bytes, answer["Items"])), READ_BYTES))
        case _:
            return 0
    return units if arguments.get("ConsistentRead") else units / 2


def _write_units(operation: str, arguments: dict[str, Any]) -> int:
    if operation not in ("PutItem", "UpdateItem"):
        return 0
    return _units(item_bytes(arguments.get("Item") or arguments["Key"]), WRITE_BYTES)


def _units(size: int, of: int) -> int:
    return max(1, -(-size // of))
