"""Every twenty minutes: goes on with the week's comparison of counters with stored events."""

from typing import Any

from meterline.observability import logger, observed, record_metric
from meterline.services.base.workers import wall_clock
from meterline.services.metering.reconcile_pass import ReconciliationLate, reconcile


@observed
def handler(event: dict[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001 - Lambda's
    """Recount as much as fits the time; answers with what was compared and what differs.

    Fails when events will expire before they are compared: an alarm tells.
    """
    done = reconcile(wall_clock())
    record_metric(
        "Count",
        UsageDifferences=done.differences + done.unreadable,
        ReconciledBuckets=done.buckets,
        ReconciledEvents=done.events,
    )
    numbers = {
        "buckets": done.buckets,
        "differences": done.differences,
        "unreadable": done.unreadable,
    }
    logger.info("reconciliation", events=done.events, is_done=done.is_done, extra=numbers)
    if done.is_late:
        raise ReconciliationLate
    return numbers
