"""Shapes of usage and amounts over time: the data behind charts."""

from meterline.api.answers.shape_words import (
    AMOUNT,
    COUNT,
    DECIMAL,
    INSTANT,
    TEXT,
    TEXT_OR_NONE,
    Json,
    all_of,
)


def analytics_amount() -> Json:
    """What billed usage came to in a window, at a price."""
    return all_of(
        object={"type": "string", "enum": ["meterline.analytics.amount"]},
        id=TEXT,
        amount=AMOUNT,
        currency=TEXT,
        customer=TEXT,
        dimensions={"type": ["object", "null"], "additionalProperties": TEXT},
        ends_at=INSTANT,
        livemode={"type": "boolean"},
        meter=TEXT,
        price=TEXT,
        quantity=DECIMAL,
        starts_at=INSTANT,
        subscription=TEXT_OR_NONE,
    )


def analytics_forecast() -> Json:
    """Where the running period of a subscription leads."""
    period = all_of(start=INSTANT, end=INSTANT)
    sums = all_of(amount_due=AMOUNT, subtotal=AMOUNT, total=AMOUNT)
    item = all_of(
        amount=AMOUNT,
        expected_amount=AMOUNT,
        expected_quantity=DECIMAL,
        is_carried_on={"type": "boolean"},
        period=period,
        price=TEXT,
        quantity=DECIMAL,
        subscription_item=TEXT_OR_NONE,
    )
    method = all_of(
        type={"type": "string", "enum": ["elapsed_time", "trailing_days"]},
        days=COUNT,
        description=TEXT,
    )
    return all_of(
        object={"type": "string", "enum": ["meterline.analytics.forecast"]},
        currency=TEXT,
        customer=TEXT,
        expected=sums,
        forecast_at=INSTANT,
        items={"type": "array", "items": item},
        livemode={"type": "boolean"},
        method=method,
        period=period,
        so_far=sums,
        subscription=TEXT,
    )


def analytics_invoiced() -> Json:
    """What was invoiced by month and currency."""
    sums = all_of(
        currency=TEXT,
        invoices={"type": "integer"},
        total=AMOUNT,
        amount_paid=AMOUNT,
        amount_remaining=AMOUNT,
    )
    month = all_of(
        ends_at=INSTANT,
        is_complete={"type": "boolean"},
        refreshed_at=INSTANT,
        starts_at=INSTANT,
        sums={"type": "array", "items": sums},
    )
    return all_of(
        object={"type": "string", "enum": ["meterline.analytics.invoiced"]},
        is_complete={"type": "boolean"},
        livemode={"type": "boolean"},
        months={"type": "array", "items": month},
    )


def analytics_top_customers() -> Json:
    """The customers that used most of a meter in a span of time."""
    row = all_of(
        id=TEXT,
        object={"type": "string", "enum": ["meterline.analytics.top_customers_row"]},
        customer=TEXT,
        dimensions={"type": ["object", "null"], "additionalProperties": TEXT},
        rank={"type": "integer"},
        value=DECIMAL,
    )
    return all_of(
        object={"type": "string", "enum": ["meterline.analytics.top_customers"]},
        customers_read={"type": "integer"},
        ends_at=INSTANT,
        events_counted={"type": ["integer", "null"]},
        is_complete={"type": "boolean"},
        livemode={"type": "boolean"},
        meter=TEXT,
        refreshed_at=INSTANT,
        rows=all_of(
            object={"type": "string", "enum": ["list"]},
            data={"type": "array", "items": row},
            has_more={"type": "boolean"},
            url=TEXT,
        ),
        starts_at=INSTANT,
    )


def meter_usage() -> Json:
    """Stripe's usage analytics, which its schema leaves out as a preview."""
    dimensions = {"type": ["object", "null"], "additionalProperties": TEXT}
    row = all_of(
        id=TEXT,
        object={"type": "string", "enum": ["billing.analytics.meter_usage_row"]},
        dimensions=dimensions,
        ends_at=INSTANT,
        meter=TEXT_OR_NONE,
        starts_at=INSTANT,
        tenants={"type": "null"},
        value={"type": "number"},
    )
    return all_of(
        object={"type": "string", "enum": ["billing.analytics.meter_usage"]},
        livemode={"type": "boolean"},
        refreshed_at=INSTANT,
        rows=all_of(
            object={"type": "string", "enum": ["list"]},
            data={"type": "array", "items": row},
            has_more={"type": "boolean"},
            total={"type": "integer"},
            url=TEXT,
        ),
    )
