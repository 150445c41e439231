"""Everything that is stored about one customer, as bodies, for a request of the customer."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from meterline.core.base.private_state import public
from meterline.core.kinds.registry import event_kinds
from meterline.services.base.context import Context
from meterline.services.customers.belongings import (
    billing_items,
    counter_items,
    meter_event_items,
    names,
)
from meterline.store.base.packing import unpack
from meterline.store.metering.meter_events import with_own_names
from meterline.store.metering.usage import key_of_counter


def export_customer(ctx: Context, customer_id: str) -> Iterator[Mapping[str, Any]]:
    """The customer's objects, the events about it, its meter events, and its usage by the hour.

    Objects stand as they are stored, with all their lines; amounts are in minor units, quantities
    decimal strings, instants UTC seconds.
    """
    for item in billing_items(ctx, customer_id):
        body = unpack(item["body"]["B"])
        if item.get("kind", {}).get("S") in event_kinds():
            yield from (public(event) for event in body["events"] if names(event, customer_id))
        elif item["sk"]["S"] == "#":
            yield public(body)
        else:
            of = item["pk"]["S"].split("#", 1)[1]
            yield public({"object": "meterline.part", "of": of, **body})
    yield from _meter_events(ctx, customer_id)
    yield from _usage(ctx, customer_id)


def _meter_events(ctx: Context, customer_id: str) -> Iterator[Mapping[str, Any]]:
    for item in map(with_own_names, meter_event_items(ctx, customer_id)):
        yield {
            "object": "billing.meter_event",
            "created": int(item["accepted_at"]["N"]) // 1_000_000,
            "event_name": item["event_name"]["S"],
            "identifier": item["name"]["S"],
            "livemode": ctx.livemode,
            "payload": json.loads(item["payload"]["S"]),
            "timestamp": int(item["timestamp"]["N"]),
        }


def _usage(ctx: Context, customer_id: str) -> Iterator[Mapping[str, Any]]:
    for item in counter_items(ctx, customer_id):
        bucket = key_of_counter(item["pk"]["S"], item["sk"]["S"])
        count, total, *_ = item["sums"]["S"].split(" ")
        yield {
            "object": "meterline.usage_hour",
            "customer": customer_id,
            "event_count": int(count),
            "livemode": ctx.livemode,
            "meter": bucket.meter,
            "start_time": bucket.start,
            "total": total,
        }
