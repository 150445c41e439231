"""The environment of a function, as typed values."""

import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and addresses that the template hands to a function; absent ones are empty strings."""

    meter_events_table: str
    usage_table: str
    billing_table: str
    access_table: str
    renewals_queue_url: str
    invoices_queue_url: str
    clocks_queue_url: str
    alerts_topic_arn: str
    events_topic_arn: str
    failed_batches_bucket: str


@cache
def settings() -> Settings:
    """The settings of this process, read once from ``METERLINE_*`` variables."""
    names = Settings.__dataclass_fields__
    return Settings(**{name: os.environ.get(f"METERLINE_{name.upper()}", "") for name in names})
