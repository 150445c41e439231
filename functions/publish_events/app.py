"""Publishes the events of every commit to SNS."""

from typing import Any

from meterline.observability import observed
from meterline.services.base.stream_workers import invocation_of
from meterline.services.events.publishing import publish_batch


@observed
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Publish the events of a batch of commits; records that fail come again, or are set aside."""
    return publish_batch(event["Records"], invocation_of(event, context))
