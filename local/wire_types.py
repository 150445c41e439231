"""Writes the types of stored objects (``core/base/wire.pyi``) from the schema of the wire.

``python -m local.wire_types`` after a change of ``stripe.schema.json``; a test compares. What the
schema leaves open is said here as Meterline stores it: another object by its id, a list that may be
null as a list, decimals as text. Private state is no part of these types: codecs own it.
"""

import json
import keyword
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "layers" / "meterline" / "python" / "meterline"
SCHEMA = PACKAGE / "api" / "stripe.schema.json"
TYPES = PACKAGE / "core" / "base" / "wire.pyi"

KINDS = (
    "billing.alert",
    "billing.credit_balance_transaction",
    "billing.credit_grant",
    "billing.meter",
    "coupon",
    "credit_note",
    "credit_note_line_item",
    "customer",
    "customer_balance_transaction",
    "discount",
    "entitlements.active_entitlement",
    "entitlements.feature",
    "event",
    "invoice",
    "invoice_payment",
    "invoiceitem",
    "line_item",
    "price",
    "product",
    "product_feature",
    "promotion_code",
    "subscription",
    "subscription_item",
    "subscription_schedule",
    "tax_id",
    "tax_rate",
    "test_helpers.test_clock",
    "webhook_endpoint",
)

ANSWERS = (
    "billing.alert_triggered",
    "billing.credit_balance_summary",
    "billing.meter_event",
    "billing.meter_event_adjustment",
    "billing.meter_event_summary",
    "v2.billing.meter_event",
    "v2.billing.meter_event_adjustment",
    "v2.billing.meter_event_session",
    "v2.core.event",
)
"""Objects that are not stored as they are, and never change."""

WHOLE = {
    ("customer", "discount"),
    ("credit_note", "lines"),
    ("credit_note_line_item", "tax_rates"),
    ("billing.alert_triggered", "alert"),
    ("subscription_item", "price"),
    ("subscription_item", "plan"),
    ("subscription", "default_tax_rates"),
    ("subscription_item", "tax_rates"),
    ("invoice", "default_tax_rates"),
    ("invoiceitem", "tax_rates"),
    ("subscription_schedule:Phase", "default_tax_rates"),
    ("subscription_schedule:Phase.AddInvoiceItem", "tax_rates"),
    ("subscription_schedule:Phase.Item", "tax_rates"),
}
"""Fields that hold another object itself. Elsewhere an object is stored by its id."""

STORED = {
    ("billing.alert", "alert_type"): "str",
    ("billing.credit_balance_summary:Balance", "available_balance"): "CreditAmount",
    ("billing.credit_balance_summary:Balance", "ledger_balance"): "CreditAmount",
    ("billing.credit_balance_transaction:Credit", "amount"): "CreditAmount",
    ("billing.credit_balance_transaction:Debit", "amount"): "CreditAmount",
    ("billing.credit_grant", "amount"): "CreditAmount",
    ("billing.alert:UsageThreshold", "recurrence"): 'Literal["one_time", "billing_period"]',
    ("billing.meter_event_summary", "aggregated_value"): "Decimal",
    ("event", "type"): "str",
    ("event", "data"): "dict[str, Any]",
    ("customer", "sources"): "dict[str, Any]",
    ("customer", "tax_ids"): "dict[str, Any]",
    ("subscription_schedule:Phase.Item", "plan"): "str",
    ("invoice", "last_finalization_error"): "dict[str, Any] | None",
    ("v2.core.event", "changes"): "dict[str, Any]",
    ("v2.core.event", "data"): "ErrorReport",
    ("v2.core.event", "reason"): "dict[str, Any]",
    ("v2.core.event", "related_object"): "RelatedObject",
    **{
        ("product:PackageDimensions", side): "float"
        for side in ("height", "length", "weight", "width")
    },
}
"""Types of fields of which the schema says more, or less, than is of use."""

BESIDE = {
    "billing.alert": {
        "credit_balance_threshold": "NotRequired[AlertCreditBalanceThreshold]",
        "spend_threshold": "NotRequired[AlertSpendThreshold]",
    },
    "billing.alert_triggered": {
        "aggregation_period": "NotRequired[AggregationPeriod]",
        "currency": "NotRequired[str | None]",
        "custom_pricing_unit": "NotRequired[CreditUnits | None]",
        "external_customer_id": "NotRequired[None]",
        "group_by": "NotRequired[AlertGroup]",
        "triggered_at": "NotRequired[int]",
    },
    "billing.meter_event_summary": {
        "dimensions": "NotRequired[dict[str, str]]",
        "meterline": "NotRequired[SummaryExtension]",
    },
    "Event.Request": {"meterline": "NotRequired[EventRequestOrigin]"},
    "billing.meter:DefaultAggregation": {"percentile": "NotRequired[str]"},
    "billing.meter": {"dimension_payload_keys": "NotRequired[list[str]]"},
    "price": {"meterline": "NotRequired[PriceExtension]"},
    "product": {"attributes": "list[str]"},
    "product_feature": {"meterline": "NotRequired[ProductFeatureExtension]"},
    "billing.credit_grant": {"meterline": "NotRequired[CreditGrantExtension]"},
}
"""Fields that are stored beside those of the schema."""

NEVER_NULL = {
    ("billing.credit_balance_transaction", "type"),
    ("billing.credit_grant", "effective_at"),
    ("billing.credit_grant", "priority"),
    ("billing.credit_grant:ApplicabilityConfig.Scope.Price", "id"),
    ("coupon", "metadata"),
    ("credit_note", "metadata"),
    ("credit_note", "total_taxes"),
    ("credit_note", "subtotal_excluding_tax"),
    ("credit_note", "total_excluding_tax"),
    ("credit_note_line_item", "metadata"),
    ("credit_note_line_item", "taxes"),
    ("customer", "invoice_prefix"),
    ("customer", "tax_exempt"),
    ("customer_balance_transaction", "metadata"),
    ("invoice", "customer"),
    ("invoice", "default_tax_rates"),
    ("invoice", "metadata"),
    ("invoice", "status"),
    ("invoice", "subtotal_excluding_tax"),
    ("invoice", "total_discount_amounts"),
    ("invoice", "total_excluding_tax"),
    ("invoice", "total_pretax_credit_amounts"),
    ("invoice", "total_taxes"),
    ("invoiceitem", "discounts"),
    ("invoiceitem", "metadata"),
    ("line_item", "discount_amounts"),
    ("line_item", "parent"),
    ("line_item", "pretax_credit_amounts"),
    ("line_item", "quantity"),
    ("line_item", "quantity_decimal"),
    ("line_item", "taxes"),
    ("invoiceitem", "tax_rates"),
    ("subscription", "cancellation_details"),
    ("subscription", "default_tax_rates"),
    ("subscription", "trial_settings"),
    ("subscription_schedule", "metadata"),
    ("subscription_schedule:Phase", "default_tax_rates"),
    ("subscription_schedule:Phase", "metadata"),
    ("subscription_schedule:Phase.AddInvoiceItem", "metadata"),
    ("subscription_schedule:Phase.AddInvoiceItem", "tax_rates"),
    ("subscription_schedule:Phase.Item", "metadata"),
    ("subscription_schedule:Phase.Item", "tax_rates"),
    ("subscription_item", "tax_rates"),
    ("tax_rate", "metadata"),
    ("tax_rate", "effective_percentage"),
}
"""Fields that can be null on the wire, and never are where Meterline stores them."""

MOST_VALUES = 16
"""A field with as many values or more is any text: the checker has no use for them."""

HEADER = """\
# Written by `python -m local.wire_types` from stripe.schema.json: do not edit.
# The objects of the API as Meterline stores them, for the type checker alone: there is no such
# module at run time. Other objects are named by their ids; private state is not listed here.
# After the objects stand their changes: any of an object's fields.

from decimal import Decimal
from typing import Any, Literal, NotRequired, TypedDict

class Listed[T](TypedDict):
    object: Literal["list"]
    data: list[T]
    has_more: bool
    url: str
    total_count: NotRequired[int]

class Deleted(TypedDict):
    id: str
    object: str
    deleted: bool

class AggregationPeriod(TypedDict):
    starts_at: int
    ends_at: int

class AlertGroup(TypedDict):
    type: str
    pricing_plan_subscription: str

class CreditAmount(TypedDict):
    type: Literal["custom_pricing_unit", "monetary"]
    custom_pricing_unit: NotRequired[CreditUnits]
    monetary: CreditMoney | None

class CreditMoney(TypedDict):
    currency: str
    value: int

class CreditUnits(TypedDict):
    id: str
    value: str

class AlertCreditBalanceThreshold(TypedDict):
    filters: list[AlertCreditBalanceThresholdFilter]
    lte: AlertCreditBalanceThresholdLte

class AlertCreditBalanceThresholdFilter(TypedDict):
    type: Literal["customer"]
    customer: str
    credit_grants: dict[str, Any] | None

class AlertCreditBalanceThresholdLte(TypedDict):
    balance_type: Literal["custom_pricing_unit", "monetary"]
    custom_pricing_unit: CreditUnits | None
    monetary: CreditMoney | None

class AlertSpendThreshold(TypedDict):
    aggregation_period: Literal["billing"]
    filters: AlertSpendThresholdFilters | None
    group_by: Literal["pricing_plan_subscription"]
    gte: AlertSpendThresholdGte

class AlertSpendThresholdFilters(TypedDict):
    customer: str
    pricing_plan_subscription: str | None

class AlertSpendThresholdGte(TypedDict):
    type: Literal["amount"]
    amount: AlertSpendThresholdAmount
    custom_pricing_unit: None

class AlertSpendThresholdAmount(TypedDict):
    currency: str
    value: int

class AlertRecovered(TypedDict):
    object: Literal["billing.alert_recovered"]
    aggregation_period: NotRequired[AggregationPeriod]
    alert: Alert
    created: int
    currency: NotRequired[str | None]
    custom_pricing_unit: NotRequired[CreditUnits | None]
    customer: str
    external_customer_id: NotRequired[None]
    group_by: NotRequired[AlertGroup]
    livemode: bool
    triggered_at: NotRequired[int]
    value: int

class AlertNotification(TypedDict):
    id: str
    object: Literal["billing.alert_notification"]
    action: Literal["recovered", "triggered"]
    aggregation_period_end: int | None
    aggregation_period_start: int | None
    alert: str
    alert_type: str
    currency: str | None
    customer: str
    livemode: bool
    meter: str | None
    notification_event: str | None
    notified_at: int
    subscription: str | None
    value: str

class EventRequestOrigin(TypedDict):
    api_key: str | None
    aws_principal: str | None

class ProductFeatureLimit(TypedDict):
    meter: str
    quantity: str

class CreditGrantRecurrence(TypedDict):
    anchor: int
    interval: Literal["day", "week", "month", "year"]
    interval_count: int
    rollover_most: int

class CreditGrantExtension(TypedDict):
    recurrence: CreditGrantRecurrence

class ProductFeatureExtension(TypedDict):
    limit: ProductFeatureLimit

class PricePercentage(TypedDict):
    percent: str
    fixed_fee_decimal: str
    free_events: int
    free_volume_decimal: str

class PricePercentageTier(TypedDict):
    up_to: int | None
    percent: str
    flat_amount_decimal: str

class MeterSegmentCondition(TypedDict):
    dimension: str
    value: str

class PriceExtension(TypedDict):
    percentage: PricePercentage | None
    graduated_percentage: list[PricePercentageTier] | None
    minimum_amount: int | None
    maximum_amount: int | None
    meter_segment_conditions: list[MeterSegmentCondition] | None

class SummaryExtension(TypedDict):
    approximate: bool

class MeterUsageRow(TypedDict):
    id: str
    object: str
    dimensions: dict[str, str] | None
    ends_at: int
    meter: str | None
    starts_at: int
    tenants: None
    value: Decimal

class MeterUsageRows(TypedDict):
    object: Literal["list"]
    data: list[MeterUsageRow]
    has_more: bool
    total: int
    url: str

class MeterUsage(TypedDict):
    object: str
    livemode: bool
    refreshed_at: int
    rows: MeterUsageRows

class CountedEvent(TypedDict):
    id: str
    object: Literal["billing.meter_event"]
    created: int | None
    event_name: str
    identifier: str | None
    livemode: bool
    payload: dict[str, str]
    timestamp: int

class MeterEventResults(TypedDict):
    results: NotRequired[list[MeterEventResult]]

class MeterEventResult(TypedDict):
    identifier: str
    status: str
    code: NotRequired[str]
    message: NotRequired[str]

class RelatedObject(TypedDict):
    id: str
    type: str
    url: str

class ErrorReport(TypedDict):
    developer_message_summary: str
    validation_start: str
    validation_end: str
    reason: ErrorReportReason

class ErrorReportReason(TypedDict):
    error_count: int
    error_types: list[ErrorReportType]

class ErrorReportType(TypedDict):
    code: str
    error_count: int
    sample_errors: list[ErrorReportSample]

class ErrorReportSample(TypedDict):
    error_message: str
    request: ErrorReportRequest

class ErrorReportRequest(TypedDict):
    identifier: str

class UsageDifference(TypedDict):
    id: str
    object: Literal["meterline.usage_difference"]
    created: int
    customer: str
    counted: UsageOfHour
    end_time: int
    livemode: bool
    meter: str
    missing_events: int
    recounted: UsageOfHour
    start_time: int
    wrong_events: int

class UsageOfHour(TypedDict):
    event_count: int
    value: str
"""

type Json = dict[str, Any]


def generated() -> str:
    """The text of the stub."""
    schemas: dict[str, Json] = json.loads(SCHEMA.read_text())["$defs"]
    names = sorted(_reached(schemas), key=_class_name)
    text = HEADER + "".join(_class(name, schemas[name]) for name in names)
    text += "".join(_changes(name, schemas[name]) for name in sorted(KINDS, key=_class_name))
    command = ["ruff", "format", "--stdin-filename", str(TYPES), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


def _reached(schemas: dict[str, Json]) -> set[str]:
    """The kinds and the parts that their fields are made of."""
    reached: set[str] = set()
    ahead = [*KINDS, *ANSWERS]
    while ahead:
        name = ahead.pop()
        if name in reached:
            continue
        reached.add(name)
        for field, schema in schemas[name].get("properties", {}).items():
            if (name, field) not in STORED:
                ahead += _parts(name, field, schema)
    return reached


def _parts(kind: str, field: str, schema: Json) -> Iterator[str]:
    if "$ref" in schema:
        named = schema["$ref"].removeprefix("#/$defs/")
        if not _is_object(named) or (kind, field) in WHOLE or _is_list_of(kind, field):
            yield named
        return
    for option in schema.get("anyOf", []):
        yield from _parts(kind, field, option)
    for inner in (schema.get("items"), schema.get("properties", {}).get("data")):
        if inner:
            yield from _parts(kind, field, inner)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from _parts(kind, field, schema["additionalProperties"])


def _is_object(name: str) -> bool:
    """Whether it is an object of its own, and no part of one."""
    return ":" not in name and name not in ("shared.Address", "Event.Request", "plan")


def _is_list_of(kind: str, field: str) -> bool:
    return (kind, field) in {("invoice", "lines"), ("subscription", "items")}


def _class(name: str, schema: Json) -> str:
    fields = schema.get("properties", {})
    required = schema.get("required", [])
    lines = [f"\nclass {_class_name(name)}(TypedDict):\n"]
    for field, of in fields.items():
        if not field.isidentifier() or keyword.iskeyword(field):
            raise ValueError(f"{name}.{field} is no name of a class's field")
        stored = _stored(name, field, of)
        lines.append(f"    {field}: {stored if field in required else f'NotRequired[{stored}]'}\n")
    lines += [f"    {field}: {stored}\n" for field, stored in BESIDE.get(name, {}).items()]
    return "".join([*_choices(name, schema), *lines]) + ("" if fields else "    ...\n")


def _choices(name: str, schema: Json) -> Iterator[str]:
    """A name for the values of each field that has a few."""
    for field, of in schema.get("properties", {}).items():
        values = _values(of.get("items", of))
        if len(values) > 1:
            yield f"\ntype {_choice(name, field)} = Literal[{', '.join(values)}]\n"


def _values(schema: Json) -> list[str]:
    """The few values that a field can have, beside null; none if it is open to more."""
    values = schema.get("enum", ())
    return [json.dumps(value) for value in values if value is not None] * (
        len(values) < MOST_VALUES
    )


def _choice(kind: str, field: str) -> str:
    return _class_name(kind) + field.replace("_", " ").title().replace(" ", "")


def _changes(name: str, schema: Json) -> str:
    """Any of a kind's fields: what a decision changes of an object, ``{**invoice, **changes}``."""
    fields = {field: _stored(name, field, of) for field, of in schema["properties"].items()}
    lines = [f"    {field}: {type_}\n" for field, type_ in fields.items()]
    return f"\nclass {_class_name(name)}Changes(TypedDict, total=False):\n" + "".join(lines)


def _stored(kind: str, field: str, schema: Json) -> str:
    if (kind, field) in STORED:
        return STORED[kind, field]
    types = list(dict.fromkeys(_types(kind, field, schema)))
    nullable = "None" in types and (kind, field) not in NEVER_NULL
    types = [type_ for type_ in types if type_ != "None"]
    return " | ".join(types + ["None"] * nullable)


def _types(kind: str, field: str, schema: Json) -> Iterator[str]:
    """The types that a field can have, each as it is written."""
    if "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from _types(kind, field, option)
    elif "$ref" in schema:
        [*parts] = _parts(kind, field, schema)
        yield _class_name(parts[0]) if parts else "str"
    else:
        given = schema["type"]
        several = given if isinstance(given, list) else [given]
        yield from (_type(kind, field, schema, type_) for type_ in several)


def _type(kind: str, field: str, schema: Json, type_: str) -> str:
    values = _values(schema)
    if type_ == "string" and values:
        return _choice(kind, field) if len(values) > 1 else f"Literal[{values[0]}]"
    if type_ == "array":
        return (
            f"list[{_stored(kind, field, schema['items'])}]" if "items" in schema else "list[Any]"
        )
    if type_ == "object":
        return _mapping(kind, field, schema)
    return {
        "string": "str",
        "integer": "int",
        "number": "str",  # a decimal, as text
        "boolean": "bool",
        "null": "None",
    }[type_]


def _mapping(kind: str, field: str, schema: Json) -> str:
    if "data" in schema.get("properties", {}):
        of = _stored(kind, field, schema["properties"]["data"]["items"])
        return f"Listed[{of}]"
    values = schema.get("additionalProperties")
    if isinstance(values, dict) and not schema.get("properties"):
        return f"dict[str, {_stored(kind, field, values)}]"
    return "dict[str, Any]"


def _class_name(name: str) -> str:
    """``InvoiceParentSubscriptionDetails`` of ``invoice:Parent.SubscriptionDetails``."""
    kind, _, part = name.partition(":")
    of_kind = {"shared.Address": "Address", "Event.Request": "EventRequest"}
    words = of_kind.get(kind) or kind.rpartition(".")[2].replace("_", " ").title().replace(" ", "")
    words = f"V2{words}" if kind.startswith("v2.") else words
    words = {"Invoiceitem": "InvoiceItem", "LineItem": "InvoiceLine"}.get(words, words)
    return words + part.replace(".", "")


if __name__ == "__main__":
    TYPES.write_text(generated())
