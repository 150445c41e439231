"""The environment of a function, as typed values."""

import os
from functools import cache
from typing import Any

from meterline.core.base.frozen import frozen

_DEFAULTS = {"event_retention_days": "45", "segment_retention_days": "0"}
"""Numbers, where the environment does not say; those of the template's parameters."""


@frozen
class Settings:
    """What the template hands to a function; absent names and addresses are empty strings.

    Events are kept for ``event_retention_days`` after their receipt, segments of counters for
    ``segment_retention_days``, or for ever if that is 0.
    """

    meter_events_table: str
    usage_table: str
    billing_table: str
    access_table: str
    renewals_queue_url: str
    invoices_queue_url: str
    clocks_queue_url: str
    webhooks_queue_url: str
    alerts_topic_arn: str
    events_topic_arn: str
    operations_topic_arn: str
    failed_batches_bucket: str
    pdfs_bucket: str
    event_retention_days: int
    segment_retention_days: int
    webhook_private_addresses: str
    event_bus_name: str
    public_url: str
    tax_engine: str
    tax_engine_fallback: str

    @property
    def event_bus_arn(self) -> str | None:
        """The event bus that events may be put on: in the account and region of the topics."""
        _, partition, _, region, account, _ = self.events_topic_arn.split(":")
        named = f"arn:{partition}:events:{region}:{account}:event-bus/{self.event_bus_name}"
        return named if self.event_bus_name else None

    @property
    def bills_by_hand_without_engine(self) -> bool:
        """Whether invoices become final with the rates given by hand when the engine fails."""
        return self.tax_engine_fallback == "rates"

    @property
    def may_call_private_addresses(self) -> bool:
        """Whether webhook endpoints may be on this machine or in a private network."""
        return self.webhook_private_addresses == "true"


@cache
def settings() -> Settings:
    """The settings of this process, read once from ``METERLINE_*`` variables."""
    texts: dict[str, Any] = {
        name: os.environ.get(f"METERLINE_{name.upper()}", _DEFAULTS.get(name, ""))
        for name in Settings.__dataclass_fields__
    }
    return Settings(**texts | {name: int(texts[name]) for name in _DEFAULTS})
