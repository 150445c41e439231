"""A small world for metering tests: a meter, customers, a sender, and the stream between them."""

import time
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from meterline.core.base.timestamps import rfc3339
from meterline.core.metering.acceptance import MeterRules, meter_rules
from meterline.services.metering import count, usage_query
from meterline.services.metering.accept import Sender, ingest_stream
from meterline.services.metering.gather import Places, gather, whole_table
from meterline.services.metering.reconcile import Difference, compare
from meterline.store.metering.event_scan import EventScan
from tests.engines import Engine

_DAY = 86_400
NOW = int(time.time()) // _DAY * _DAY - _DAY + 18 * 3_600 + 1_200
"""Yesterday, 18:20 UTC: twenty minutes into an hour, and too fresh for engines to expire it."""

HOUR_START = NOW - 1_200


PERCENTILE = "80"
"""The percentage of meters that tell a percentile."""


def meter_body(**changes: Any) -> Any:
    """A ``billing.meter`` that sums ``value``; ``formula`` and top-level fields can be changed."""
    aggregation = {"formula": changes.pop("formula", "sum")}
    percentile = changes.pop("percentile", PERCENTILE)
    if aggregation["formula"] == "percentile":
        aggregation["percentile"] = percentile
    body = {
        "id": "mtr_test_61Q8nQMqIFK9fRQmr41CMAXJrFdZ5MnA",
        "object": "billing.meter",
        "event_name": "tokens",
        "default_aggregation": aggregation,
        "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
        "value_settings": {"event_payload_key": "value"},
        "event_time_window": None,
        "status": "active",
    }
    return body | changes


@dataclass
class FakeDirectory:
    """Meters and customers that exist because a test says so."""

    bodies: list[dict[str, Any]] = field(default_factory=lambda: [meter_body()])
    clocks: dict[str, int | None] = field(default_factory=lambda: {"cus_a": None, "cus_b": None})

    def meters(self, event_names: set[str]) -> dict[str, MeterRules]:
        rules = [meter_rules(body) for body in self.bodies]
        return {rule.event_name: rule for rule in rules if rule.event_name in event_names}

    def customers(self, customer_ids: set[str]) -> dict[str, int | None]:
        return {id_: self.clocks[id_] for id_ in customer_ids if id_ in self.clocks}


def sender(request_key: str = "request-1", *, at: int = NOW, **changes: Any) -> Sender:
    """Who sends at ``at`` (seconds)."""
    given = Sender(
        livemode=False,
        request_key=request_key,
        now_microseconds=at * 1_000_000,
        directory=FakeDirectory(),
    )
    return replace(given, **changes)


def event(
    identifier: str, value: str | int = 1, *, at: int = NOW, customer: str = "cus_a"
) -> dict[str, Any]:
    """An event as a v2 client sends it."""
    return {
        "event_name": "tokens",
        "identifier": identifier,
        "payload": {"stripe_customer_id": customer, "value": str(value)},
        "timestamp": rfc3339(at * 1_000),
    }


def send(*events: dict[str, Any], by: Sender | None = None) -> list[str]:
    """Send a stream request; the status of each event."""
    outcomes = ingest_stream(by or sender(), {"events": list(events)})
    return [outcome.status for outcome in outcomes]


def stored_records(engine: Engine) -> list[dict[str, Any]]:
    """Everything in the MeterEvents table as a stream delivers it; cancelled ones as changed."""
    return [
        {
            "eventName": "MODIFY" if "cancelled_at" in item else "INSERT",
            "dynamodb": {"NewImage": item, "SequenceNumber": str(number)},
        }
        for number, item in enumerate(engine.scan("meter_events"))
    ]


def stored_parcels(engine: Engine) -> list[dict[str, Any]]:
    """The parcels in the Usage table as its stream delivers them."""
    items = [item for item in engine.scan("usage") if item["sk"]["S"].startswith("q#")]
    return [
        {"eventName": "INSERT", "dynamodb": {"NewImage": item, "SequenceNumber": str(number)}}
        for number, item in enumerate(items)
    ]


def deliver(engine: Engine) -> None:
    """Count everything in the MeterEvents table, and all parcels; nothing may be handed back."""
    assert count.count_records(stored_records(engine)) == []
    assert count.count_records(stored_parcels(engine)) == []


def used(
    start: int = 0,
    end: int = NOW + 86_400,
    *,
    customer: str = "cus_a",
    meter: Any = None,
) -> Decimal:
    """The usage of a range, as an invoice reads it."""
    used = usage_query.billed_usage(meter or meter_body(), customer, start, end, livemode=False)
    return used.quantity


def all_differences(*, accepted_before: int = (NOW + 3_600) * 1_000_000) -> list[Difference]:
    """What reconciliation finds in the whole table."""
    scan = EventScan(accepted_before, segments=3)
    places: Places = whole_table(scan)
    found: list[Difference] = []
    while places:
        gathered, places = gather(scan, places, most_events=1_000, has_time=lambda: True)
        found += compare(gathered.groups).differences
    return found
