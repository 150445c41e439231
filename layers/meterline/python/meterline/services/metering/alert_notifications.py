"""Notifications: who was told of an alert, when, and by which event."""

from typing import TYPE_CHECKING

from meterline.services.metering.alert_types import terms_of, type_of
from meterline.services.metering.crossings import StoredNotification

if TYPE_CHECKING:
    from meterline.core.base.wire import AlertNotification, AlertRecovered, AlertTriggered

KIND = "billing.alert_notification"


def notification(stored: StoredNotification) -> "AlertNotification":
    """What was told of an alert, as the list of its notifications shows it."""
    told: AlertTriggered | AlertRecovered = stored["told"]
    alert = told["alert"]
    period, units = told.get("aggregation_period"), told.get("custom_pricing_unit")
    return {
        "id": stored["id"],
        "object": "billing.alert_notification",
        "action": stored["action"],
        "aggregation_period_end": period["ends_at"] if period else None,
        "aggregation_period_start": period["starts_at"] if period else None,
        "alert": alert["id"],
        "alert_type": alert["alert_type"],
        "currency": told.get("currency"),
        "customer": told["customer"],
        "livemode": told["livemode"],
        "meter": type_of(alert).meter(terms_of(alert)),
        "notification_event": stored["event"],
        "notified_at": told["created"],
        "subscription": stored["subscription"],
        "value": units["value"] if units else str(told["value"]),
    }
