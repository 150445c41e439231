"""Delivers events to webhook endpoints."""

from typing import Any

from meterline.observability import observed
from meterline.services.base.workers import seconds_left
from meterline.services.work.webhook_workers import deliver_batch
from meterline.store.base.settings import settings
from meterline.store.events.outgoing_calls import Network


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
    """Make the attempts that a batch of messages reminds of; messages that fail come again."""
    network = Network(may_be_private=settings().may_call_private_addresses)
    return deliver_batch(event["Records"], network, seconds_left=seconds_left(context))
