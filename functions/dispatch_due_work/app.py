"""Every minute: finds what has fallen due and sends it to the workers."""

from typing import Any

from meterline.services.base.logs import log
from meterline.services.base.metrics import measure
from meterline.services.base.workers import wall_clock
from meterline.services.work.sweep import sweep


def handler(event: dict[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001 - Lambda's
    """Send everything due, in both modes, to the queues; answers with how many messages."""
    swept = sweep(wall_clock())
    measure("Seconds", DueLag=swept.lag_seconds)
    measure("Count", DueSent=swept.sent, DueResent=swept.resent, DueStuck=swept.stuck)
    log("INFO", "sweep", sent=swept.sent, resent=swept.resent, lag_seconds=swept.lag_seconds)
    return {"sent": swept.sent, "resent": swept.resent}
