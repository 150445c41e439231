"""Every minute: finds what has fallen due and sends it to the workers."""

from typing import Any

from meterline.observability import logger, observed, record_metric
from meterline.services.base.workers import wall_clock
from meterline.services.work.sweep import sweep_while_busy


@observed
def handler(event: dict[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001 - Lambda's
    """Send everything due, in both modes, to the queues; answers with how many messages."""
    swept = sweep_while_busy(wall_clock)
    record_metric("Seconds", DueLag=swept.lag_seconds)
    record_metric("Count", DueSent=swept.sent, DueResent=swept.resent, DueStuck=swept.stuck)
    logger.info("sweep", sent=swept.sent, resent=swept.resent, lag_seconds=swept.lag_seconds)
    return {"sent": swept.sent, "resent": swept.resent}
