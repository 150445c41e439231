"""Finalises draft invoices whose hour has come."""

from typing import Any

from meterline.services.queue_workers import do_due_batch


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's
    """Do the due work that a batch of messages names; those that fail come again."""
    return do_due_batch(event["Records"], work="invoices")
