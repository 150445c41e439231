"""The kinds of objects about usage."""

from meterline.core.kinds.divisions import Division, Facet
from meterline.core.kinds.kind import Edge, Kind, empty

KINDS = (
    Kind(
        name="billing.meter",
        noun="meter",
        collection="billing/meters",
        empty=empty(whole="customer_mapping default_aggregation status_transitions value_settings"),
        division=Division(
            {"status": Facet({"active": 1, "inactive": 1}, lambda meter: str(meter["status"]))}
        ),
    ),
    Kind(
        name="billing.alert",
        noun="alert",
        id_prefix="alrt_",
        collection="billing/alerts",
        edges={
            "usage_threshold.meter": Edge("billing.meter"),
            "usage_threshold.filters.customer": Edge("customer"),
        },
        empty=empty(whole="usage_threshold usage_threshold.filters"),
    ),
    Kind(name="billing.alert_triggered", id_prefix="alrttr_"),
    Kind(name="meterline.analytics.tally", id_prefix="tally_", is_listed=False),
    Kind(name="meterline.usage_difference", id_prefix="usgdif_", belongs_to_customer=True),
    Kind(name="meterline.usage_estimate", id_prefix="usgest_", belongs_to_customer=True),
)
