"""Watches usage as it is counted, and triggers the alerts that it crosses."""

from functools import cache
from typing import Any

from meterline.services.alerts import watch_usage
from meterline.services.usage_stream import UsageChange, usage_change
from meterline.services.workers import each_record, sequence_number, worker_context


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """Look at the customers and meters whose counters changed; records that fail come again."""
    watch_once = cache(_watch)  # many records of a batch tell of one customer and meter
    return each_record(
        event["Records"], lambda record: watch_once(usage_change(record)), sequence_number
    )


def _watch(change: UsageChange | None) -> None:
    if change is not None:
        ctx = worker_context(livemode=change.livemode)
        watch_usage(ctx, change.meter, change.customer)
