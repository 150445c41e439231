"""Advances test clocks: does what falls due on the way, in order."""

from typing import Any

from meterline.observability import observed
from meterline.services.base.workers import seconds_left
from meterline.services.work.queue_workers import run_clock_batch

RESERVE_MILLISECONDS = 30_000
"""What is left of the invocation's time when no further instant is begun."""


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
    """Advance the clocks that a batch of messages names; those that fail come again."""
    return run_clock_batch(
        event["Records"], lambda: _has_time(context), seconds_left=seconds_left(context)
    )


def _has_time(context: Any) -> bool:  # noqa: ANN401 - Lambda's; None where there is no limit
    return context is None or context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS
