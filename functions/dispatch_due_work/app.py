"""Every minute: finds what has fallen due and sends it to the workers."""

from typing import Any

from meterline.services.due_work import due_now
from meterline.services.logs import log
from meterline.services.workers import worker_context
from meterline.store.queues import enqueue


def handler(event: dict[str, Any], context: object) -> dict[str, int]:  # noqa: ARG001 - Lambda's
    """Send everything due, in both modes, to the queues; answers with how many of each."""
    sent = {mode: _sweep(livemode=mode == "live") for mode in ("live", "test")}
    log("INFO", "sweep", **sent)
    return sent


def _sweep(*, livemode: bool) -> int:
    ctx = worker_context(livemode=livemode)
    return enqueue(due_now(ctx.store, ctx.now))
