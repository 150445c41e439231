"""Shapes of objects that Stripe does not have."""

from meterline.api.answers.analytics_shapes import (
    analytics_amount,
    analytics_forecast,
    analytics_invoiced,
    analytics_top_customers,
    meter_usage,
)
from meterline.api.answers.own_fields import credit_scope
from meterline.api.answers.shape_words import (
    AMOUNT,
    COUNT,
    DECIMAL,
    INSTANT,
    TEXT,
    TEXT_OR_NONE,
    Json,
    all_of,
    or_null,
)

EVENT_TYPES = (
    "billing.alert.recovered",
    "meterline.api_key.created",
    "meterline.api_key.revoked",
    "meterline.api_key.rolled",
    "meterline.credit_top_up.canceled",
    "meterline.credit_top_up.created",
    "meterline.credit_top_up.updated",
    "meterline.event_destination.disabled",
    "meterline.late_usage.found",
    "meterline.settings.updated",
    "meterline.usage_difference.found",
    "meterline.usage_estimate.began",
    "meterline.webhook_endpoint.disabled",
)
"""The types of events that Stripe does not have."""


def own_objects() -> Json:
    """The objects that Stripe does not have, by name."""
    return {
        "account": _account(),
        "billing.alert_notification": _alert_notification(),
        "billing.analytics.meter_usage": meter_usage(),
        "counted_event": _counted_event(),
        "meterline.access": _access(),
        "meterline.analytics.amount": analytics_amount(),
        "meterline.analytics.forecast": analytics_forecast(),
        "meterline.analytics.invoiced": analytics_invoiced(),
        "meterline.analytics.top_customers": analytics_top_customers(),
        "meterline.api_key": _api_key(),
        "meterline.credit_balance": _credit_balance(),
        "meterline.due_work": _due_work(),
        "meterline.credit_top_up": _credit_top_up(),
        "meterline.invoice_explanation": _invoice_explanation(),
        "meterline.late_usage": _late_usage(),
        "meterline.settings": _settings(),
        "meterline.usage_difference": _usage_difference(),
        "meterline.usage_estimate": _usage_estimate(),
        "meterline.webhook_delivery": _webhook_delivery(),
    }


def _alert_notification() -> Json:
    return all_of(
        object={"type": "string", "enum": ["billing.alert_notification"]},
        id=TEXT,
        action={"type": "string", "enum": ["recovered", "triggered"]},
        aggregation_period_end=COUNT,
        aggregation_period_start=COUNT,
        alert=TEXT,
        alert_type=TEXT,
        currency=TEXT_OR_NONE,
        customer=TEXT,
        livemode={"type": "boolean"},
        meter=TEXT_OR_NONE,
        notification_event=TEXT_OR_NONE,
        notified_at=INSTANT,
        subscription=TEXT_OR_NONE,
        value=TEXT,
    )


def _access() -> Json:
    """Whether a customer may use a feature; of one without a limit no numbers are told."""
    decimal = {"type": ["string", "null"], "format": "decimal"}
    return all_of(
        object={"type": "string", "enum": ["meterline.access"]},
        balance=decimal,
        customer=TEXT,
        feature=TEXT,
        has_access={"type": "boolean"},
        limit=decimal,
        livemode={"type": "boolean"},
        reason={"enum": ["feature_unavailable", "usage_limit_reached", None]},
        resets_at=COUNT,
        used=decimal,
    )


def _api_key() -> Json:
    return all_of(
        object={"type": "string", "enum": ["meterline.api_key"]},
        id=TEXT,
        created=INSTANT,
        hint=TEXT,
        livemode={"type": "boolean"},
        name=TEXT,
        rights={"type": "object", "additionalProperties": {"enum": ["read", "write"]}},
        usable_until=COUNT,
    )


def _counted_event() -> Json:
    """A meter event that counts; only time and value are known of one that is no longer kept."""
    return all_of(
        id=TEXT,
        object={"type": "string", "enum": ["billing.meter_event"]},
        created=COUNT,
        event_name=TEXT,
        identifier=TEXT_OR_NONE,
        livemode={"type": "boolean"},
        payload={"type": "object", "additionalProperties": TEXT},
        timestamp=INSTANT,
    )


def _credit_balance() -> Json:
    amount = {"type": ["integer", "string"]}
    balance = all_of(
        currency=TEXT_OR_NONE,
        custom_pricing_unit=TEXT_OR_NONE,
        available=amount,
        ledger=amount,
        live=amount,
    )
    return all_of(
        object={"type": "string", "enum": ["meterline.credit_balance"]},
        as_of=INSTANT,
        balances={"type": "array", "items": balance},
        customer=TEXT,
        has_more={"type": "boolean"},
        livemode={"type": "boolean"},
    )


def _due_work() -> Json:
    """An object with work that is due; ``stuck`` if that failed as often as its queue lets it."""
    stuck = all_of(due_at=INSTANT, reason=TEXT, since=INSTANT)
    return all_of(
        object={"type": "string", "enum": ["meterline.due_work"]},
        id=TEXT,
        due_at=INSTANT,
        livemode={"type": "boolean"},
        object_type=TEXT,
        status=TEXT,
        stuck={"anyOf": [stuck, {"type": "null"}]},
    )


def _credit_top_up() -> Json:
    """A rule of automatic top-ups; its customer and its latest invoice can be expanded."""
    every = {
        "interval": {"type": "string", "enum": ["day", "week", "month", "year"]},
        "interval_count": AMOUNT,
    }
    reasons = [
        *("invoice_credited", "invoice_deleted", "invoice_uncollectible", "invoice_voided"),
        "requested",
    ]
    grant = all_of(
        amount=AMOUNT,
        applicability_config=all_of(scope=credit_scope()),
        category={"type": "string", "enum": ["paid", "promotional"]},
        expires_after=or_null(all_of(**every)),
        priority=AMOUNT,
    )
    return all_of(
        object={"type": "string", "enum": ["meterline.credit_top_up"]},
        id=TEXT,
        amount=AMOUNT,
        automatic_tax=all_of(enabled={"type": "boolean"}),
        collection_method={"type": "string", "enum": ["charge_automatically", "send_invoice"]},
        created=INSTANT,
        currency=TEXT,
        customer={"type": ["string", "object"]},
        days_until_due=COUNT,
        default_tax_rates={"type": "array", "items": TEXT},
        grant=grant,
        latest_invoice={"type": ["string", "object", "null"]},
        limit=or_null(all_of(**every, count=AMOUNT)),
        livemode={"type": "boolean"},
        metadata={"type": "object", "additionalProperties": TEXT},
        name=TEXT_OR_NONE,
        pause=or_null(all_of(invoice=TEXT_OR_NONE, reason={"type": "string", "enum": reasons})),
        status={
            "type": "string",
            "enum": ["active", "awaiting_payment", "canceled", "limit_reached", "paused"],
        },
        test_clock={"type": ["string", "object", "null"]},
        threshold=AMOUNT,
    )


def _invoice_explanation() -> Json:
    discounts = {"type": "array", "items": all_of(amount=AMOUNT, discount=TEXT)}
    paid = all_of(amount=AMOUNT, credit_grant=TEXT, units=TEXT_OR_NONE)
    credits_ = {"type": "array", "items": paid}
    amounts = {"type": "array", "items": all_of(step=TEXT, amount=AMOUNT)}
    taxes = {"type": "array", "items": _explained_tax()}
    line = all_of(
        id=TEXT,
        description=TEXT_OR_NONE,
        amount=AMOUNT,
        discount_amounts=discounts,
        credits=credits_,
        quantity=TEXT_OR_NONE,
        period=all_of(start=INSTANT, end=INSTANT),
        meter=TEXT_OR_NONE,
        explanation=_line_explanation(),
        taxes=taxes,
        amounts=amounts,
    )
    return all_of(
        object={"type": "string", "enum": ["meterline.invoice_explanation"]},
        id=TEXT,
        invoice=TEXT,
        currency=TEXT,
        lines={"type": "array", "items": line},
        has_more={"type": "boolean"},
        subtotal=AMOUNT,
        credits=credits_,
        discounts={
            "type": "array",
            "items": all_of(
                amount=AMOUNT, discount=TEXT, percent_off=TEXT_OR_NONE, amount_off=COUNT
            ),
        },
        taxes=taxes,
        tax_exempt=TEXT_OR_NONE,
        total=AMOUNT,
        starting_balance=AMOUNT,
        ending_balance=COUNT,
        amount_due=AMOUNT,
        amounts=amounts,
        balance=all_of(starting=AMOUNT, applied=AMOUNT, ending=AMOUNT, smallest_charge=AMOUNT),
    )


def _explained_tax() -> Json:
    """A tax of a line or of an invoice, and the percentage of its rate."""
    return all_of(
        amount=AMOUNT,
        percentage=TEXT_OR_NONE,
        tax_behavior={"type": "string", "enum": ["exclusive", "inclusive"]},
        tax_rate_details=all_of(tax_rate=TEXT),
        taxability_reason=TEXT,
        taxable_amount=AMOUNT,
        type={"type": "string", "enum": ["tax_rate_details"]},
    )


def _line_explanation() -> Json:
    """How a line came about. Every one has steps and what they come to; some have more."""
    step = all_of(
        tier=COUNT,
        up_to=TEXT_OR_NONE,
        counts={"type": "string", "enum": ["quantity", "events"]},
        quantity=DECIMAL,
        unit_amount=DECIMAL,
        flat_amount=DECIMAL,
        amount=DECIMAL,
    )
    bounds = all_of(
        minimum_amount=COUNT,
        maximum_amount=COUNT,
        seconds=AMOUNT,
        of_seconds=AMOUNT,
        usage_amount=AMOUNT,
        reduction=AMOUNT,
        true_up=AMOUNT,
    )
    steps = {"type": "array", "items": step}
    return {
        "type": "object",
        "properties": {
            "steps": steps,
            "full_amount": AMOUNT,
            "seconds": AMOUNT,
            "of_seconds": AMOUNT,
            "bounds": {"anyOf": [bounds, {"type": "null"}]},
            "discount": AMOUNT,
            "arithmetic": TEXT,
            "rated_again": steps,
        },
        "required": ["steps", "full_amount"],
        "additionalProperties": False,
    }


def _late_usage() -> Json:
    return all_of(
        object={"type": "string", "enum": ["meterline.late_usage"]},
        id=TEXT,
        created=INSTANT,
        billed_quantity=DECIMAL,
        counted_quantity=DECIMAL,
        customer=TEXT,
        end_time=INSTANT,
        finalized_at=INSTANT,
        invoice=TEXT,
        invoice_line_item=TEXT,
        livemode={"type": "boolean"},
        meter=TEXT,
        start_time=INSTANT,
    )


def _settings() -> Json:
    return all_of(
        object={"type": "string", "enum": ["meterline.settings"]},
        id=TEXT,
        livemode={"type": "boolean"},
        invoice_grace_seconds={"type": "integer"},
        late_usage={"type": "string", "enum": ["ignore", "next_invoice"]},
        past_due_window_seconds=COUNT,
        unpaid_window_seconds=COUNT,
        unpaid_action={"type": "string", "enum": ["cancel", "mark_unpaid"]},
        country=TEXT,
        default_currency=TEXT,
        business_profile={"type": "object", "additionalProperties": TEXT},
        branding={"type": "object", "additionalProperties": TEXT},
        company=_company(),
        invoice_settings={"type": "object", "additionalProperties": TEXT},
    )


def _company() -> Json:
    """Who sells, as invoices name it; what was never set is left out."""
    tax_id = all_of(type=TEXT, value=TEXT)
    return {
        "type": "object",
        "properties": {
            "address": {"type": "object", "additionalProperties": TEXT},
            "name": TEXT,
            "tax_ids": {"type": "array", "items": tax_id},
        },
        "additionalProperties": False,
    }


def _account() -> Json:
    """Stripe's account, as far as Meterline has one."""
    dashboard = all_of(display_name=TEXT_OR_NONE, timezone=TEXT)
    return all_of(
        id=TEXT,
        object={"type": "string", "enum": ["account"]},
        business_profile=all_of(
            mcc={"type": "null"},
            name=TEXT_OR_NONE,
            product_description=TEXT_OR_NONE,
            support_email=TEXT_OR_NONE,
            support_phone=TEXT_OR_NONE,
            support_url=TEXT_OR_NONE,
            url=TEXT_OR_NONE,
            support_address={"type": "null"},
        ),
        business_type={"type": "null"},
        capabilities={"type": "object"},
        charges_enabled={"type": "boolean"},
        country=TEXT,
        default_currency=TEXT,
        details_submitted={"type": "boolean"},
        email=TEXT_OR_NONE,
        metadata={"type": "object"},
        payouts_enabled={"type": "boolean"},
        settings=all_of(dashboard=dashboard),
        type={"type": "string", "enum": ["standard"]},
    )


def _usage_difference() -> Json:
    numbers = all_of(event_count={"type": "integer"}, value=DECIMAL)
    return all_of(
        object={"type": "string", "enum": ["meterline.usage_difference"]},
        id=TEXT,
        created=INSTANT,
        customer=TEXT,
        counted=numbers,
        end_time=INSTANT,
        livemode={"type": "boolean"},
        meter=TEXT,
        missing_events={"type": "integer"},
        recounted=numbers,
        start_time=INSTANT,
        wrong_events={"type": "integer"},
    )


def _usage_estimate() -> Json:
    return all_of(
        object={"type": "string", "enum": ["meterline.usage_estimate"]},
        id=TEXT,
        created=INSTANT,
        customer=TEXT,
        end_time=INSTANT,
        livemode={"type": "boolean"},
        meter=TEXT,
        start_time=INSTANT,
    )


def _webhook_delivery() -> Json:
    attempt = all_of(
        attempted_at=INSTANT,
        milliseconds={"type": "integer"},
        response_status=COUNT,
        error=TEXT_OR_NONE,
    )
    return all_of(
        object={"type": "string", "enum": ["meterline.webhook_delivery"]},
        id=TEXT,
        attempt_count={"type": "integer"},
        attempts={"type": "array", "items": attempt},
        created=INSTANT,
        event=TEXT,
        livemode={"type": "boolean"},
        next_attempt_at=COUNT,
        status={"type": "string", "enum": ["pending", "succeeded", "failed", "canceled"]},
        webhook_endpoint=TEXT,
    )
