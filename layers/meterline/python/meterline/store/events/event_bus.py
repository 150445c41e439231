"""Putting events on an event bus of the account's own, as many as a call takes."""

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any, Final

from meterline.core.base.frozen import frozen
from meterline.observability import log_failure
from meterline.store.base.clients import eventbridge
from meterline.store.events.replies import Reply

MOST_ENTRIES: Final = 10
MOST_BYTES: Final = 256 * 1_024
"""Of the entries of one call, as EventBridge counts them: less than that. A whole entry counts, its
bus aside. The limit has been 1 MiB since 2026; rules may lead to what takes no more than this.
"""

_MILLISECONDS = 1_000


@frozen
class BusEntry:
    """An event as a bus takes it: ``detail`` is JSON."""

    bus_arn: str
    source: str
    detail_type: str
    detail: str

    @property
    def size(self) -> int:
        """How many bytes EventBridge counts."""
        return sum(len(text.encode()) for text in (self.source, self.detail_type, self.detail))


def in_calls[T](entries: Sequence[tuple[T, BusEntry]]) -> Iterator[list[tuple[T, BusEntry]]]:
    """Entries, each with what it is for, in groups that one call takes: by number and by size."""
    group: list[tuple[T, BusEntry]] = []
    size = 0
    for pair in entries:
        if group and (len(group) == MOST_ENTRIES or size + pair[1].size >= MOST_BYTES):
            yield group
            group, size = [], 0
        group.append(pair)
        size += pair[1].size
    if group:
        yield group


def put_entries(entries: Sequence[BusEntry]) -> list[Reply]:
    """Put entries on their bus in one call; what came of each, in their order. Never raises.

    What an attempt says of a failure is AWS's code for it.
    """
    began = monotonic()
    try:
        answer = eventbridge().put_events(Entries=[_stated(entry) for entry in entries])
        errors = [one.get("ErrorCode") for one in answer["Entries"]]
    except Exception as error:  # noqa: BLE001 - told by its code
        log_failure("event bus failed", error)
        errors = [_code_of(error)] * len(entries)
    took = int((monotonic() - began) * _MILLISECONDS)
    return [Reply(None, took, error) for error in errors]


def _stated(entry: BusEntry) -> dict[str, str]:
    return {
        "EventBusName": entry.bus_arn,
        "Source": entry.source,
        "DetailType": entry.detail_type,
        "Detail": entry.detail,
    }


def _code_of(error: Any) -> str:  # noqa: ANN401 - botocore's have a response
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code") or "the connection broke off")
