"""What billing's transactions cost by AWS's rule, and how many round trips they wait for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from tests.benchmarks.units import WRITE_BYTES, item_bytes
from tests.engines import Engine, resources

_INDEXES: dict[str, tuple[str, str]] = {
    index["IndexName"]: (
        index["KeySchema"][0]["AttributeName"],
        index["KeySchema"][1]["AttributeName"],
    )
    for index in resources("AWS::DynamoDB::Table")["BillingTable"]["GlobalSecondaryIndexes"]
}

type Item = dict[str, Any]


@dataclass
class Traffic:
    """The calls of a piece of work.

    ``round_trips`` counts how many had to wait for another; calls side by side count once, which
    shows when each takes ``latency_seconds`` as on a network.
    """

    engine: Engine
    latency_seconds: float = 0.0
    calls: list[str] = field(default_factory=list)
    round_trips: int = 0
    write_units: int = 0
    seconds: float = 0.0
    _open: int = 0
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def recorded(self) -> Iterator["Traffic"]:
        """Record what happens inside."""
        send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

        def recording(client: BaseClient, operation: str, arguments: dict[str, Any]) -> object:
            if operation == "Scan":  # of these figures, to see what a write replaces
                return send(client, operation, arguments)
            with self._lock:
                self.calls.append(operation)
                self.round_trips += self._open == 0
                self._open += 1
            if operation == "TransactWriteItems":
                self.write_units += sum(map(self._units, arguments["TransactItems"]))
            time.sleep(self.latency_seconds)
            started = time.perf_counter()
            try:
                return send(client, operation, arguments)
            finally:
                with self._lock:
                    self._open -= 1
                self.seconds += time.perf_counter() - started

        with patch.object(BaseClient, "_make_api_call", recording):
            yield self

    def _units(self, operation: dict[str, Any]) -> int:
        """Double for the table, since it is a transaction; once for each change of an index."""
        [(verb, request)] = operation.items()
        key = request.get("Key") or {name: request["Item"][name] for name in ("pk", "sk")}
        before = self._stored(request["TableName"], key)
        after = request.get("Item", before if verb == "ConditionCheck" else {})
        largest = max(item_bytes(before), item_bytes(after), 1)
        return 2 * -(-largest // WRITE_BYTES) + sum(
            _index_units(before, after, *names) for names in _INDEXES.values()
        )

    def _stored(self, table: str, key: Item) -> Item:
        for item in self.engine.scan("billing"):
            if table == self.engine.tables["billing"] and all(
                item[name] == value for name, value in key.items()
            ):
                return item
        return {}


def _index_units(before: Item, after: Item, *names: str) -> int:
    """An index of keys: an entry that moves is removed and written, one unit each."""
    old, new = ([item.get(name) for name in names] for item in (before, after))
    if old == new:
        return 0
    return int(None not in old) + int(None not in new)
