"""Watches usage as it is counted: alerts that it crosses, usage too late for its invoice."""

from typing import Any

from meterline.services.usage_watch import watch_batch


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """Look at what changed; records that fail come again."""
    return watch_batch(event["Records"])
