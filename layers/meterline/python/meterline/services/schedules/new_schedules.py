"""A new schedule with all its fields, and its phases as a request describes them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from meterline.core.base.unset import UNSET, merged_metadata, or_none
from meterline.services.base.ids import new_object_id
from meterline.services.billing.private_states import PhaseState
from meterline.services.billing.schedule_bodies import KIND
from meterline.services.billing.subscription_bodies import FLEXIBLE_MODE
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        SubscriptionSchedule,
        SubscriptionScheduleBillingMode,
        SubscriptionScheduleDefaultSettings,
        SubscriptionSchedulePhase,
        SubscriptionSchedulePhaseAddInvoiceItem,
        SubscriptionSchedulePhaseDiscount,
        SubscriptionSchedulePhaseInvoiceSettings,
        SubscriptionSchedulePhaseItem,
    )

_NO_TAX: Any = {"disabled_reason": None, "enabled": False, "liability": None}
_SELF: Any = {"type": "self"}
_OF_THE_ITEMS: Any = {
    "end": {"type": "min_item_period_end"},
    "start": {"type": "max_item_period_start"},
}
"""The period of a one-time charge if a request does not say another."""


def new_schedule(
    customer: "Customer", mode: "SubscriptionScheduleBillingMode", params: Body, now: int
) -> "SubscriptionSchedule":
    """A schedule that has not begun; its phases are for the caller to set."""
    return {
        "id": new_object_id(KIND),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": mode,
        "canceled_at": None,
        "completed_at": None,
        "created": now,
        "current_phase": None,
        "customer": customer["id"],
        "customer_account": None,
        "default_settings": with_default_settings(_blank_settings(), params),
        "end_behavior": params.get("end_behavior", "release"),
        "livemode": customer["livemode"],
        "metadata": merged_metadata({}, params.get("metadata")),
        "pause_schedules": [],
        "phases": [],
        "released_at": None,
        "released_subscription": None,
        "status": "not_started",
        "subscription": None,
        "test_clock": customer.get("test_clock"),
    }


def billing_mode(type_: str, now: int) -> "SubscriptionScheduleBillingMode":
    """How the schedule's subscription is billed, as from ``now`` on."""
    if type_ == FLEXIBLE_MODE["type"]:
        return {
            "flexible": {"proration_discounts": "included"},
            "type": "flexible",
            "updated_at": now,
        }
    return {"flexible": None, "type": "classic"}


def with_default_settings(
    settings: "SubscriptionScheduleDefaultSettings", params: Body
) -> "SubscriptionScheduleDefaultSettings":
    """The settings that hold where a phase has none, with those of a request."""
    asked: Body = dict(params.get("default_settings", {}))
    invoices: Any = settings["invoice_settings"]
    if "invoice_settings" in asked:
        texts = {name: or_none(value) for name, value in asked.pop("invoice_settings").items()}
        invoices = invoices | texts
    if "automatic_tax" in asked:
        asked["automatic_tax"] = _automatic_tax(asked["automatic_tax"])
    if "billing_thresholds" in asked:
        asked["billing_thresholds"] = _thresholds(asked["billing_thresholds"])
    changes: Any = {name: or_none(value) for name, value in asked.items()}
    changed: SubscriptionScheduleDefaultSettings = (
        settings | changes | {"invoice_settings": invoices}
    )
    return changed


def new_phase(
    request: Body, items: "list[SubscriptionSchedulePhaseItem]", currency: str, start: int, end: int
) -> "SubscriptionSchedulePhase":
    """A phase as a request describes it, from ``start`` until ``end``."""
    trial = bool(request.get("trial"))
    trial_end = end if trial else request.get("trial_end")
    phase: SubscriptionSchedulePhase = {
        "add_invoice_items": [_one_off(item) for item in request.get("add_invoice_items", ())],
        "application_fee_percent": None,
        "billing_cycle_anchor": request.get("billing_cycle_anchor"),
        "billing_thresholds": _thresholds(request.get("billing_thresholds")),
        "collection_method": request.get("collection_method"),
        "currency": currency,
        "default_payment_method": None,
        "default_tax_rates": request.get("default_tax_rates") or [],
        "description": or_none(request.get("description")),
        "discounts": discounts_of(request),
        "end_date": end,
        "invoice_settings": _invoice_settings(request),
        "items": items,
        "metadata": texts_of(request.get("metadata")),
        "on_behalf_of": None,
        "proration_behavior": request.get("proration_behavior", "create_prorations"),
        "start_date": start,
        "transfer_data": None,
        "trial": trial,
        "trial_end": trial_end,
    }
    if or_none(request.get("automatic_tax")) is not None:
        phase["automatic_tax"] = _automatic_tax(request["automatic_tax"])
    # An empty text keeps the customer's discount off, too; no word inherits it (contract section F)
    undiscounted = request.get("discounts") is UNSET or None
    return PhaseState(undiscounted=undiscounted).on(phase)


def new_phase_item(
    request: Mapping[str, Any], quantity: int | None
) -> "SubscriptionSchedulePhaseItem":
    """An item of a phase; ``quantity`` is None for one that bills usage."""
    thresholds = or_none(request.get("billing_thresholds"))
    item: SubscriptionSchedulePhaseItem = {
        "billing_thresholds": None
        if thresholds is None
        else {"usage_gte": thresholds["usage_gte"]},
        "discounts": discounts_of(request),
        "metadata": texts_of(request.get("metadata")),
        "plan": request["price"],
        "price": request["price"],
        "tax_rates": request.get("tax_rates") or [],
    }
    if quantity is not None:
        item["quantity"] = quantity
    return item


def discounts_of(request: Mapping[str, Any]) -> "list[SubscriptionSchedulePhaseDiscount]":
    """The coupons and discounts that a request names, as a phase shows them."""
    return [
        {
            "coupon": entry.get("coupon"),
            "discount": entry.get("discount"),
            "promotion_code": entry.get("promotion_code"),
        }
        for entry in request.get("discounts") or ()
    ]


def texts_of(metadata: Any) -> dict[str, str]:  # noqa: ANN401 - a map, None or UNSET
    """Metadata as a phase shows it: "" of a key that the phase takes away."""
    return {key: "" if value is UNSET else value for key, value in (metadata or {}).items()}


def _one_off(request: Mapping[str, Any]) -> "SubscriptionSchedulePhaseAddInvoiceItem":
    return {
        "discountable": request.get("discountable"),
        "discounts": discounts_of(request),
        "metadata": texts_of(request.get("metadata")),
        "period": request.get("period", _OF_THE_ITEMS),
        "price": request["price"],
        "quantity": request.get("quantity", 1),
        "tax_rates": request.get("tax_rates") or [],
    }


def _automatic_tax(requested: Any) -> Any:  # noqa: ANN401 - as requests have it
    asked = or_none(requested)
    if asked is None or not asked["enabled"]:
        return _NO_TAX
    return {"disabled_reason": None, "enabled": True, "liability": _SELF}


def _thresholds(requested: Any) -> Any:  # noqa: ANN401 - as requests have it
    thresholds = or_none(requested)
    if thresholds is None:
        return None
    return {name: thresholds.get(name) for name in ("amount_gte", "reset_billing_cycle_anchor")}


def _invoice_settings(request: Body) -> "SubscriptionSchedulePhaseInvoiceSettings | None":
    requested = request.get("invoice_settings")
    if requested is None:
        return None
    texts: Any = {name: or_none(value) for name, value in requested.items()}
    blank: SubscriptionSchedulePhaseInvoiceSettings = {
        "account_tax_ids": None,
        "custom_fields": None,
        "days_until_due": None,
        "description": None,
        "footer": None,
        "issuer": None,
    }
    settings: SubscriptionSchedulePhaseInvoiceSettings = blank | texts
    return settings


def _blank_settings() -> "SubscriptionScheduleDefaultSettings":
    return {
        "application_fee_percent": None,
        "automatic_tax": _NO_TAX,
        "billing_cycle_anchor": "automatic",
        "billing_thresholds": None,
        "collection_method": "charge_automatically",
        "default_payment_method": None,
        "description": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "days_until_due": None,
            "description": None,
            "footer": None,
            "issuer": _SELF,
        },
        "on_behalf_of": None,
        "transfer_data": None,
    }
