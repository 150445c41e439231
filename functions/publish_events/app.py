"""Publishes the events of every commit to SNS."""

from typing import Any

from meterline.services.publishing import outbox_events, publish
from meterline.services.workers import each_record, sequence_number


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """Publish the events in a batch of the Billing stream; records that fail come again."""
    return each_record(event["Records"], lambda one: publish(outbox_events(one)), sequence_number)
