"""Replaying streams from what is stored: their functions get again the records that they lost.

A restored table has an empty stream, and a stream that nobody reads forgets its records after a
day. A record that comes twice has no effect on any of the three functions behind streams: a row
counts once, a crossing is emitted once, and a published event keeps its id.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.kinds.registry import event_kinds
from meterline.services.base.outbox import RETENTION_SECONDS
from meterline.services.base.workers import Record
from meterline.store.base.settings import settings
from meterline.store.metering.meter_events import attribute_names
from meterline.store.work.scans import scan_table

type Item = dict[str, Any]

_COUNTED = (
    "identifier",
    *attribute_names("meter", "measure", "customer", "value", "timestamp", "accepted_at"),
    "cancelled_at",
)
_WATCHED = ("sampled_below",)
_PUBLISHED = ("kind", "body")
_WATERMARK = 2
"""The place of a counter's watermark in its ``sums``."""

_MICROSECONDS = 1_000_000


@frozen
class Replay:
    """A stream that can be replayed: the function behind it, and its records since an instant.

    ``function`` is the template's name of it; the instant is in UTC seconds of the wall clock.
    """

    function: str
    records_since: Callable[[int], Iterator[Record]]


def _accepted(since: int) -> Iterator[Record]:
    """The events that were accepted or cancelled since."""
    found = scan_table(
        settings().meter_events_table,
        "u >= :accepted OR accepted_at >= :accepted OR cancelled_at >= :cancelled",
        {":accepted": {"N": str(since * _MICROSECONDS)}, ":cancelled": {"N": str(since)}},
    )
    return (_record(item, ("identifier",), _COUNTED) for item in found)


def _counted(since: int) -> Iterator[Record]:
    """The counters of hours that count an event accepted since."""
    counters = scan_table(
        settings().usage_table, "begins_with(sk, :counter)", {":counter": {"S": "h#"}}
    )
    for item in counters:
        if int(item["sums"]["S"].split(" ")[_WATERMARK]) >= since * _MICROSECONDS:
            yield _record(item, ("pk", "sk"), _WATCHED)


def _committed(since: int) -> Iterator[Record]:
    """The commits since whose events are kept."""
    names = {f":kind{number}": {"S": kind} for number, kind in enumerate(event_kinds())}
    found = scan_table(
        settings().billing_table,
        f"expires_at >= :expiry AND kind IN ({', '.join(names)})",
        {**names, ":expiry": {"N": str(since + RETENTION_SECONDS)}},
    )
    return (_record(item, ("pk", "sk"), _PUBLISHED) for item in found)


REPLAYS = {
    "usage": Replay("CountUsageFunction", _accepted),
    "counters": Replay("WatchUsageFunction", _counted),
    "events": Replay("PublishEventsFunction", _committed),
}
"""By the names that the command takes, in the order in which one leads to the next."""


def _record(item: Item, keys: tuple[str, ...], attributes: tuple[str, ...]) -> Record:
    """An item as Lambda delivers it when it has been written: of its attributes these only."""
    key = {name: item[name] for name in keys}
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": key,
            "NewImage": {name: _wire(item[name]) for name in attributes if name in item},
            "SequenceNumber": "#".join(value["S"] for value in key.values()),
        },
    }


def _wire(value: dict[str, Any]) -> dict[str, Any]:
    """A value as Lambda's JSON has it."""
    if "B" in value:
        return {"B": b64encode(value["B"]).decode()}
    return value
