"""Scanning the stored events: those of a span of receipt, and of each only what counting takes.

DynamoDB leaves out the others, but bills reading them: a scan costs by the size of the table.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from meterline.core.base.frozen import frozen
from meterline.core.metering.aggregation import Row
from meterline.store.base.clients import dynamodb
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings
from meterline.store.metering.meter_events import (
    SHORT_NAMES,
    attribute_names,
    counted_attributes,
    identities_from_keys,
)

_SECOND = 1_000_000

type Item = dict[str, Any]
type Cursor = Item | None
"""Where a segment goes on; None: at its beginning."""


class ScannedEvent(NamedTuple):
    """What counting takes of an event; ``measure`` is the text of its meter's measure."""

    livemode: bool
    meter: str
    customer: str
    measure: str
    row: Row


@frozen
class EventScan:
    """Which events: those received or cancelled from ``received_from`` on, and nothing of which
    happened at ``received_before`` or later (UTC microseconds).

    Spans that follow each other show everything that happens to an event once. ``is_consistent``
    also shows what was written this moment, for twice the read units.
    """

    received_before: int
    received_from: int = 0
    segments: int = 1
    is_consistent: bool = False

    def page(self, segment: int, cursor: Cursor) -> tuple[list[ScannedEvent | None], Cursor]:
        """A page of a segment, and where the next begins (None: that was the last).

        What cannot be read as an event stands as None.
        """
        request = {**_WHAT, "ExclusiveStartKey": cursor} if cursor else _WHAT
        answer = dynamodb().scan(
            TableName=settings().meter_events_table,
            Segment=segment,
            TotalSegments=self.segments,
            ConsistentRead=self.is_consistent,
            ExpressionAttributeValues={
                name: {"N": str(number)} for name, number in self._bounds().items()
            },
            **request,
        )
        return [_event_if_whole(item) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def _bounds(self) -> dict[str, int]:
        """Both spans; cancellations are stored in seconds."""
        return {
            ":from": self.received_from,
            ":before": self.received_before,
            ":from_second": -(-self.received_from // _SECOND),
            ":before_second": -(-self.received_before // _SECOND),
        }


_NAMES = {
    "#key": "identifier",
    "#cancelled": "cancelled_at",
    "#accepted": SHORT_NAMES["accepted_at"],
    "#own_accepted": "accepted_at",
}
_TAKEN = attribute_names("meter", "measure", "customer", "value", "timestamp")
_WHAT = {
    # What lacks its times is shown too: a comparison with nothing is false.
    "FilterExpression": (
        "NOT (#accepted >= :before OR #own_accepted >= :before OR #cancelled >= :before_second) "
        "AND NOT ((#accepted < :from OR #own_accepted < :from) AND "
        "(attribute_not_exists(#cancelled) OR #cancelled < :from_second))"
    ),
    "ProjectionExpression": ", ".join([*_NAMES, *(f"#taken_{name}" for name in _TAKEN)]),
    "ExpressionAttributeNames": _NAMES | {f"#taken_{name}": name for name in _TAKEN},
}


def _event_if_whole(item: Item) -> ScannedEvent | None:
    try:
        return _event(item)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return None


def _event(item: Item) -> ScannedEvent:
    [counted] = counted_attributes([item])
    key, meter, customer, value, timestamp, accepted_at, measure = counted
    [identity] = identities_from_keys([key["S"]])
    row = Row(
        identity,
        int(timestamp["N"]),
        Decimal(value["S"]),
        int(accepted_at["N"]),
        "cancelled_at" in item,
    )
    is_live = key["S"][0] == mode(livemode=True)
    return ScannedEvent(is_live, meter["S"], customer["S"], measure["S"], row)
