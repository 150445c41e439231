"""Shapes of what stands beside Stripe's fields in objects that Stripe has."""

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


def event_causer() -> Json:
    """The field ``meterline`` of an event's request: an API key's id, or an AWS principal's ARN."""
    return all_of(api_key=TEXT_OR_NONE, aws_principal=TEXT_OR_NONE)


def price_terms() -> Json:
    """The field ``meterline`` of a price that has it: a percentage, the bounds of a period, and
    which part of its meter it bills.
    """
    percentage = all_of(
        percent=DECIMAL,
        fixed_fee_decimal=DECIMAL,
        free_events={"type": "integer"},
        free_volume_decimal=DECIMAL,
    )
    tier = all_of(up_to=COUNT, percent=DECIMAL, flat_amount_decimal=DECIMAL)
    condition = all_of(dimension=TEXT, value=TEXT)
    nothing = {"type": "null"}
    return all_of(
        percentage={"anyOf": [percentage, nothing]},
        graduated_percentage={"anyOf": [{"type": "array", "items": tier}, nothing]},
        minimum_amount=COUNT,
        maximum_amount=COUNT,
        meter_segment_conditions={"anyOf": [{"type": "array", "items": condition}, nothing]},
    )


def crossing_terms() -> Json:
    """The fields of a triggered alert that its kinds beyond the first have: of what, and when."""
    return {
        "aggregation_period": all_of(starts_at=INSTANT, ends_at=INSTANT),
        "currency": TEXT_OR_NONE,
        "custom_pricing_unit": {"anyOf": [credit_units(), {"type": "null"}]},
        "external_customer_id": {"type": "null"},
        "group_by": all_of(type=TEXT, pricing_plan_subscription=TEXT),
        "triggered_at": INSTANT,
    }


def alert_terms() -> Json:
    """The fields of an alert that tell its type, and what alerts on other than usage are on."""
    filters = all_of(customer=TEXT, pricing_plan_subscription=TEXT_OR_NONE)
    return {
        "alert_type": {
            "type": "string",
            "enum": ["usage_threshold", "spend_threshold", "credit_balance_threshold"],
        },
        "credit_balance_threshold": _credit_balance_threshold(),
        "spend_threshold": all_of(
            aggregation_period={"type": "string", "enum": ["billing"]},
            filters={"anyOf": [filters, {"type": "null"}]},
            group_by={"type": "string", "enum": ["pricing_plan_subscription"]},
            gte=all_of(
                type={"type": "string", "enum": ["amount"]},
                amount=all_of(currency=TEXT, value=AMOUNT),
                custom_pricing_unit={"type": "null"},
            ),
        ),
    }


def credit_scope() -> Json:
    """What grants of billing credits pay for: all metered prices, or those that are named."""
    return {
        "type": "object",
        "properties": {
            "price_type": {"type": "string", "enum": ["metered"]},
            "prices": {"type": "array", "items": all_of(id=TEXT)},
        },
        "additionalProperties": False,
    }


def _credit_balance_threshold() -> Json:
    grants = all_of(applicability_config=all_of(scope=credit_scope()))
    filter_ = all_of(
        type={"type": "string", "enum": ["customer"]},
        customer=TEXT,
        credit_grants={"anyOf": [grants, {"type": "null"}]},
    )
    return all_of(
        filters={"type": "array", "items": filter_},
        lte=all_of(
            balance_type={"type": "string", "enum": ["custom_pricing_unit", "monetary"]},
            custom_pricing_unit={"anyOf": [credit_units(), {"type": "null"}]},
            monetary={"anyOf": [all_of(currency=TEXT, value=AMOUNT), {"type": "null"}]},
        ),
    )


CREDIT_AMOUNTS = (
    "billing.credit_balance_summary:Balance.AvailableBalance",
    "billing.credit_balance_summary:Balance.LedgerBalance",
    "billing.credit_balance_transaction:Credit.Amount",
    "billing.credit_balance_transaction:Debit.Amount",
    "billing.credit_grant:Amount",
)
"""Shapes of amounts of billing credits: money, or units of a meter."""


def credit_units() -> Json:
    """Units of the meter whose id this names."""
    return all_of(id=TEXT, value=DECIMAL)


def grant_recurrence() -> Json:
    """The field ``meterline`` of a credit grant that recurs: how often, and what rolls over."""
    return all_of(
        recurrence=all_of(
            anchor=INSTANT,
            interval={"type": "string", "enum": ["day", "week", "month", "year"]},
            interval_count=AMOUNT,
            rollover_most=AMOUNT,
        )
    )


def feature_limit() -> Json:
    """The field ``meterline`` of a product feature that has it: how much comes in each period."""
    return all_of(limit=all_of(meter=TEXT, quantity=DECIMAL))
