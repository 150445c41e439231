"""Shapes of what answers say beyond Stripe."""

from typing import Any

type Json = dict[str, Any]

_DECIMAL: Json = {"type": "string", "format": "decimal"}
_COUNT: Json = {"type": ["integer", "null"]}
_AMOUNT: Json = {"type": "integer"}
_INSTANT: Json = {"type": "integer"}
_TEXT: Json = {"type": "string"}
_TEXT_OR_NONE: Json = {"type": ["string", "null"]}

EVENT_TYPES = (
    "billing.alert.recovered",
    "meterline.api_key.created",
    "meterline.api_key.revoked",
    "meterline.api_key.rolled",
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
        "billing.analytics.meter_usage": _meter_usage(),
        "counted_event": _counted_event(),
        "meterline.access": _access(),
        "meterline.analytics.amount": _analytics_amount(),
        "meterline.analytics.forecast": _analytics_forecast(),
        "meterline.analytics.invoiced": _analytics_invoiced(),
        "meterline.analytics.top_customers": _analytics_top_customers(),
        "meterline.api_key": _api_key(),
        "meterline.credit_balance": _credit_balance(),
        "meterline.invoice_explanation": _invoice_explanation(),
        "meterline.late_usage": _late_usage(),
        "meterline.settings": _settings(),
        "meterline.usage_difference": _usage_difference(),
        "meterline.usage_estimate": _usage_estimate(),
        "meterline.webhook_delivery": _webhook_delivery(),
    }


def event_causer() -> Json:
    """The field ``meterline`` of an event's request: an API key's id, or an AWS principal's ARN."""
    return _all_of(api_key=_TEXT_OR_NONE, aws_principal=_TEXT_OR_NONE)


def price_terms() -> Json:
    """The field ``meterline`` of a price that has it: a percentage, the bounds of a period, and
    which part of its meter it bills.
    """
    percentage = _all_of(
        percent=_DECIMAL,
        fixed_fee_decimal=_DECIMAL,
        free_events={"type": "integer"},
        free_volume_decimal=_DECIMAL,
    )
    tier = _all_of(up_to=_COUNT, percent=_DECIMAL, flat_amount_decimal=_DECIMAL)
    condition = _all_of(dimension=_TEXT, value=_TEXT)
    nothing = {"type": "null"}
    return _all_of(
        percentage={"anyOf": [percentage, nothing]},
        graduated_percentage={"anyOf": [{"type": "array", "items": tier}, nothing]},
        minimum_amount=_COUNT,
        maximum_amount=_COUNT,
        meter_segment_conditions={"anyOf": [{"type": "array", "items": condition}, nothing]},
    )


def crossing_terms() -> Json:
    """The fields of a triggered alert that its kinds beyond the first have: of what, and when."""
    return {
        "aggregation_period": _all_of(starts_at=_INSTANT, ends_at=_INSTANT),
        "currency": _TEXT,
        "custom_pricing_unit": {"type": "null"},
        "external_customer_id": {"type": "null"},
        "group_by": _all_of(type=_TEXT, pricing_plan_subscription=_TEXT),
        "triggered_at": _INSTANT,
    }


def alert_terms() -> Json:
    """The fields of an alert that tell its type, and what alerts on other than usage are on."""
    filters = _all_of(customer=_TEXT, pricing_plan_subscription=_TEXT_OR_NONE)
    return {
        "alert_type": {
            "type": "string",
            "enum": ["usage_threshold", "spend_threshold", "credit_balance_threshold"],
        },
        "credit_balance_threshold": _credit_balance_threshold(),
        "spend_threshold": _all_of(
            aggregation_period={"type": "string", "enum": ["billing"]},
            filters={"anyOf": [filters, {"type": "null"}]},
            group_by={"type": "string", "enum": ["pricing_plan_subscription"]},
            gte=_all_of(
                type={"type": "string", "enum": ["amount"]},
                amount=_all_of(currency=_TEXT, value=_AMOUNT),
                custom_pricing_unit={"type": "null"},
            ),
        ),
    }


def _credit_balance_threshold() -> Json:
    scope = {
        "type": "object",
        "properties": {
            "price_type": {"type": "string", "enum": ["metered"]},
            "prices": {"type": "array", "items": _all_of(id=_TEXT)},
        },
        "additionalProperties": False,
    }
    grants = _all_of(applicability_config=_all_of(scope=scope))
    filter_ = _all_of(
        type={"type": "string", "enum": ["customer"]},
        customer=_TEXT,
        credit_grants={"anyOf": [grants, {"type": "null"}]},
    )
    return _all_of(
        filters={"type": "array", "items": filter_},
        lte=_all_of(
            balance_type={"type": "string", "enum": ["monetary"]},
            custom_pricing_unit={"type": "null"},
            monetary=_all_of(currency=_TEXT, value=_AMOUNT),
        ),
    )


def grant_recurrence() -> Json:
    """The field ``meterline`` of a credit grant that recurs: how often, and what rolls over."""
    return _all_of(
        recurrence=_all_of(
            anchor=_INSTANT,
            interval={"type": "string", "enum": ["day", "week", "month", "year"]},
            interval_count=_AMOUNT,
            rollover_most=_AMOUNT,
        )
    )


def feature_limit() -> Json:
    """The field ``meterline`` of a product feature that has it: how much comes in each period."""
    return _all_of(limit=_all_of(meter=_TEXT, quantity=_DECIMAL))


def _all_of(**fields: Json) -> Json:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _alert_notification() -> Json:
    return _all_of(
        object={"type": "string", "enum": ["billing.alert_notification"]},
        id=_TEXT,
        action={"type": "string", "enum": ["recovered", "triggered"]},
        aggregation_period_end=_COUNT,
        aggregation_period_start=_COUNT,
        alert=_TEXT,
        alert_type=_TEXT,
        currency=_TEXT_OR_NONE,
        customer=_TEXT,
        livemode={"type": "boolean"},
        meter=_TEXT_OR_NONE,
        notification_event=_TEXT_OR_NONE,
        notified_at=_INSTANT,
        subscription=_TEXT_OR_NONE,
        value=_TEXT,
    )


def _access() -> Json:
    """Whether a customer may use a feature; of one without a limit no numbers are told."""
    decimal = {"type": ["string", "null"], "format": "decimal"}
    return _all_of(
        object={"type": "string", "enum": ["meterline.access"]},
        balance=decimal,
        customer=_TEXT,
        feature=_TEXT,
        has_access={"type": "boolean"},
        limit=decimal,
        livemode={"type": "boolean"},
        reason={"enum": ["feature_unavailable", "usage_limit_reached", None]},
        resets_at=_COUNT,
        used=decimal,
    )


def _analytics_amount() -> Json:
    """What billed usage came to in a window, at a price."""
    return _all_of(
        object={"type": "string", "enum": ["meterline.analytics.amount"]},
        id=_TEXT,
        amount=_AMOUNT,
        currency=_TEXT,
        customer=_TEXT,
        dimensions={"type": ["object", "null"], "additionalProperties": _TEXT},
        ends_at=_INSTANT,
        livemode={"type": "boolean"},
        meter=_TEXT,
        price=_TEXT,
        quantity=_DECIMAL,
        starts_at=_INSTANT,
        subscription=_TEXT_OR_NONE,
    )


def _analytics_forecast() -> Json:
    """Where the running period of a subscription leads."""
    period = _all_of(start=_INSTANT, end=_INSTANT)
    sums = _all_of(amount_due=_AMOUNT, subtotal=_AMOUNT, total=_AMOUNT)
    item = _all_of(
        amount=_AMOUNT,
        expected_amount=_AMOUNT,
        expected_quantity=_DECIMAL,
        is_carried_on={"type": "boolean"},
        period=period,
        price=_TEXT,
        quantity=_DECIMAL,
        subscription_item=_TEXT_OR_NONE,
    )
    method = _all_of(
        type={"type": "string", "enum": ["elapsed_time", "trailing_days"]},
        days=_COUNT,
        description=_TEXT,
    )
    return _all_of(
        object={"type": "string", "enum": ["meterline.analytics.forecast"]},
        currency=_TEXT,
        customer=_TEXT,
        expected=sums,
        forecast_at=_INSTANT,
        items={"type": "array", "items": item},
        livemode={"type": "boolean"},
        method=method,
        period=period,
        so_far=sums,
        subscription=_TEXT,
    )


def _analytics_invoiced() -> Json:
    """What was invoiced by month and currency."""
    sums = _all_of(
        currency=_TEXT,
        invoices={"type": "integer"},
        total=_AMOUNT,
        amount_paid=_AMOUNT,
        amount_remaining=_AMOUNT,
    )
    month = _all_of(
        ends_at=_INSTANT,
        is_complete={"type": "boolean"},
        refreshed_at=_INSTANT,
        starts_at=_INSTANT,
        sums={"type": "array", "items": sums},
    )
    return _all_of(
        object={"type": "string", "enum": ["meterline.analytics.invoiced"]},
        is_complete={"type": "boolean"},
        livemode={"type": "boolean"},
        months={"type": "array", "items": month},
    )


def _analytics_top_customers() -> Json:
    """The customers that used most of a meter in a span of time."""
    row = _all_of(
        id=_TEXT,
        object={"type": "string", "enum": ["meterline.analytics.top_customers_row"]},
        customer=_TEXT,
        rank={"type": "integer"},
        value=_DECIMAL,
    )
    return _all_of(
        object={"type": "string", "enum": ["meterline.analytics.top_customers"]},
        customers_read={"type": "integer"},
        ends_at=_INSTANT,
        is_complete={"type": "boolean"},
        livemode={"type": "boolean"},
        meter=_TEXT,
        refreshed_at=_INSTANT,
        rows=_all_of(
            object={"type": "string", "enum": ["list"]},
            data={"type": "array", "items": row},
            has_more={"type": "boolean"},
            url=_TEXT,
        ),
        starts_at=_INSTANT,
    )


def _api_key() -> Json:
    return _all_of(
        object={"type": "string", "enum": ["meterline.api_key"]},
        id=_TEXT,
        created=_INSTANT,
        hint=_TEXT,
        livemode={"type": "boolean"},
        name=_TEXT,
        rights={"type": "object", "additionalProperties": {"enum": ["read", "write"]}},
        usable_until=_COUNT,
    )


def _counted_event() -> Json:
    """A meter event that counts; only time and value are known of one that is no longer kept."""
    return _all_of(
        id=_TEXT,
        object={"type": "string", "enum": ["billing.meter_event"]},
        created=_COUNT,
        event_name=_TEXT,
        identifier=_TEXT_OR_NONE,
        livemode={"type": "boolean"},
        payload={"type": "object", "additionalProperties": _TEXT},
        timestamp=_INSTANT,
    )


def _meter_usage() -> Json:
    """Stripe's usage analytics, which its schema leaves out as a preview."""
    dimensions = {"type": ["object", "null"], "additionalProperties": _TEXT}
    row = _all_of(
        id=_TEXT,
        object={"type": "string", "enum": ["billing.analytics.meter_usage_row"]},
        dimensions=dimensions,
        ends_at=_INSTANT,
        meter=_TEXT_OR_NONE,
        starts_at=_INSTANT,
        tenants={"type": "null"},
        value={"type": "number"},
    )
    return _all_of(
        object={"type": "string", "enum": ["billing.analytics.meter_usage"]},
        livemode={"type": "boolean"},
        refreshed_at=_INSTANT,
        rows=_all_of(
            object={"type": "string", "enum": ["list"]},
            data={"type": "array", "items": row},
            has_more={"type": "boolean"},
            total={"type": "integer"},
            url=_TEXT,
        ),
    )


def _credit_balance() -> Json:
    balance = _all_of(currency=_TEXT, available=_AMOUNT, ledger=_AMOUNT, live=_AMOUNT)
    return _all_of(
        object={"type": "string", "enum": ["meterline.credit_balance"]},
        as_of=_INSTANT,
        balances={"type": "array", "items": balance},
        customer=_TEXT,
        livemode={"type": "boolean"},
    )


def _invoice_explanation() -> Json:
    discounts = {"type": "array", "items": _all_of(amount=_AMOUNT, discount=_TEXT)}
    credits_ = {"type": "array", "items": _all_of(amount=_AMOUNT, credit_grant=_TEXT)}
    amounts = {"type": "array", "items": _all_of(step=_TEXT, amount=_AMOUNT)}
    taxes = {"type": "array", "items": _explained_tax()}
    line = _all_of(
        id=_TEXT,
        description=_TEXT_OR_NONE,
        amount=_AMOUNT,
        discount_amounts=discounts,
        credits=credits_,
        quantity=_TEXT_OR_NONE,
        period=_all_of(start=_INSTANT, end=_INSTANT),
        meter=_TEXT_OR_NONE,
        explanation=_line_explanation(),
        taxes=taxes,
        amounts=amounts,
    )
    return _all_of(
        object={"type": "string", "enum": ["meterline.invoice_explanation"]},
        id=_TEXT,
        invoice=_TEXT,
        currency=_TEXT,
        lines={"type": "array", "items": line},
        has_more={"type": "boolean"},
        subtotal=_AMOUNT,
        credits=credits_,
        discounts={
            "type": "array",
            "items": _all_of(
                amount=_AMOUNT, discount=_TEXT, percent_off=_TEXT_OR_NONE, amount_off=_COUNT
            ),
        },
        taxes=taxes,
        tax_exempt=_TEXT_OR_NONE,
        total=_AMOUNT,
        starting_balance=_AMOUNT,
        ending_balance=_COUNT,
        amount_due=_AMOUNT,
        amounts=amounts,
        balance=_all_of(starting=_AMOUNT, applied=_AMOUNT, ending=_AMOUNT, smallest_charge=_AMOUNT),
    )


def _explained_tax() -> Json:
    """A tax of a line or of an invoice, and the percentage of its rate."""
    return _all_of(
        amount=_AMOUNT,
        percentage=_TEXT_OR_NONE,
        tax_behavior={"type": "string", "enum": ["exclusive", "inclusive"]},
        tax_rate_details=_all_of(tax_rate=_TEXT),
        taxability_reason=_TEXT,
        taxable_amount=_AMOUNT,
        type={"type": "string", "enum": ["tax_rate_details"]},
    )


def _line_explanation() -> Json:
    """How a line came about. Every one has steps and what they come to; some have more."""
    step = _all_of(
        tier=_COUNT,
        up_to=_TEXT_OR_NONE,
        counts={"type": "string", "enum": ["quantity", "events"]},
        quantity=_DECIMAL,
        unit_amount=_DECIMAL,
        flat_amount=_DECIMAL,
        amount=_DECIMAL,
    )
    bounds = _all_of(
        minimum_amount=_COUNT,
        maximum_amount=_COUNT,
        seconds=_AMOUNT,
        of_seconds=_AMOUNT,
        usage_amount=_AMOUNT,
        reduction=_AMOUNT,
        true_up=_AMOUNT,
    )
    steps = {"type": "array", "items": step}
    return {
        "type": "object",
        "properties": {
            "steps": steps,
            "full_amount": _AMOUNT,
            "seconds": _AMOUNT,
            "of_seconds": _AMOUNT,
            "bounds": {"anyOf": [bounds, {"type": "null"}]},
            "discount": _AMOUNT,
            "arithmetic": _TEXT,
            "rated_again": steps,
        },
        "required": ["steps", "full_amount"],
        "additionalProperties": False,
    }


def _late_usage() -> Json:
    return _all_of(
        object={"type": "string", "enum": ["meterline.late_usage"]},
        id=_TEXT,
        created=_INSTANT,
        billed_quantity=_DECIMAL,
        counted_quantity=_DECIMAL,
        customer=_TEXT,
        end_time=_INSTANT,
        finalized_at=_INSTANT,
        invoice=_TEXT,
        invoice_line_item=_TEXT,
        livemode={"type": "boolean"},
        meter=_TEXT,
        start_time=_INSTANT,
    )


def _settings() -> Json:
    return _all_of(
        object={"type": "string", "enum": ["meterline.settings"]},
        id=_TEXT,
        livemode={"type": "boolean"},
        invoice_grace_seconds={"type": "integer"},
        late_usage={"type": "string", "enum": ["ignore", "next_invoice"]},
        past_due_window_seconds=_COUNT,
        unpaid_window_seconds=_COUNT,
        unpaid_action={"type": "string", "enum": ["cancel", "mark_unpaid"]},
        country=_TEXT,
        default_currency=_TEXT,
        business_profile={"type": "object", "additionalProperties": _TEXT},
    )


def _account() -> Json:
    """Stripe's account, as far as Meterline has one."""
    dashboard = _all_of(display_name=_TEXT_OR_NONE, timezone=_TEXT)
    return _all_of(
        id=_TEXT,
        object={"type": "string", "enum": ["account"]},
        business_profile=_all_of(
            mcc={"type": "null"},
            name=_TEXT_OR_NONE,
            product_description=_TEXT_OR_NONE,
            support_email=_TEXT_OR_NONE,
            support_phone=_TEXT_OR_NONE,
            support_url=_TEXT_OR_NONE,
            url=_TEXT_OR_NONE,
            support_address={"type": "null"},
        ),
        business_type={"type": "null"},
        capabilities={"type": "object"},
        charges_enabled={"type": "boolean"},
        country=_TEXT,
        default_currency=_TEXT,
        details_submitted={"type": "boolean"},
        email=_TEXT_OR_NONE,
        metadata={"type": "object"},
        payouts_enabled={"type": "boolean"},
        settings=_all_of(dashboard=dashboard),
        type={"type": "string", "enum": ["standard"]},
    )


def _usage_difference() -> Json:
    numbers = _all_of(event_count={"type": "integer"}, value=_DECIMAL)
    return _all_of(
        object={"type": "string", "enum": ["meterline.usage_difference"]},
        id=_TEXT,
        created=_INSTANT,
        customer=_TEXT,
        counted=numbers,
        end_time=_INSTANT,
        livemode={"type": "boolean"},
        meter=_TEXT,
        missing_events={"type": "integer"},
        recounted=numbers,
        start_time=_INSTANT,
        wrong_events={"type": "integer"},
    )


def _usage_estimate() -> Json:
    return _all_of(
        object={"type": "string", "enum": ["meterline.usage_estimate"]},
        id=_TEXT,
        created=_INSTANT,
        customer=_TEXT,
        end_time=_INSTANT,
        livemode={"type": "boolean"},
        meter=_TEXT,
        start_time=_INSTANT,
    )


def _webhook_delivery() -> Json:
    attempt = _all_of(
        attempted_at=_INSTANT,
        milliseconds={"type": "integer"},
        response_status=_COUNT,
        error=_TEXT_OR_NONE,
    )
    return _all_of(
        object={"type": "string", "enum": ["meterline.webhook_delivery"]},
        id=_TEXT,
        attempt_count={"type": "integer"},
        attempts={"type": "array", "items": attempt},
        created=_INSTANT,
        event=_TEXT,
        livemode={"type": "boolean"},
        next_attempt_at=_COUNT,
        status={"type": "string", "enum": ["pending", "succeeded", "failed", "canceled"]},
        webhook_endpoint=_TEXT,
    )
