"""Watches usage as it is counted: alerts that it crosses, usage too late for its invoice."""

from typing import Any

from meterline.observability import observed
from meterline.services.base.stream_workers import invocation_of
from meterline.services.work.usage_watch import watch_batch


@observed
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Look at what changed; records that fail come again, or are set aside."""
    return watch_batch(event["Records"], invocation_of(event, context))
