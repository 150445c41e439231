"""Advances test clocks: does what falls due on the way, in order."""

from typing import Any

from meterline.services.queue_workers import run_clock_batch


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """Advance the clocks that a batch of messages names; those that fail come again."""
    return run_clock_batch(event["Records"])
