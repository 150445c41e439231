"""Finalises draft invoices whose hour has come."""

from typing import Any

from meterline.observability import observed
from meterline.services.base.workers import seconds_left
from meterline.services.work.queue_workers import do_due_batch


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
    """Do the due work that a batch of messages names; those that fail come again."""
    return do_due_batch(event["Records"], work="invoices", seconds_left=seconds_left(context))
