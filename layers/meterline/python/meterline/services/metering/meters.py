"""Billing meters: a kind of usage, and how its events combine (contract section 2)."""

from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.money import format_decimal
from meterline.core.metering.aggregation import Formula
from meterline.services.base.context import Context
from meterline.services.base.ids import new_id
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.base.patch import save_update
from meterline.store.base.documents import Body, Change, Claim, ClaimTaken, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Meter, MeterDefaultAggregation

KIND: Final = "billing.meter"
EVENT_NAME = "meter_event_name"
"""The claim through which an event name leads to its meter."""

_DEFAULT_CUSTOMER_KEY = "stripe_customer_id"
_DEFAULT_VALUE_KEY = "value"


_EACH_COUNTS = {
    Formula.WEIGHTED_SUM: "Levels last from one event to the next",
    Formula.PERCENTILE: "Samples are what five minutes add up to",
}
"""The formulas that no window leaves a single event of, and why."""

_DIMENSIONS = "dimension_payload_keys"


def create_meter(ctx: Context, params: Body) -> "Meter":
    """Create a meter; an event name belongs to one meter for ever."""
    customer_mapping = {"type": "by_id", "event_payload_key": _DEFAULT_CUSTOMER_KEY}
    value_settings = {"event_payload_key": _DEFAULT_VALUE_KEY}
    body: Meter = {
        "id": new_id("mtr_" if ctx.livemode else "mtr_test_"),
        "object": KIND,
        "created": ctx.now,
        "customer_mapping": params.get("customer_mapping", customer_mapping),
        "default_aggregation": _aggregation(params["default_aggregation"]),
        "display_name": params["display_name"],
        "event_name": params["event_name"],
        "event_time_window": params.get("event_time_window"),
        "livemode": ctx.livemode,
        "status": "active",
        "status_transitions": {"deactivated_at": None},
        "updated": ctx.now,
        "value_settings": params.get("value_settings", value_settings),
    }
    _check_window(body)
    if params.get(_DIMENSIONS):
        body["dimension_payload_keys"] = _dimensions(params[_DIMENSIONS], body)
    claim = Claim(EVENT_NAME, body["event_name"], body["id"])
    document = Document(kind=KIND, livemode=ctx.livemode, body=body)
    try:
        ctx.save(
            Change(puts=[document], claims=[claim]),
            [EventDraft("billing.meter.created", body)],
            result_id=body["id"],
        )
    except ClaimTaken:
        raise BillingError(
            f"A meter with the event name '{body['event_name']}' already exists.",
            code="resource_already_exists",
            param="event_name",
        ) from None
    return body


def _aggregation(requested: Body) -> "MeterDefaultAggregation":
    """The formula, with what it needs."""
    formula, percentage = Formula(requested["formula"]), requested.get("percentile")
    param = "default_aggregation[percentile]"
    if formula is not Formula.PERCENTILE:
        if percentage is not None:
            message = f"The formula {formula} has no percentile: leave it out."
            raise BillingError(message, param=param)
        return {"formula": requested["formula"]}
    if percentage is None:
        message = "Say which percentile: 95 leaves the greatest 5 % of the samples out."
        raise BillingError(message, code="parameter_missing", param=param)
    if not percentage:
        raise BillingError("The percentile must be greater than 0.", param=param)
    return {"formula": requested["formula"], "percentile": format_decimal(percentage)}


def _check_window(meter: "Meter") -> None:
    """Raise BillingError where a window would leave one event of those that all count."""
    formula = Formula(meter["default_aggregation"]["formula"])
    if meter["event_time_window"] and formula in _EACH_COUNTS:
        message = f"{_EACH_COUNTS[formula]}: of a {formula} each event counts."
        raise BillingError(message, param="event_time_window")


def _dimensions(keys: list[str], meter: "Meter") -> list[str]:
    """The keys that tell usage apart, each once; the customer and the value do that already."""
    taken = {
        meter["customer_mapping"]["event_payload_key"],
        meter["value_settings"]["event_payload_key"],
    }
    for place, key in enumerate(keys):
        param = f"{_DIMENSIONS}[{place}]"
        if key in taken:
            raise BillingError(f"{key} is no dimension: the meter has it already.", param=param)
        taken.add(key)
    return keys


def update_meter(ctx: Context, meter_id: str, params: Body) -> "Meter":
    """Change the display name, the only thing about a meter that may change."""
    document = find(ctx, KIND, meter_id)
    name: str = params.get("display_name", document.body["display_name"])
    if name == document.body["display_name"]:
        return save_update(ctx, document, document.body, "billing.meter.updated")
    body = document.body | {"display_name": name, "updated": ctx.now}
    return save_update(ctx, document, body, "billing.meter.updated")


def deactivate_meter(ctx: Context, meter_id: str, params: Body) -> "Meter":  # noqa: ARG001 - route
    """Stop a meter: it takes no events and no new prices until it is reactivated."""
    return _set_status(ctx, meter_id, "inactive", deactivated_at=ctx.now)


def reactivate_meter(ctx: Context, meter_id: str, params: Body) -> "Meter":  # noqa: ARG001 - route
    """Let a stopped meter take events again."""
    return _set_status(ctx, meter_id, "active", deactivated_at=None)


def _set_status(
    ctx: Context,
    meter_id: str,
    status: Literal["active", "inactive"],
    *,
    deactivated_at: int | None,
) -> "Meter":
    document = find(ctx, KIND, meter_id)
    if document.body["status"] == status:
        raise BillingError(
            f"The meter {meter_id} is already {status}.", code="status_transition_invalid"
        )
    body = document.body | {
        "status": status,
        "status_transitions": {"deactivated_at": deactivated_at},
        "updated": ctx.now,
    }
    verb = "deactivated" if status == "inactive" else "reactivated"
    return save_update(ctx, document, body, f"billing.meter.{verb}")
