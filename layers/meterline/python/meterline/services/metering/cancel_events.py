"""Cancelling meter events: once, within a day of receipt, whether they were counted or not."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.core.base.timestamps import rfc3339
from meterline.services.base.ids import derived_id
from meterline.services.metering.accept import Sender
from meterline.store.metering import meter_events, uncounted
from meterline.store.metering.meter_events import AcceptedEvent

if TYPE_CHECKING:
    from meterline.core.base.wire import MeterEventAdjustment, V2MeterEventAdjustment

CANCEL_LIMIT_SECONDS = 24 * 3_600


def create_meter_event_adjustment(
    sender: Sender, params: Mapping[str, Any]
) -> "MeterEventAdjustment":
    """Cancel an event (v1); the adjustment is pending until counting has seen it."""
    event = _cancel(sender, params, code=None)
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": event.identifier},
        "event_name": event.event_name,
        "livemode": event.livemode,
        "status": "pending",
        "type": "cancel",
    }


def create_meter_event_adjustment_v2(
    sender: Sender, params: Mapping[str, Any]
) -> "V2MeterEventAdjustment":
    """Cancel an event (v2); repeating the call gives the same adjustment."""
    event = _cancel(sender, params, code="invalid_cancel_configuration")
    return {
        "object": "v2.billing.meter_event_adjustment",
        "id": derived_id("mtr_event_adj_", event.meter, event.identifier),
        "cancel": {"identifier": event.identifier},
        "created": rfc3339((event.cancelled_at or sender.now) * 1_000),
        "event_name": event.event_name,
        "livemode": event.livemode,
        "status": "pending",
        "type": "cancel",
    }


def _cancel(sender: Sender, params: Mapping[str, Any], *, code: str | None) -> AcceptedEvent:
    """Mark the event as cancelled; a repeated cancellation changes nothing and is no error."""
    event_name, identifier = params["event_name"], params["cancel"]["identifier"]
    event = meter_events.read([(sender.livemode, identifier)]).get(identifier)
    if event is None or event.event_name != event_name:
        message = f"No meter event was found with identifier {identifier} for {event_name}."
        raise BillingError(message, code=code or "resource_missing", param="cancel[identifier]")
    if event.cancelled_at is not None:
        return event
    if sender.now - event.accepted_at // 1_000_000 > CANCEL_LIMIT_SECONDS:
        raise BillingError(
            f"The meter event {identifier} was received more than 24 hours ago: "
            "it can no longer be cancelled.",
            code=code,
            param="cancel[identifier]",
        )
    if not sender.livemode:
        identity = meter_events.identity_of(identifier)
        uncounted.note(sender.livemode, event.customer, [identity], sender.now_microseconds)
    meter_events.cancel(sender.livemode, identifier, now=sender.now)
    return event
