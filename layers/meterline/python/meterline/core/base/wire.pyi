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

class ActiveEntitlement(TypedDict):
    id: str
    object: Literal["entitlements.active_entitlement"]
    feature: str
    livemode: bool
    lookup_key: str

class Address(TypedDict):
    city: str | None
    country: str | None
    line1: str | None
    line2: str | None
    postal_code: str | None
    state: str | None

type AlertStatus = Literal["active", "archived", "inactive"]

class Alert(TypedDict):
    id: str
    object: Literal["billing.alert"]
    alert_type: str
    livemode: bool
    status: AlertStatus | None
    title: str
    usage_threshold: AlertUsageThreshold | None
    credit_balance_threshold: NotRequired[AlertCreditBalanceThreshold]
    spend_threshold: NotRequired[AlertSpendThreshold]

class AlertTriggered(TypedDict):
    object: Literal["billing.alert_triggered"]
    alert: Alert
    created: int
    customer: str
    livemode: bool
    value: int
    aggregation_period: NotRequired[AggregationPeriod]
    currency: NotRequired[str | None]
    custom_pricing_unit: NotRequired[CreditUnits | None]
    external_customer_id: NotRequired[None]
    group_by: NotRequired[AlertGroup]
    triggered_at: NotRequired[int]

class AlertUsageThreshold(TypedDict):
    filters: list[AlertUsageThresholdFilter] | None
    gte: int
    meter: str
    recurrence: Literal["one_time", "billing_period"]

class AlertUsageThresholdFilter(TypedDict):
    customer: str | None
    type: Literal["customer"]

type CouponDuration = Literal["forever", "once", "repeating"]

class Coupon(TypedDict):
    id: str
    object: Literal["coupon"]
    amount_off: int | None
    applies_to: NotRequired[CouponAppliesTo]
    created: int
    currency: str | None
    currency_options: NotRequired[dict[str, CouponCurrencyOptions]]
    duration: CouponDuration
    duration_in_months: int | None
    livemode: bool
    max_redemptions: int | None
    metadata: dict[str, str]
    name: str | None
    percent_off: str | None
    redeem_by: int | None
    times_redeemed: int
    valid: bool

class CouponAppliesTo(TypedDict):
    products: list[str]

class CouponCurrencyOptions(TypedDict):
    amount_off: int

class CreditBalanceSummary(TypedDict):
    object: Literal["billing.credit_balance_summary"]
    balances: list[CreditBalanceSummaryBalance]
    customer: str
    customer_account: str | None
    livemode: bool

class CreditBalanceSummaryBalance(TypedDict):
    available_balance: CreditAmount
    ledger_balance: CreditAmount

type CreditBalanceTransactionType = Literal["credit", "debit"]

class CreditBalanceTransaction(TypedDict):
    id: str
    object: Literal["billing.credit_balance_transaction"]
    created: int
    credit: CreditBalanceTransactionCredit | None
    credit_grant: str
    debit: CreditBalanceTransactionDebit | None
    effective_at: int
    livemode: bool
    test_clock: str | None
    type: CreditBalanceTransactionType

type CreditBalanceTransactionCreditType = Literal[
    "credits_application_invoice_voided", "credits_granted"
]

class CreditBalanceTransactionCredit(TypedDict):
    amount: CreditAmount
    credits_application_invoice_voided: (
        CreditBalanceTransactionCreditCreditsApplicationInvoiceVoided | None
    )
    type: CreditBalanceTransactionCreditType

class CreditBalanceTransactionCreditCreditsApplicationInvoiceVoided(TypedDict):
    invoice: str
    invoice_line_item: str

type CreditBalanceTransactionDebitType = Literal[
    "credits_applied", "credits_expired", "credits_voided"
]

class CreditBalanceTransactionDebit(TypedDict):
    amount: CreditAmount
    credits_applied: CreditBalanceTransactionDebitCreditsApplied | None
    type: CreditBalanceTransactionDebitType

class CreditBalanceTransactionDebitCreditsApplied(TypedDict):
    invoice: str
    invoice_line_item: str

type CreditGrantCategory = Literal["paid", "promotional"]

class CreditGrant(TypedDict):
    id: str
    object: Literal["billing.credit_grant"]
    amount: CreditAmount
    applicability_config: CreditGrantApplicabilityConfig
    category: CreditGrantCategory
    created: int
    customer: str
    customer_account: str | None
    effective_at: int
    expires_at: int | None
    livemode: bool
    metadata: dict[str, str]
    name: str | None
    priority: int
    test_clock: str | None
    updated: int
    voided_at: int | None
    meterline: NotRequired[CreditGrantExtension]

class CreditGrantApplicabilityConfig(TypedDict):
    scope: CreditGrantApplicabilityConfigScope

class CreditGrantApplicabilityConfigScope(TypedDict):
    price_type: NotRequired[Literal["metered"]]
    prices: NotRequired[list[CreditGrantApplicabilityConfigScopePrice]]

class CreditGrantApplicabilityConfigScopePrice(TypedDict):
    id: str

type CreditNoteReason = Literal["duplicate", "fraudulent", "order_change", "product_unsatisfactory"]

type CreditNoteStatus = Literal["issued", "void"]

type CreditNoteType = Literal["mixed", "post_payment", "pre_payment"]

class CreditNote(TypedDict):
    id: str
    object: Literal["credit_note"]
    amount: int
    amount_shipping: int
    created: int
    currency: str
    customer: str
    customer_account: str | None
    customer_balance_transaction: str | None
    discount_amount: int
    discount_amounts: list[CreditNoteDiscountAmount]
    effective_at: int | None
    invoice: str
    lines: Listed[CreditNoteLineItem]
    livemode: bool
    memo: str | None
    metadata: dict[str, str]
    number: str
    out_of_band_amount: int | None
    pdf: str
    post_payment_amount: int
    pre_payment_amount: int
    pretax_credit_amounts: list[CreditNotePretaxCreditAmount]
    reason: CreditNoteReason | None
    refunds: list[CreditNoteRefund]
    shipping_cost: CreditNoteShippingCost | None
    status: CreditNoteStatus
    subtotal: int
    subtotal_excluding_tax: int
    total: int
    total_excluding_tax: int
    total_taxes: list[CreditNoteTotalTax]
    type: CreditNoteType
    voided_at: int | None

class CreditNoteDiscountAmount(TypedDict):
    amount: int
    discount: str

type CreditNoteLineItemType = Literal["custom_line_item", "invoice_line_item"]

class CreditNoteLineItem(TypedDict):
    id: str
    object: Literal["credit_note_line_item"]
    amount: int
    description: str | None
    discount_amount: int
    discount_amounts: list[CreditNoteLineItemDiscountAmount]
    invoice_line_item: NotRequired[str]
    livemode: bool
    metadata: dict[str, str]
    pretax_credit_amounts: list[CreditNoteLineItemPretaxCreditAmount]
    quantity: int | None
    tax_rates: list[TaxRate]
    taxes: list[CreditNoteLineItemTax]
    type: CreditNoteLineItemType
    unit_amount: int | None
    unit_amount_decimal: str | None

class CreditNoteLineItemDiscountAmount(TypedDict):
    amount: int
    discount: str

type CreditNoteLineItemPretaxCreditAmountType = Literal["credit_balance_transaction", "discount"]

class CreditNoteLineItemPretaxCreditAmount(TypedDict):
    amount: int
    credit_balance_transaction: NotRequired[str]
    discount: NotRequired[str]
    type: CreditNoteLineItemPretaxCreditAmountType

type CreditNoteLineItemTaxTaxBehavior = Literal["exclusive", "inclusive"]

class CreditNoteLineItemTax(TypedDict):
    amount: int
    tax_behavior: CreditNoteLineItemTaxTaxBehavior
    tax_rate_details: CreditNoteLineItemTaxTaxRateDetails | None
    taxability_reason: str
    taxable_amount: int | None
    type: Literal["tax_rate_details"]

class CreditNoteLineItemTaxTaxRateDetails(TypedDict):
    tax_rate: str

type CreditNotePretaxCreditAmountType = Literal["credit_balance_transaction", "discount"]

class CreditNotePretaxCreditAmount(TypedDict):
    amount: int
    credit_balance_transaction: NotRequired[str]
    discount: NotRequired[str]
    type: CreditNotePretaxCreditAmountType

type CreditNoteRefundType = Literal["payment_record_refund", "refund"]

class CreditNoteRefund(TypedDict):
    amount_refunded: int
    payment_record_refund: CreditNoteRefundPaymentRecordRefund | None
    refund: str
    type: CreditNoteRefundType | None

class CreditNoteRefundPaymentRecordRefund(TypedDict):
    payment_record: str
    refund_group: str

class CreditNoteShippingCost(TypedDict):
    amount_subtotal: int
    amount_tax: int
    amount_total: int
    shipping_rate: str | None
    taxes: NotRequired[list[CreditNoteShippingCostTax]]

class CreditNoteShippingCostTax(TypedDict):
    amount: int
    rate: str
    taxability_reason: str | None
    taxable_amount: int | None

type CreditNoteTotalTaxTaxBehavior = Literal["exclusive", "inclusive"]

class CreditNoteTotalTax(TypedDict):
    amount: int
    tax_behavior: CreditNoteTotalTaxTaxBehavior
    tax_rate_details: CreditNoteTotalTaxTaxRateDetails | None
    taxability_reason: str
    taxable_amount: int | None
    type: Literal["tax_rate_details"]

class CreditNoteTotalTaxTaxRateDetails(TypedDict):
    tax_rate: str

type CustomerTaxExempt = Literal["exempt", "none", "reverse"]

class Customer(TypedDict):
    id: str
    object: Literal["customer"]
    address: NotRequired[Address | None]
    balance: int
    business_name: NotRequired[str]
    cash_balance: NotRequired[dict[str, Any] | None]
    created: int
    currency: NotRequired[str | None]
    customer_account: NotRequired[str | None]
    default_source: str | None
    delinquent: NotRequired[bool | None]
    description: str | None
    discount: NotRequired[Discount | None]
    email: str | None
    individual_name: NotRequired[str]
    invoice_credit_balance: NotRequired[dict[str, int]]
    invoice_prefix: NotRequired[str]
    invoice_settings: CustomerInvoiceSettings
    livemode: bool
    metadata: dict[str, str]
    name: NotRequired[str | None]
    next_invoice_sequence: NotRequired[int]
    phone: NotRequired[str | None]
    preferred_locales: NotRequired[list[str] | None]
    shipping: CustomerShipping | None
    sources: NotRequired[dict[str, Any]]
    subscriptions: NotRequired[Listed[str]]
    tax: NotRequired[CustomerTax]
    tax_exempt: NotRequired[CustomerTaxExempt]
    tax_ids: NotRequired[dict[str, Any]]
    test_clock: NotRequired[str | None]

type CustomerBalanceTransactionType = Literal[
    "adjustment",
    "applied_to_invoice",
    "checkout_session_subscription_payment",
    "checkout_session_subscription_payment_canceled",
    "credit_note",
    "initial",
    "invoice_overpaid",
    "invoice_too_large",
    "invoice_too_small",
    "migration",
    "unapplied_from_invoice",
    "unspent_receiver_credit",
]

class CustomerBalanceTransaction(TypedDict):
    id: str
    object: Literal["customer_balance_transaction"]
    amount: int
    checkout_session: str | None
    created: int
    credit_note: str | None
    currency: str
    customer: str
    customer_account: str | None
    description: str | None
    ending_balance: int
    invoice: str | None
    livemode: bool
    metadata: dict[str, str]
    type: CustomerBalanceTransactionType

class CustomerInvoiceSettings(TypedDict):
    custom_fields: list[CustomerInvoiceSettingsCustomField] | None
    default_payment_method: str | None
    footer: str | None
    rendering_options: CustomerInvoiceSettingsRenderingOptions | None

class CustomerInvoiceSettingsCustomField(TypedDict):
    name: str
    value: str

class CustomerInvoiceSettingsRenderingOptions(TypedDict):
    amount_tax_display: str | None
    template: str | None

class CustomerShipping(TypedDict):
    address: NotRequired[Address]
    carrier: NotRequired[str | None]
    name: NotRequired[str]
    phone: NotRequired[str | None]
    tracking_number: NotRequired[str | None]

type CustomerTaxAutomaticTax = Literal[
    "failed", "not_collecting", "supported", "unrecognized_location"
]

type CustomerTaxProvider = Literal["anrok", "avalara", "sphere", "stripe"]

class CustomerTax(TypedDict):
    automatic_tax: CustomerTaxAutomaticTax
    ip_address: str | None
    location: CustomerTaxLocation | None
    provider: CustomerTaxProvider

type CustomerTaxLocationSource = Literal[
    "billing_address", "ip_address", "payment_method", "shipping_destination"
]

class CustomerTaxLocation(TypedDict):
    country: str
    source: CustomerTaxLocationSource
    state: str | None

class Discount(TypedDict):
    id: str
    object: Literal["discount"]
    checkout_session: str | None
    customer: str | None
    customer_account: str | None
    end: int | None
    invoice: str | None
    invoice_item: str | None
    promotion_code: str | None
    source: DiscountSource
    start: int
    subscription: str | None
    subscription_item: str | None

class DiscountSource(TypedDict):
    coupon: str | None
    type: Literal["coupon"]

class Event(TypedDict):
    id: str
    object: Literal["event"]
    account: NotRequired[str]
    api_version: str | None
    context: NotRequired[str]
    created: int
    data: dict[str, Any]
    livemode: bool
    pending_webhooks: int
    request: EventRequest | None
    type: str

class EventRequest(TypedDict):
    id: str | None
    idempotency_key: str | None
    meterline: NotRequired[EventRequestOrigin]

class Feature(TypedDict):
    id: str
    object: Literal["entitlements.feature"]
    active: bool
    livemode: bool
    lookup_key: str
    metadata: dict[str, str]
    name: str

type InvoiceBillingReason = Literal[
    "automatic_pending_invoice_item_invoice",
    "manual",
    "quote_accept",
    "subscription",
    "subscription_create",
    "subscription_cycle",
    "subscription_threshold",
    "subscription_update",
    "upcoming",
]

type InvoiceCollectionMethod = Literal["charge_automatically", "send_invoice"]

type InvoiceCustomerTaxExempt = Literal["exempt", "none", "reverse"]

type InvoiceStatus = Literal["draft", "open", "paid", "uncollectible", "void"]

class Invoice(TypedDict):
    id: str
    object: Literal["invoice"]
    account_country: str | None
    account_name: str | None
    account_tax_ids: list[str] | None
    amount_due: int
    amount_overpaid: int
    amount_paid: int
    amount_paid_off_stripe: NotRequired[int]
    amount_remaining: int
    amount_shipping: int
    application: str | None
    attempt_count: int
    attempted: bool
    auto_advance: NotRequired[bool]
    automatic_tax: InvoiceAutomaticTax
    automatically_finalizes_at: int | None
    billing_reason: InvoiceBillingReason | None
    collection_method: InvoiceCollectionMethod
    confirmation_secret: NotRequired[InvoiceConfirmationSecret | None]
    created: int
    currency: str
    custom_fields: list[InvoiceCustomField] | None
    customer: str
    customer_account: str | None
    customer_address: Address | None
    customer_email: str | None
    customer_name: str | None
    customer_phone: str | None
    customer_shipping: InvoiceCustomerShipping | None
    customer_tax_exempt: InvoiceCustomerTaxExempt | None
    customer_tax_ids: NotRequired[list[InvoiceCustomerTaxId] | None]
    default_payment_method: str | None
    default_source: str | None
    default_tax_rates: list[TaxRate]
    description: str | None
    discounts: list[str]
    due_date: int | None
    effective_at: int | None
    ending_balance: int | None
    footer: str | None
    from_invoice: InvoiceFromInvoice | None
    hosted_invoice_url: NotRequired[str | None]
    invoice_pdf: NotRequired[str | None]
    issuer: InvoiceIssuer
    last_finalization_error: dict[str, Any] | None
    latest_revision: str | None
    lines: Listed[InvoiceLine]
    livemode: bool
    metadata: dict[str, str]
    next_payment_attempt: int | None
    number: str | None
    on_behalf_of: str | None
    parent: InvoiceParent | None
    payment_settings: InvoicePaymentSettings
    payments: NotRequired[Listed[str]]
    period_end: int
    period_start: int
    post_payment_credit_notes_amount: int
    pre_payment_credit_notes_amount: int
    receipt_number: str | None
    rendering: InvoiceRendering | None
    shipping_cost: InvoiceShippingCost | None
    shipping_details: InvoiceShippingDetails | None
    starting_balance: int
    statement_descriptor: str | None
    status: InvoiceStatus
    status_details: NotRequired[InvoiceStatusDetails]
    status_transitions: InvoiceStatusTransitions
    subtotal: int
    subtotal_excluding_tax: int
    test_clock: str | None
    threshold_reason: NotRequired[InvoiceThresholdReason]
    total: int
    total_discount_amounts: list[InvoiceTotalDiscountAmount]
    total_excluding_tax: int
    total_pretax_credit_amounts: list[InvoiceTotalPretaxCreditAmount]
    total_taxes: list[InvoiceTotalTax]
    webhooks_delivered_at: int | None

type InvoiceAutomaticTaxDisabledReason = Literal[
    "finalization_requires_location_inputs", "finalization_system_error"
]

type InvoiceAutomaticTaxStatus = Literal["complete", "failed", "requires_location_inputs"]

class InvoiceAutomaticTax(TypedDict):
    disabled_reason: InvoiceAutomaticTaxDisabledReason | None
    enabled: bool
    liability: InvoiceAutomaticTaxLiability | None
    provider: str | None
    status: InvoiceAutomaticTaxStatus | None

type InvoiceAutomaticTaxLiabilityType = Literal["account", "self"]

class InvoiceAutomaticTaxLiability(TypedDict):
    account: NotRequired[str]
    type: InvoiceAutomaticTaxLiabilityType

class InvoiceConfirmationSecret(TypedDict):
    client_secret: str
    type: str

class InvoiceCustomField(TypedDict):
    name: str
    value: str

class InvoiceCustomerShipping(TypedDict):
    address: NotRequired[Address]
    carrier: NotRequired[str | None]
    name: NotRequired[str]
    phone: NotRequired[str | None]
    tracking_number: NotRequired[str | None]

class InvoiceCustomerTaxId(TypedDict):
    type: str
    value: str | None

class InvoiceFromInvoice(TypedDict):
    action: str
    invoice: str

type InvoiceIssuerType = Literal["account", "self"]

class InvoiceIssuer(TypedDict):
    account: NotRequired[str]
    type: InvoiceIssuerType

type InvoiceItemFrozenFields = Literal["discounts", "pricing", "quantity"]

class InvoiceItem(TypedDict):
    id: str
    object: Literal["invoiceitem"]
    amount: int
    currency: str
    customer: str
    customer_account: str | None
    date: int
    description: str | None
    discountable: bool
    discounts: list[str]
    frozen_fields: NotRequired[list[InvoiceItemFrozenFields]]
    invoice: str | None
    invoicing_rules: NotRequired[list[InvoiceItemInvoicingRule]]
    livemode: bool
    metadata: dict[str, str]
    net_amount: NotRequired[int]
    parent: InvoiceItemParent | None
    period: InvoiceItemPeriod
    pricing: InvoiceItemPricing | None
    proration: bool
    proration_details: NotRequired[InvoiceItemProrationDetails]
    quantity: int
    quantity_decimal: str
    tax_rates: list[TaxRate]
    test_clock: str | None

class InvoiceItemInvoicingRule(TypedDict):
    type: Literal["defer_until_credited_items_resolved"]

class InvoiceItemParent(TypedDict):
    subscription_details: InvoiceItemParentSubscriptionDetails | None
    type: Literal["subscription_details"]

class InvoiceItemParentSubscriptionDetails(TypedDict):
    subscription: str
    subscription_item: NotRequired[str]

class InvoiceItemPeriod(TypedDict):
    end: int
    start: int

class InvoiceItemPricing(TypedDict):
    price_details: NotRequired[InvoiceItemPricingPriceDetails]
    type: Literal["price_details"]
    unit_amount_decimal: str | None

class InvoiceItemPricingPriceDetails(TypedDict):
    price: str
    product: str

class InvoiceItemProrationDetails(TypedDict):
    credited_items: InvoiceItemProrationDetailsCreditedItems | None
    discount_amounts: list[InvoiceItemProrationDetailsDiscountAmount]

type InvoiceItemProrationDetailsCreditedItemsType = Literal["invoice_item", "invoice_line_items"]

class InvoiceItemProrationDetailsCreditedItems(TypedDict):
    invoice_item: NotRequired[str]
    invoice_line_item_details: NotRequired[
        InvoiceItemProrationDetailsCreditedItemsInvoiceLineItemDetails
    ]
    type: InvoiceItemProrationDetailsCreditedItemsType

class InvoiceItemProrationDetailsCreditedItemsInvoiceLineItemDetails(TypedDict):
    invoice: str
    invoice_line_items: list[str]

class InvoiceItemProrationDetailsDiscountAmount(TypedDict):
    amount: int
    discount: str

class InvoiceLine(TypedDict):
    id: str
    object: Literal["line_item"]
    amount: int
    currency: str
    description: str | None
    discount_amounts: list[InvoiceLineDiscountAmount]
    discountable: bool
    discounts: list[str]
    invoice: str | None
    livemode: bool
    metadata: dict[str, str]
    parent: InvoiceLineParent
    period: InvoiceLinePeriod
    pretax_credit_amounts: list[InvoiceLinePretaxCreditAmount]
    pricing: InvoiceLinePricing | None
    quantity: int
    quantity_decimal: str
    subscription: str | None
    subtotal: int
    taxes: list[InvoiceLineTax]

class InvoiceLineDiscountAmount(TypedDict):
    amount: int
    discount: str

type InvoiceLineParentType = Literal["invoice_item_details", "subscription_item_details"]

class InvoiceLineParent(TypedDict):
    invoice_item_details: InvoiceLineParentInvoiceItemDetails | None
    subscription_item_details: InvoiceLineParentSubscriptionItemDetails | None
    type: InvoiceLineParentType

class InvoiceLineParentInvoiceItemDetails(TypedDict):
    invoice_item: str
    proration: bool
    proration_details: InvoiceLineParentInvoiceItemDetailsProrationDetails | None
    subscription: str | None

class InvoiceLineParentInvoiceItemDetailsProrationDetails(TypedDict):
    credited_items: InvoiceLineParentInvoiceItemDetailsProrationDetailsCreditedItems | None

class InvoiceLineParentInvoiceItemDetailsProrationDetailsCreditedItems(TypedDict):
    invoice: str
    invoice_line_items: list[str]

class InvoiceLineParentSubscriptionItemDetails(TypedDict):
    invoice_item: str | None
    proration: bool
    proration_details: InvoiceLineParentSubscriptionItemDetailsProrationDetails | None
    subscription: str | None
    subscription_item: str

class InvoiceLineParentSubscriptionItemDetailsProrationDetails(TypedDict):
    credited_items: InvoiceLineParentSubscriptionItemDetailsProrationDetailsCreditedItems | None

class InvoiceLineParentSubscriptionItemDetailsProrationDetailsCreditedItems(TypedDict):
    invoice: str
    invoice_line_items: list[str]

class InvoiceLinePeriod(TypedDict):
    end: int
    start: int

type InvoiceLinePretaxCreditAmountType = Literal["credit_balance_transaction", "discount"]

class InvoiceLinePretaxCreditAmount(TypedDict):
    amount: int
    credit_balance_transaction: NotRequired[str | None]
    discount: NotRequired[str]
    type: InvoiceLinePretaxCreditAmountType

class InvoiceLinePricing(TypedDict):
    price_details: NotRequired[InvoiceLinePricingPriceDetails]
    type: Literal["price_details"]
    unit_amount_decimal: str | None

class InvoiceLinePricingPriceDetails(TypedDict):
    price: str
    product: str

type InvoiceLineTaxTaxBehavior = Literal["exclusive", "inclusive"]

class InvoiceLineTax(TypedDict):
    amount: int
    tax_behavior: InvoiceLineTaxTaxBehavior
    tax_rate_details: InvoiceLineTaxTaxRateDetails | None
    taxability_reason: str
    taxable_amount: int | None
    type: Literal["tax_rate_details"]

class InvoiceLineTaxTaxRateDetails(TypedDict):
    tax_rate: str

type InvoiceParentType = Literal["quote_details", "subscription_details"]

class InvoiceParent(TypedDict):
    quote_details: InvoiceParentQuoteDetails | None
    subscription_details: InvoiceParentSubscriptionDetails | None
    type: InvoiceParentType

class InvoiceParentQuoteDetails(TypedDict):
    quote: str

class InvoiceParentSubscriptionDetails(TypedDict):
    metadata: dict[str, str] | None
    subscription: str
    subscription_proration_date: NotRequired[int]

class InvoicePayment(TypedDict):
    id: str
    object: Literal["invoice_payment"]
    amount_paid: int | None
    amount_requested: int
    created: int
    currency: str
    invoice: str
    is_default: bool
    livemode: bool
    payment: InvoicePaymentPayment
    status: str
    status_transitions: InvoicePaymentStatusTransitions

type InvoicePaymentPaymentType = Literal["charge", "payment_intent", "payment_record"]

class InvoicePaymentPayment(TypedDict):
    charge: NotRequired[str]
    payment_intent: NotRequired[str]
    payment_record: NotRequired[str]
    type: InvoicePaymentPaymentType

class InvoicePaymentSettings(TypedDict):
    default_mandate: str | None
    payment_method_options: InvoicePaymentSettingsPaymentMethodOptions | None
    payment_method_types: list[str] | None

class InvoicePaymentSettingsPaymentMethodOptions(TypedDict): ...

class InvoicePaymentStatusTransitions(TypedDict):
    canceled_at: int | None
    paid_at: int | None

class InvoiceRendering(TypedDict):
    amount_tax_display: str | None
    pdf: InvoiceRenderingPdf | None
    template: str | None
    template_version: int | None

type InvoiceRenderingPdfPageSize = Literal["a4", "auto", "letter"]

class InvoiceRenderingPdf(TypedDict):
    page_size: InvoiceRenderingPdfPageSize | None

class InvoiceShippingCost(TypedDict):
    amount_subtotal: int
    amount_tax: int
    amount_total: int
    shipping_rate: str | None
    taxes: NotRequired[list[InvoiceShippingCostTax]]

class InvoiceShippingCostTax(TypedDict):
    amount: int
    rate: str
    taxability_reason: str | None
    taxable_amount: int | None

class InvoiceShippingDetails(TypedDict):
    address: NotRequired[Address]
    carrier: NotRequired[str | None]
    name: NotRequired[str]
    phone: NotRequired[str | None]
    tracking_number: NotRequired[str | None]

class InvoiceStatusDetails(TypedDict):
    uncollectible: NotRequired[InvoiceStatusDetailsUncollectible]

type InvoiceStatusDetailsUncollectibleReason = Literal[
    "max_payment_attempts",
    "payment_not_received",
    "subscription_canceled",
    "subscription_paused",
    "user_forgiven",
]

class InvoiceStatusDetailsUncollectible(TypedDict):
    reason: InvoiceStatusDetailsUncollectibleReason | None

class InvoiceStatusTransitions(TypedDict):
    finalized_at: int | None
    marked_uncollectible_at: int | None
    paid_at: int | None
    voided_at: int | None

class InvoiceThresholdReason(TypedDict):
    amount_gte: int | None
    item_reasons: list[InvoiceThresholdReasonItemReason]

class InvoiceThresholdReasonItemReason(TypedDict):
    line_item_ids: list[str]
    usage_gte: int

class InvoiceTotalDiscountAmount(TypedDict):
    amount: int
    discount: str

type InvoiceTotalPretaxCreditAmountType = Literal["credit_balance_transaction", "discount"]

class InvoiceTotalPretaxCreditAmount(TypedDict):
    amount: int
    credit_balance_transaction: NotRequired[str | None]
    discount: NotRequired[str]
    type: InvoiceTotalPretaxCreditAmountType

type InvoiceTotalTaxTaxBehavior = Literal["exclusive", "inclusive"]

class InvoiceTotalTax(TypedDict):
    amount: int
    tax_behavior: InvoiceTotalTaxTaxBehavior
    tax_rate_details: InvoiceTotalTaxTaxRateDetails | None
    taxability_reason: str
    taxable_amount: int | None
    type: Literal["tax_rate_details"]

class InvoiceTotalTaxTaxRateDetails(TypedDict):
    tax_rate: str

type MeterEventTimeWindow = Literal["day", "hour"]

type MeterStatus = Literal["active", "inactive"]

class Meter(TypedDict):
    id: str
    object: Literal["billing.meter"]
    created: int
    customer_mapping: MeterCustomerMapping
    default_aggregation: MeterDefaultAggregation
    display_name: str
    event_name: str
    event_time_window: MeterEventTimeWindow | None
    livemode: bool
    status: MeterStatus
    status_transitions: MeterStatusTransitions
    updated: int
    value_settings: MeterValueSettings
    dimension_payload_keys: NotRequired[list[str]]

class MeterCustomerMapping(TypedDict):
    event_payload_key: str
    type: Literal["by_id"]

type MeterDefaultAggregationFormula = Literal["count", "last", "sum"]

class MeterDefaultAggregation(TypedDict):
    formula: MeterDefaultAggregationFormula
    percentile: NotRequired[str]

class MeterEvent(TypedDict):
    object: Literal["billing.meter_event"]
    created: int
    event_name: str
    identifier: str
    livemode: bool
    payload: dict[str, str]
    timestamp: int

type MeterEventAdjustmentStatus = Literal["complete", "pending"]

class MeterEventAdjustment(TypedDict):
    object: Literal["billing.meter_event_adjustment"]
    cancel: MeterEventAdjustmentCancel | None
    event_name: str
    livemode: bool
    status: MeterEventAdjustmentStatus
    type: Literal["cancel"]

class MeterEventAdjustmentCancel(TypedDict):
    identifier: str | None

class MeterEventSummary(TypedDict):
    id: str
    object: Literal["billing.meter_event_summary"]
    aggregated_value: Decimal
    end_time: int
    livemode: bool
    meter: str
    start_time: int
    dimensions: NotRequired[dict[str, str]]
    meterline: NotRequired[SummaryExtension]

class MeterStatusTransitions(TypedDict):
    deactivated_at: int | None

class MeterValueSettings(TypedDict):
    event_payload_key: str

type PlanBillingScheme = Literal["per_unit", "tiered"]

type PlanInterval = Literal["day", "month", "week", "year"]

type PlanTiersMode = Literal["graduated", "volume"]

type PlanUsageType = Literal["licensed", "metered"]

class Plan(TypedDict):
    id: str
    object: Literal["plan"]
    active: bool
    amount: int | None
    amount_decimal: str | None
    billing_scheme: PlanBillingScheme
    created: int
    currency: str
    interval: PlanInterval
    interval_count: int
    livemode: bool
    metadata: dict[str, str] | None
    meter: str | None
    nickname: str | None
    product: str | None
    tiers: NotRequired[list[PlanTier]]
    tiers_mode: PlanTiersMode | None
    transform_usage: PlanTransformUsage | None
    trial_period_days: int | None
    usage_type: PlanUsageType

class PlanTier(TypedDict):
    flat_amount: int | None
    flat_amount_decimal: str | None
    unit_amount: int | None
    unit_amount_decimal: str | None
    up_to: int | None

type PlanTransformUsageRound = Literal["down", "up"]

class PlanTransformUsage(TypedDict):
    divide_by: int
    round: PlanTransformUsageRound

type PriceBillingScheme = Literal["per_unit", "tiered"]

type PriceTaxBehavior = Literal["exclusive", "inclusive", "unspecified"]

type PriceTiersMode = Literal["graduated", "volume"]

type PriceType = Literal["one_time", "recurring"]

class Price(TypedDict):
    id: str
    object: Literal["price"]
    active: bool
    billing_scheme: PriceBillingScheme
    created: int
    currency: str
    currency_options: NotRequired[dict[str, PriceCurrencyOptions]]
    custom_unit_amount: PriceCustomUnitAmount | None
    livemode: bool
    lookup_key: str | None
    metadata: dict[str, str]
    nickname: str | None
    product: str
    recurring: PriceRecurring | None
    tax_behavior: PriceTaxBehavior | None
    tiers: NotRequired[list[PriceTier]]
    tiers_mode: PriceTiersMode | None
    transform_quantity: PriceTransformQuantity | None
    type: PriceType
    unit_amount: int | None
    unit_amount_decimal: str | None
    meterline: NotRequired[PriceExtension]

type PriceCurrencyOptionsTaxBehavior = Literal["exclusive", "inclusive", "unspecified"]

class PriceCurrencyOptions(TypedDict):
    custom_unit_amount: PriceCurrencyOptionsCustomUnitAmount | None
    tax_behavior: PriceCurrencyOptionsTaxBehavior | None
    tiers: NotRequired[list[PriceCurrencyOptionsTier]]
    unit_amount: int | None
    unit_amount_decimal: str | None

class PriceCurrencyOptionsCustomUnitAmount(TypedDict):
    maximum: int | None
    minimum: int | None
    preset: int | None

class PriceCurrencyOptionsTier(TypedDict):
    flat_amount: int | None
    flat_amount_decimal: str | None
    unit_amount: int | None
    unit_amount_decimal: str | None
    up_to: int | None

class PriceCustomUnitAmount(TypedDict):
    maximum: int | None
    minimum: int | None
    preset: int | None

type PriceRecurringInterval = Literal["day", "month", "week", "year"]

type PriceRecurringUsageType = Literal["licensed", "metered"]

class PriceRecurring(TypedDict):
    interval: PriceRecurringInterval
    interval_count: int
    meter: str | None
    trial_period_days: int | None
    usage_type: PriceRecurringUsageType

class PriceTier(TypedDict):
    flat_amount: int | None
    flat_amount_decimal: str | None
    unit_amount: int | None
    unit_amount_decimal: str | None
    up_to: int | None

type PriceTransformQuantityRound = Literal["down", "up"]

class PriceTransformQuantity(TypedDict):
    divide_by: int
    round: PriceTransformQuantityRound

type ProductType = Literal["good", "service"]

class Product(TypedDict):
    id: str
    object: Literal["product"]
    active: bool
    created: int
    default_price: NotRequired[str | None]
    description: str | None
    images: list[str]
    livemode: bool
    marketing_features: list[ProductMarketingFeature]
    metadata: dict[str, str]
    name: str
    package_dimensions: ProductPackageDimensions | None
    shippable: bool | None
    statement_descriptor: NotRequired[str | None]
    tax_code: NotRequired[str | None]
    tax_details: ProductTaxDetails | None
    type: ProductType
    unit_label: NotRequired[str | None]
    updated: int
    url: str | None
    attributes: list[str]

class ProductFeature(TypedDict):
    id: str
    object: Literal["product_feature"]
    entitlement_feature: str
    livemode: bool
    meterline: NotRequired[ProductFeatureExtension]

class ProductMarketingFeature(TypedDict):
    name: NotRequired[str]

class ProductPackageDimensions(TypedDict):
    height: float
    length: float
    weight: float
    width: float

class ProductTaxDetails(TypedDict):
    performance_location: str | None
    tax_code: str | None

class PromotionCode(TypedDict):
    id: str
    object: Literal["promotion_code"]
    active: bool
    code: str
    created: int
    customer: str | None
    customer_account: str | None
    expires_at: int | None
    livemode: bool
    max_redemptions: int | None
    metadata: dict[str, str] | None
    promotion: PromotionCodePromotion
    restrictions: PromotionCodeRestrictions
    times_redeemed: int

class PromotionCodePromotion(TypedDict):
    coupon: str | None
    type: Literal["coupon"]

class PromotionCodeRestrictions(TypedDict):
    currency_options: NotRequired[dict[str, PromotionCodeRestrictionsCurrencyOptions]]
    first_time_transaction: bool
    minimum_amount: int | None
    minimum_amount_currency: str | None

class PromotionCodeRestrictionsCurrencyOptions(TypedDict):
    minimum_amount: int

type SubscriptionCollectionMethod = Literal["charge_automatically", "send_invoice"]

type SubscriptionStatus = Literal[
    "active",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
]

class Subscription(TypedDict):
    id: str
    object: Literal["subscription"]
    application: str | None
    application_fee_percent: str | None
    automatic_tax: SubscriptionAutomaticTax
    billing_cycle_anchor: int
    billing_cycle_anchor_config: SubscriptionBillingCycleAnchorConfig | None
    billing_mode: SubscriptionBillingMode
    billing_schedules: list[SubscriptionBillingSchedule]
    billing_thresholds: SubscriptionBillingThresholds | None
    cancel_at: int | None
    cancel_at_period_end: bool
    canceled_at: int | None
    cancellation_details: SubscriptionCancellationDetails
    collection_method: SubscriptionCollectionMethod
    created: int
    currency: str
    customer: str
    customer_account: str | None
    days_until_due: int | None
    default_payment_method: str | None
    default_source: str | None
    default_tax_rates: NotRequired[list[TaxRate]]
    description: str | None
    discounts: list[str]
    ended_at: int | None
    invoice_settings: SubscriptionInvoiceSettings
    items: Listed[SubscriptionItem]
    latest_invoice: str | None
    livemode: bool
    managed_payments: SubscriptionManagedPayments | None
    metadata: dict[str, str]
    next_pending_invoice_item_invoice: int | None
    on_behalf_of: str | None
    pause_collection: SubscriptionPauseCollection | None
    payment_settings: SubscriptionPaymentSettings | None
    pending_invoice_item_interval: SubscriptionPendingInvoiceItemInterval | None
    pending_setup_intent: str | None
    pending_update: SubscriptionPendingUpdate | None
    presentment_details: NotRequired[SubscriptionPresentmentDetails]
    schedule: str | None
    start_date: int
    status: SubscriptionStatus
    status_details: NotRequired[SubscriptionStatusDetails]
    test_clock: str | None
    transfer_data: SubscriptionTransferData | None
    trial_end: int | None
    trial_settings: SubscriptionTrialSettings
    trial_start: int | None

class SubscriptionAutomaticTax(TypedDict):
    disabled_reason: Literal["requires_location_inputs"] | None
    enabled: bool
    liability: SubscriptionAutomaticTaxLiability | None

type SubscriptionAutomaticTaxLiabilityType = Literal["account", "self"]

class SubscriptionAutomaticTaxLiability(TypedDict):
    account: NotRequired[str]
    type: SubscriptionAutomaticTaxLiabilityType

class SubscriptionBillingCycleAnchorConfig(TypedDict):
    day_of_month: int
    hour: int | None
    minute: int | None
    month: int | None
    second: int | None

type SubscriptionBillingModeType = Literal["classic", "flexible"]

class SubscriptionBillingMode(TypedDict):
    flexible: SubscriptionBillingModeFlexible | None
    type: SubscriptionBillingModeType
    updated_at: NotRequired[int]

type SubscriptionBillingModeFlexibleProrationDiscounts = Literal["included", "itemized"]

class SubscriptionBillingModeFlexible(TypedDict):
    proration_discounts: NotRequired[SubscriptionBillingModeFlexibleProrationDiscounts]

class SubscriptionBillingSchedule(TypedDict):
    applies_to: list[SubscriptionBillingScheduleAppliesTo] | None
    bill_until: SubscriptionBillingScheduleBillUntil
    key: str

class SubscriptionBillingScheduleAppliesTo(TypedDict):
    price: str | None
    type: Literal["price"]

type SubscriptionBillingScheduleBillUntilType = Literal["duration", "timestamp"]

class SubscriptionBillingScheduleBillUntil(TypedDict):
    computed_timestamp: int
    duration: SubscriptionBillingScheduleBillUntilDuration | None
    timestamp: int | None
    type: SubscriptionBillingScheduleBillUntilType

type SubscriptionBillingScheduleBillUntilDurationInterval = Literal["day", "month", "week", "year"]

class SubscriptionBillingScheduleBillUntilDuration(TypedDict):
    interval: SubscriptionBillingScheduleBillUntilDurationInterval
    interval_count: int | None

class SubscriptionBillingThresholds(TypedDict):
    amount_gte: int | None
    reset_billing_cycle_anchor: bool | None

type SubscriptionCancellationDetailsFeedback = Literal[
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
]

type SubscriptionCancellationDetailsReason = Literal[
    "canceled_by_retention_policy", "cancellation_requested", "payment_disputed", "payment_failed"
]

class SubscriptionCancellationDetails(TypedDict):
    comment: str | None
    feedback: SubscriptionCancellationDetailsFeedback | None
    feedback_option: str | None
    reason: SubscriptionCancellationDetailsReason | None

class SubscriptionInvoiceSettings(TypedDict):
    account_tax_ids: list[str] | None
    custom_fields: list[SubscriptionInvoiceSettingsCustomField] | None
    description: str | None
    footer: str | None
    issuer: SubscriptionInvoiceSettingsIssuer

class SubscriptionInvoiceSettingsCustomField(TypedDict):
    name: str
    value: str

type SubscriptionInvoiceSettingsIssuerType = Literal["account", "self"]

class SubscriptionInvoiceSettingsIssuer(TypedDict):
    account: NotRequired[str]
    type: SubscriptionInvoiceSettingsIssuerType

class SubscriptionItem(TypedDict):
    id: str
    object: Literal["subscription_item"]
    billed_until: NotRequired[int]
    billing_thresholds: SubscriptionItemBillingThresholds | None
    created: int
    current_period_end: int
    current_period_start: int
    current_trial: SubscriptionItemCurrentTrial | None
    discounts: list[str]
    metadata: dict[str, str]
    plan: Plan
    price: Price
    quantity: NotRequired[int]
    subscription: str
    tax_rates: list[TaxRate]

class SubscriptionItemBillingThresholds(TypedDict):
    usage_gte: int | None

class SubscriptionItemCurrentTrial(TypedDict):
    end_date: int
    start_date: int
    trial_offer: str

class SubscriptionManagedPayments(TypedDict):
    enabled: bool

type SubscriptionPauseCollectionBehavior = Literal["keep_as_draft", "mark_uncollectible", "void"]

class SubscriptionPauseCollection(TypedDict):
    behavior: SubscriptionPauseCollectionBehavior
    resumes_at: int | None

type SubscriptionPaymentSettingsSaveDefaultPaymentMethod = Literal["off", "on_subscription"]

class SubscriptionPaymentSettings(TypedDict):
    payment_method_options: SubscriptionPaymentSettingsPaymentMethodOptions | None
    payment_method_types: list[str] | None
    save_default_payment_method: SubscriptionPaymentSettingsSaveDefaultPaymentMethod | None

class SubscriptionPaymentSettingsPaymentMethodOptions(TypedDict): ...

type SubscriptionPendingInvoiceItemIntervalInterval = Literal["day", "month", "week", "year"]

class SubscriptionPendingInvoiceItemInterval(TypedDict):
    interval: SubscriptionPendingInvoiceItemIntervalInterval
    interval_count: int

class SubscriptionPendingUpdate(TypedDict):
    billing_cycle_anchor: int | None
    cancel_at_period_end: bool | None
    discount: str | None
    discounts: list[str] | None
    expires_at: int
    metadata: dict[str, str] | None
    subscription_items: list[str] | None
    trial_end: int | None
    trial_from_plan: bool | None

class SubscriptionPresentmentDetails(TypedDict):
    presentment_currency: str

type SubscriptionScheduleEndBehavior = Literal["cancel", "none", "release", "renew"]

type SubscriptionScheduleStatus = Literal[
    "active", "canceled", "completed", "not_started", "released"
]

class SubscriptionSchedule(TypedDict):
    id: str
    object: Literal["subscription_schedule"]
    application: str | None
    billing_mode: SubscriptionScheduleBillingMode
    canceled_at: int | None
    completed_at: int | None
    created: int
    current_phase: SubscriptionScheduleCurrentPhase | None
    customer: str
    customer_account: str | None
    default_settings: SubscriptionScheduleDefaultSettings
    end_behavior: SubscriptionScheduleEndBehavior
    livemode: bool
    metadata: dict[str, str]
    pause_schedules: list[SubscriptionSchedulePauseSchedule]
    phases: list[SubscriptionSchedulePhase]
    released_at: int | None
    released_subscription: str | None
    status: SubscriptionScheduleStatus
    subscription: str | None
    test_clock: str | None

type SubscriptionScheduleBillingModeType = Literal["classic", "flexible"]

class SubscriptionScheduleBillingMode(TypedDict):
    flexible: SubscriptionScheduleBillingModeFlexible | None
    type: SubscriptionScheduleBillingModeType
    updated_at: NotRequired[int]

type SubscriptionScheduleBillingModeFlexibleProrationDiscounts = Literal["included", "itemized"]

class SubscriptionScheduleBillingModeFlexible(TypedDict):
    proration_discounts: NotRequired[SubscriptionScheduleBillingModeFlexibleProrationDiscounts]

class SubscriptionScheduleCurrentPhase(TypedDict):
    end_date: int
    start_date: int

type SubscriptionScheduleDefaultSettingsBillingCycleAnchor = Literal["automatic", "phase_start"]

type SubscriptionScheduleDefaultSettingsCollectionMethod = Literal[
    "charge_automatically", "send_invoice"
]

class SubscriptionScheduleDefaultSettings(TypedDict):
    application_fee_percent: str | None
    automatic_tax: NotRequired[SubscriptionScheduleDefaultSettingsAutomaticTax]
    billing_cycle_anchor: SubscriptionScheduleDefaultSettingsBillingCycleAnchor
    billing_thresholds: SubscriptionScheduleDefaultSettingsBillingThresholds | None
    collection_method: SubscriptionScheduleDefaultSettingsCollectionMethod | None
    default_payment_method: str | None
    description: str | None
    invoice_settings: SubscriptionScheduleDefaultSettingsInvoiceSettings
    on_behalf_of: str | None
    transfer_data: SubscriptionScheduleDefaultSettingsTransferData | None

class SubscriptionScheduleDefaultSettingsAutomaticTax(TypedDict):
    disabled_reason: Literal["requires_location_inputs"] | None
    enabled: bool
    liability: SubscriptionScheduleDefaultSettingsAutomaticTaxLiability | None

type SubscriptionScheduleDefaultSettingsAutomaticTaxLiabilityType = Literal["account", "self"]

class SubscriptionScheduleDefaultSettingsAutomaticTaxLiability(TypedDict):
    account: NotRequired[str]
    type: SubscriptionScheduleDefaultSettingsAutomaticTaxLiabilityType

class SubscriptionScheduleDefaultSettingsBillingThresholds(TypedDict):
    amount_gte: int | None
    reset_billing_cycle_anchor: bool | None

class SubscriptionScheduleDefaultSettingsInvoiceSettings(TypedDict):
    account_tax_ids: list[str] | None
    custom_fields: list[SubscriptionScheduleDefaultSettingsInvoiceSettingsCustomField] | None
    days_until_due: int | None
    description: str | None
    footer: str | None
    issuer: SubscriptionScheduleDefaultSettingsInvoiceSettingsIssuer

class SubscriptionScheduleDefaultSettingsInvoiceSettingsCustomField(TypedDict):
    name: str
    value: str

type SubscriptionScheduleDefaultSettingsInvoiceSettingsIssuerType = Literal["account", "self"]

class SubscriptionScheduleDefaultSettingsInvoiceSettingsIssuer(TypedDict):
    account: NotRequired[str]
    type: SubscriptionScheduleDefaultSettingsInvoiceSettingsIssuerType

class SubscriptionScheduleDefaultSettingsTransferData(TypedDict):
    amount_percent: str | None
    destination: str

class SubscriptionSchedulePauseSchedule(TypedDict):
    key: str
    pause: SubscriptionSchedulePauseSchedulePause
    resume: SubscriptionSchedulePauseScheduleResume | None

class SubscriptionSchedulePauseSchedulePause(TypedDict):
    pause_at: int
    settings: SubscriptionSchedulePauseSchedulePauseSettings | None
    status: SubscriptionSchedulePauseSchedulePauseStatus

type SubscriptionSchedulePauseSchedulePauseSettingsInvoicingBehavior = Literal[
    "invoice", "pending_invoice_item"
]

class SubscriptionSchedulePauseSchedulePauseSettings(TypedDict):
    bill_for: SubscriptionSchedulePauseSchedulePauseSettingsBillFor
    invoicing_behavior: SubscriptionSchedulePauseSchedulePauseSettingsInvoicingBehavior
    type: Literal["subscription"]

class SubscriptionSchedulePauseSchedulePauseSettingsBillFor(TypedDict):
    outstanding_usage_through: (
        SubscriptionSchedulePauseSchedulePauseSettingsBillForOutstandingUsageThrough
    )
    unused_time_from: SubscriptionSchedulePauseSchedulePauseSettingsBillForUnusedTimeFrom

type SubscriptionSchedulePauseSchedulePauseSettingsBillForOutstandingUsageThroughType = Literal[
    "none", "pause_at"
]

class SubscriptionSchedulePauseSchedulePauseSettingsBillForOutstandingUsageThrough(TypedDict):
    type: SubscriptionSchedulePauseSchedulePauseSettingsBillForOutstandingUsageThroughType

type SubscriptionSchedulePauseSchedulePauseSettingsBillForUnusedTimeFromType = Literal[
    "item_current_period_start", "none", "pause_at"
]

class SubscriptionSchedulePauseSchedulePauseSettingsBillForUnusedTimeFrom(TypedDict):
    type: SubscriptionSchedulePauseSchedulePauseSettingsBillForUnusedTimeFromType

type SubscriptionSchedulePauseSchedulePauseStatusType = Literal["error", "scheduled", "succeeded"]

class SubscriptionSchedulePauseSchedulePauseStatus(TypedDict):
    error: NotRequired[SubscriptionSchedulePauseSchedulePauseStatusError]
    type: SubscriptionSchedulePauseSchedulePauseStatusType

class SubscriptionSchedulePauseSchedulePauseStatusError(TypedDict):
    code: NotRequired[str]
    message: str

class SubscriptionSchedulePauseScheduleResume(TypedDict):
    resume_at: int
    settings: SubscriptionSchedulePauseScheduleResumeSettings
    status: SubscriptionSchedulePauseScheduleResumeStatus

type SubscriptionSchedulePauseScheduleResumeSettingsBillingCycleAnchor = Literal[
    "resume_at", "unchanged"
]

type SubscriptionSchedulePauseScheduleResumeSettingsPaymentBehavior = Literal[
    "resume_on_payment_attempt", "resume_on_payment_success"
]

type SubscriptionSchedulePauseScheduleResumeSettingsProrationBehavior = Literal[
    "always_invoice", "create_prorations", "none"
]

class SubscriptionSchedulePauseScheduleResumeSettings(TypedDict):
    billing_cycle_anchor: SubscriptionSchedulePauseScheduleResumeSettingsBillingCycleAnchor
    payment_behavior: SubscriptionSchedulePauseScheduleResumeSettingsPaymentBehavior
    proration_behavior: SubscriptionSchedulePauseScheduleResumeSettingsProrationBehavior

type SubscriptionSchedulePauseScheduleResumeStatusType = Literal[
    "error", "pending", "requires_action", "scheduled", "succeeded"
]

class SubscriptionSchedulePauseScheduleResumeStatus(TypedDict):
    error: NotRequired[SubscriptionSchedulePauseScheduleResumeStatusError]
    type: SubscriptionSchedulePauseScheduleResumeStatusType

class SubscriptionSchedulePauseScheduleResumeStatusError(TypedDict):
    code: NotRequired[str]
    message: str

type SubscriptionSchedulePhaseBillingCycleAnchor = Literal["automatic", "phase_start"]

type SubscriptionSchedulePhaseCollectionMethod = Literal["charge_automatically", "send_invoice"]

type SubscriptionSchedulePhaseProrationBehavior = Literal[
    "always_invoice", "create_prorations", "none"
]

class SubscriptionSchedulePhase(TypedDict):
    add_invoice_items: list[SubscriptionSchedulePhaseAddInvoiceItem]
    application_fee_percent: str | None
    automatic_tax: NotRequired[SubscriptionSchedulePhaseAutomaticTax]
    billing_cycle_anchor: SubscriptionSchedulePhaseBillingCycleAnchor | None
    billing_thresholds: SubscriptionSchedulePhaseBillingThresholds | None
    collection_method: SubscriptionSchedulePhaseCollectionMethod | None
    currency: str
    default_payment_method: str | None
    default_tax_rates: NotRequired[list[TaxRate]]
    description: str | None
    discounts: list[SubscriptionSchedulePhaseDiscount]
    end_date: int
    invoice_settings: SubscriptionSchedulePhaseInvoiceSettings | None
    items: list[SubscriptionSchedulePhaseItem]
    metadata: dict[str, str]
    on_behalf_of: str | None
    proration_behavior: SubscriptionSchedulePhaseProrationBehavior
    start_date: int
    transfer_data: SubscriptionSchedulePhaseTransferData | None
    trial: NotRequired[bool]
    trial_end: int | None

class SubscriptionSchedulePhaseAddInvoiceItem(TypedDict):
    discountable: bool | None
    discounts: list[SubscriptionSchedulePhaseAddInvoiceItemDiscount]
    metadata: dict[str, str]
    period: SubscriptionSchedulePhaseAddInvoiceItemPeriod
    price: str
    quantity: int | None
    tax_rates: NotRequired[list[TaxRate]]

class SubscriptionSchedulePhaseAddInvoiceItemDiscount(TypedDict):
    coupon: str | None
    discount: str | None
    promotion_code: str | None

class SubscriptionSchedulePhaseAddInvoiceItemPeriod(TypedDict):
    end: SubscriptionSchedulePhaseAddInvoiceItemPeriodEnd
    start: SubscriptionSchedulePhaseAddInvoiceItemPeriodStart

type SubscriptionSchedulePhaseAddInvoiceItemPeriodEndType = Literal[
    "min_item_period_end", "phase_end", "timestamp"
]

class SubscriptionSchedulePhaseAddInvoiceItemPeriodEnd(TypedDict):
    timestamp: NotRequired[int]
    type: SubscriptionSchedulePhaseAddInvoiceItemPeriodEndType

type SubscriptionSchedulePhaseAddInvoiceItemPeriodStartType = Literal[
    "max_item_period_start", "phase_start", "timestamp"
]

class SubscriptionSchedulePhaseAddInvoiceItemPeriodStart(TypedDict):
    timestamp: NotRequired[int]
    type: SubscriptionSchedulePhaseAddInvoiceItemPeriodStartType

class SubscriptionSchedulePhaseAutomaticTax(TypedDict):
    disabled_reason: Literal["requires_location_inputs"] | None
    enabled: bool
    liability: SubscriptionSchedulePhaseAutomaticTaxLiability | None

type SubscriptionSchedulePhaseAutomaticTaxLiabilityType = Literal["account", "self"]

class SubscriptionSchedulePhaseAutomaticTaxLiability(TypedDict):
    account: NotRequired[str]
    type: SubscriptionSchedulePhaseAutomaticTaxLiabilityType

class SubscriptionSchedulePhaseBillingThresholds(TypedDict):
    amount_gte: int | None
    reset_billing_cycle_anchor: bool | None

class SubscriptionSchedulePhaseDiscount(TypedDict):
    coupon: str | None
    discount: str | None
    promotion_code: str | None

class SubscriptionSchedulePhaseInvoiceSettings(TypedDict):
    account_tax_ids: list[str] | None
    custom_fields: list[SubscriptionSchedulePhaseInvoiceSettingsCustomField] | None
    days_until_due: int | None
    description: str | None
    footer: str | None
    issuer: SubscriptionSchedulePhaseInvoiceSettingsIssuer | None

class SubscriptionSchedulePhaseInvoiceSettingsCustomField(TypedDict):
    name: str
    value: str

type SubscriptionSchedulePhaseInvoiceSettingsIssuerType = Literal["account", "self"]

class SubscriptionSchedulePhaseInvoiceSettingsIssuer(TypedDict):
    account: NotRequired[str]
    type: SubscriptionSchedulePhaseInvoiceSettingsIssuerType

class SubscriptionSchedulePhaseItem(TypedDict):
    billing_thresholds: SubscriptionSchedulePhaseItemBillingThresholds | None
    discounts: list[SubscriptionSchedulePhaseItemDiscount]
    metadata: dict[str, str]
    plan: str
    price: str
    quantity: NotRequired[int]
    tax_rates: NotRequired[list[TaxRate]]

class SubscriptionSchedulePhaseItemBillingThresholds(TypedDict):
    usage_gte: int | None

class SubscriptionSchedulePhaseItemDiscount(TypedDict):
    coupon: str | None
    discount: str | None
    promotion_code: str | None

class SubscriptionSchedulePhaseTransferData(TypedDict):
    amount_percent: str | None
    destination: str

class SubscriptionStatusDetails(TypedDict):
    paused: SubscriptionStatusDetailsPaused

class SubscriptionStatusDetailsPaused(TypedDict):
    subscription: SubscriptionStatusDetailsPausedSubscription
    transitioned_at: int
    type: Literal["subscription"]

type SubscriptionStatusDetailsPausedSubscriptionType = Literal[
    "final_payment_failure",
    "first_payment_failure",
    "pause_requested",
    "system",
    "trial_end_without_payment_method",
]

class SubscriptionStatusDetailsPausedSubscription(TypedDict):
    type: SubscriptionStatusDetailsPausedSubscriptionType

class SubscriptionTransferData(TypedDict):
    amount_percent: str | None
    destination: str

class SubscriptionTrialSettings(TypedDict):
    end_behavior: SubscriptionTrialSettingsEndBehavior

type SubscriptionTrialSettingsEndBehaviorBillingCycleAnchor = Literal["now", "unchanged"]

type SubscriptionTrialSettingsEndBehaviorMissingPaymentMethod = Literal[
    "cancel", "create_invoice", "pause"
]

class SubscriptionTrialSettingsEndBehavior(TypedDict):
    billing_cycle_anchor: SubscriptionTrialSettingsEndBehaviorBillingCycleAnchor | None
    missing_payment_method: SubscriptionTrialSettingsEndBehaviorMissingPaymentMethod

class TaxId(TypedDict):
    id: str
    object: Literal["tax_id"]
    country: str | None
    created: int
    customer: str | None
    customer_account: str | None
    livemode: bool
    owner: TaxIdOwner | None
    type: str
    value: str
    verification: TaxIdVerification | None

type TaxIdOwnerType = Literal["account", "application", "customer", "self"]

class TaxIdOwner(TypedDict):
    account: NotRequired[str]
    application: NotRequired[str]
    customer: NotRequired[str]
    customer_account: str | None
    type: TaxIdOwnerType

type TaxIdVerificationStatus = Literal["pending", "unavailable", "unverified", "verified"]

class TaxIdVerification(TypedDict):
    status: TaxIdVerificationStatus
    verified_address: str | None
    verified_name: str | None

type TaxRateJurisdictionLevel = Literal[
    "city", "country", "county", "district", "multiple", "state"
]

type TaxRateRateType = Literal["flat_amount", "percentage"]

class TaxRate(TypedDict):
    id: str
    object: Literal["tax_rate"]
    active: bool
    country: str | None
    created: int
    description: str | None
    display_name: str
    effective_percentage: str
    flat_amount: TaxRateFlatAmount | None
    inclusive: bool
    jurisdiction: str | None
    jurisdiction_level: TaxRateJurisdictionLevel | None
    livemode: bool
    metadata: dict[str, str]
    percentage: str
    rate_type: TaxRateRateType | None
    state: str | None
    tax_type: str | None

class TaxRateFlatAmount(TypedDict):
    amount: int
    currency: str

type TestClockStatus = Literal["advancing", "internal_failure", "ready"]

class TestClock(TypedDict):
    id: str
    object: Literal["test_helpers.test_clock"]
    created: int
    deletes_after: int
    frozen_time: int
    livemode: bool
    name: str | None
    status: TestClockStatus
    status_details: TestClockStatusDetails

class TestClockStatusDetails(TypedDict):
    advancing: NotRequired[TestClockStatusDetailsAdvancing]

class TestClockStatusDetailsAdvancing(TypedDict):
    target_frozen_time: int

class V2Event(TypedDict):
    id: str
    object: Literal["v2.core.event"]
    changes: NotRequired[dict[str, Any]]
    context: NotRequired[str]
    created: str
    livemode: bool
    reason: NotRequired[dict[str, Any]]
    snapshot_event: NotRequired[str]
    type: str
    data: NotRequired[ErrorReport]
    related_object: NotRequired[RelatedObject]

class V2MeterEvent(TypedDict):
    object: Literal["v2.billing.meter_event"]
    created: str
    event_name: str
    identifier: str
    livemode: bool
    payload: dict[str, str]
    timestamp: str

type V2MeterEventAdjustmentStatus = Literal["complete", "pending"]

class V2MeterEventAdjustment(TypedDict):
    id: str
    object: Literal["v2.billing.meter_event_adjustment"]
    cancel: V2MeterEventAdjustmentCancel
    created: str
    event_name: str
    livemode: bool
    status: V2MeterEventAdjustmentStatus
    type: Literal["cancel"]

class V2MeterEventAdjustmentCancel(TypedDict):
    identifier: str

class V2MeterEventSession(TypedDict):
    id: str
    object: Literal["v2.billing.meter_event_session"]
    authentication_token: str
    created: str
    expires_at: str
    livemode: bool

class WebhookEndpoint(TypedDict):
    id: str
    object: Literal["webhook_endpoint"]
    api_version: str | None
    application: str | None
    created: int
    description: str | None
    enabled_events: list[str]
    livemode: bool
    metadata: dict[str, str]
    secret: NotRequired[str]
    status: str
    url: str

class ActiveEntitlementChanges(TypedDict, total=False):
    id: str
    object: Literal["entitlements.active_entitlement"]
    feature: str
    livemode: bool
    lookup_key: str

class AlertChanges(TypedDict, total=False):
    id: str
    object: Literal["billing.alert"]
    alert_type: str
    livemode: bool
    status: AlertStatus | None
    title: str
    usage_threshold: AlertUsageThreshold | None

class CouponChanges(TypedDict, total=False):
    id: str
    object: Literal["coupon"]
    amount_off: int | None
    applies_to: CouponAppliesTo
    created: int
    currency: str | None
    currency_options: dict[str, CouponCurrencyOptions]
    duration: CouponDuration
    duration_in_months: int | None
    livemode: bool
    max_redemptions: int | None
    metadata: dict[str, str]
    name: str | None
    percent_off: str | None
    redeem_by: int | None
    times_redeemed: int
    valid: bool

class CreditBalanceTransactionChanges(TypedDict, total=False):
    id: str
    object: Literal["billing.credit_balance_transaction"]
    created: int
    credit: CreditBalanceTransactionCredit | None
    credit_grant: str
    debit: CreditBalanceTransactionDebit | None
    effective_at: int
    livemode: bool
    test_clock: str | None
    type: CreditBalanceTransactionType

class CreditGrantChanges(TypedDict, total=False):
    id: str
    object: Literal["billing.credit_grant"]
    amount: CreditAmount
    applicability_config: CreditGrantApplicabilityConfig
    category: CreditGrantCategory
    created: int
    customer: str
    customer_account: str | None
    effective_at: int
    expires_at: int | None
    livemode: bool
    metadata: dict[str, str]
    name: str | None
    priority: int
    test_clock: str | None
    updated: int
    voided_at: int | None

class CreditNoteChanges(TypedDict, total=False):
    id: str
    object: Literal["credit_note"]
    amount: int
    amount_shipping: int
    created: int
    currency: str
    customer: str
    customer_account: str | None
    customer_balance_transaction: str | None
    discount_amount: int
    discount_amounts: list[CreditNoteDiscountAmount]
    effective_at: int | None
    invoice: str
    lines: Listed[CreditNoteLineItem]
    livemode: bool
    memo: str | None
    metadata: dict[str, str]
    number: str
    out_of_band_amount: int | None
    pdf: str
    post_payment_amount: int
    pre_payment_amount: int
    pretax_credit_amounts: list[CreditNotePretaxCreditAmount]
    reason: CreditNoteReason | None
    refunds: list[CreditNoteRefund]
    shipping_cost: CreditNoteShippingCost | None
    status: CreditNoteStatus
    subtotal: int
    subtotal_excluding_tax: int
    total: int
    total_excluding_tax: int
    total_taxes: list[CreditNoteTotalTax]
    type: CreditNoteType
    voided_at: int | None

class CreditNoteLineItemChanges(TypedDict, total=False):
    id: str
    object: Literal["credit_note_line_item"]
    amount: int
    description: str | None
    discount_amount: int
    discount_amounts: list[CreditNoteLineItemDiscountAmount]
    invoice_line_item: str
    livemode: bool
    metadata: dict[str, str]
    pretax_credit_amounts: list[CreditNoteLineItemPretaxCreditAmount]
    quantity: int | None
    tax_rates: list[TaxRate]
    taxes: list[CreditNoteLineItemTax]
    type: CreditNoteLineItemType
    unit_amount: int | None
    unit_amount_decimal: str | None

class CustomerChanges(TypedDict, total=False):
    id: str
    object: Literal["customer"]
    address: Address | None
    balance: int
    business_name: str
    cash_balance: dict[str, Any] | None
    created: int
    currency: str | None
    customer_account: str | None
    default_source: str | None
    delinquent: bool | None
    description: str | None
    discount: Discount | None
    email: str | None
    individual_name: str
    invoice_credit_balance: dict[str, int]
    invoice_prefix: str
    invoice_settings: CustomerInvoiceSettings
    livemode: bool
    metadata: dict[str, str]
    name: str | None
    next_invoice_sequence: int
    phone: str | None
    preferred_locales: list[str] | None
    shipping: CustomerShipping | None
    sources: dict[str, Any]
    subscriptions: Listed[str]
    tax: CustomerTax
    tax_exempt: CustomerTaxExempt
    tax_ids: dict[str, Any]
    test_clock: str | None

class CustomerBalanceTransactionChanges(TypedDict, total=False):
    id: str
    object: Literal["customer_balance_transaction"]
    amount: int
    checkout_session: str | None
    created: int
    credit_note: str | None
    currency: str
    customer: str
    customer_account: str | None
    description: str | None
    ending_balance: int
    invoice: str | None
    livemode: bool
    metadata: dict[str, str]
    type: CustomerBalanceTransactionType

class DiscountChanges(TypedDict, total=False):
    id: str
    object: Literal["discount"]
    checkout_session: str | None
    customer: str | None
    customer_account: str | None
    end: int | None
    invoice: str | None
    invoice_item: str | None
    promotion_code: str | None
    source: DiscountSource
    start: int
    subscription: str | None
    subscription_item: str | None

class EventChanges(TypedDict, total=False):
    id: str
    object: Literal["event"]
    account: str
    api_version: str | None
    context: str
    created: int
    data: dict[str, Any]
    livemode: bool
    pending_webhooks: int
    request: EventRequest | None
    type: str

class FeatureChanges(TypedDict, total=False):
    id: str
    object: Literal["entitlements.feature"]
    active: bool
    livemode: bool
    lookup_key: str
    metadata: dict[str, str]
    name: str

class InvoiceChanges(TypedDict, total=False):
    id: str
    object: Literal["invoice"]
    account_country: str | None
    account_name: str | None
    account_tax_ids: list[str] | None
    amount_due: int
    amount_overpaid: int
    amount_paid: int
    amount_paid_off_stripe: int
    amount_remaining: int
    amount_shipping: int
    application: str | None
    attempt_count: int
    attempted: bool
    auto_advance: bool
    automatic_tax: InvoiceAutomaticTax
    automatically_finalizes_at: int | None
    billing_reason: InvoiceBillingReason | None
    collection_method: InvoiceCollectionMethod
    confirmation_secret: InvoiceConfirmationSecret | None
    created: int
    currency: str
    custom_fields: list[InvoiceCustomField] | None
    customer: str
    customer_account: str | None
    customer_address: Address | None
    customer_email: str | None
    customer_name: str | None
    customer_phone: str | None
    customer_shipping: InvoiceCustomerShipping | None
    customer_tax_exempt: InvoiceCustomerTaxExempt | None
    customer_tax_ids: list[InvoiceCustomerTaxId] | None
    default_payment_method: str | None
    default_source: str | None
    default_tax_rates: list[TaxRate]
    description: str | None
    discounts: list[str]
    due_date: int | None
    effective_at: int | None
    ending_balance: int | None
    footer: str | None
    from_invoice: InvoiceFromInvoice | None
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    issuer: InvoiceIssuer
    last_finalization_error: dict[str, Any] | None
    latest_revision: str | None
    lines: Listed[InvoiceLine]
    livemode: bool
    metadata: dict[str, str]
    next_payment_attempt: int | None
    number: str | None
    on_behalf_of: str | None
    parent: InvoiceParent | None
    payment_settings: InvoicePaymentSettings
    payments: Listed[str]
    period_end: int
    period_start: int
    post_payment_credit_notes_amount: int
    pre_payment_credit_notes_amount: int
    receipt_number: str | None
    rendering: InvoiceRendering | None
    shipping_cost: InvoiceShippingCost | None
    shipping_details: InvoiceShippingDetails | None
    starting_balance: int
    statement_descriptor: str | None
    status: InvoiceStatus
    status_details: InvoiceStatusDetails
    status_transitions: InvoiceStatusTransitions
    subtotal: int
    subtotal_excluding_tax: int
    test_clock: str | None
    threshold_reason: InvoiceThresholdReason
    total: int
    total_discount_amounts: list[InvoiceTotalDiscountAmount]
    total_excluding_tax: int
    total_pretax_credit_amounts: list[InvoiceTotalPretaxCreditAmount]
    total_taxes: list[InvoiceTotalTax]
    webhooks_delivered_at: int | None

class InvoiceItemChanges(TypedDict, total=False):
    id: str
    object: Literal["invoiceitem"]
    amount: int
    currency: str
    customer: str
    customer_account: str | None
    date: int
    description: str | None
    discountable: bool
    discounts: list[str]
    frozen_fields: list[InvoiceItemFrozenFields]
    invoice: str | None
    invoicing_rules: list[InvoiceItemInvoicingRule]
    livemode: bool
    metadata: dict[str, str]
    net_amount: int
    parent: InvoiceItemParent | None
    period: InvoiceItemPeriod
    pricing: InvoiceItemPricing | None
    proration: bool
    proration_details: InvoiceItemProrationDetails
    quantity: int
    quantity_decimal: str
    tax_rates: list[TaxRate]
    test_clock: str | None

class InvoiceLineChanges(TypedDict, total=False):
    id: str
    object: Literal["line_item"]
    amount: int
    currency: str
    description: str | None
    discount_amounts: list[InvoiceLineDiscountAmount]
    discountable: bool
    discounts: list[str]
    invoice: str | None
    livemode: bool
    metadata: dict[str, str]
    parent: InvoiceLineParent
    period: InvoiceLinePeriod
    pretax_credit_amounts: list[InvoiceLinePretaxCreditAmount]
    pricing: InvoiceLinePricing | None
    quantity: int
    quantity_decimal: str
    subscription: str | None
    subtotal: int
    taxes: list[InvoiceLineTax]

class InvoicePaymentChanges(TypedDict, total=False):
    id: str
    object: Literal["invoice_payment"]
    amount_paid: int | None
    amount_requested: int
    created: int
    currency: str
    invoice: str
    is_default: bool
    livemode: bool
    payment: InvoicePaymentPayment
    status: str
    status_transitions: InvoicePaymentStatusTransitions

class MeterChanges(TypedDict, total=False):
    id: str
    object: Literal["billing.meter"]
    created: int
    customer_mapping: MeterCustomerMapping
    default_aggregation: MeterDefaultAggregation
    display_name: str
    event_name: str
    event_time_window: MeterEventTimeWindow | None
    livemode: bool
    status: MeterStatus
    status_transitions: MeterStatusTransitions
    updated: int
    value_settings: MeterValueSettings

class PriceChanges(TypedDict, total=False):
    id: str
    object: Literal["price"]
    active: bool
    billing_scheme: PriceBillingScheme
    created: int
    currency: str
    currency_options: dict[str, PriceCurrencyOptions]
    custom_unit_amount: PriceCustomUnitAmount | None
    livemode: bool
    lookup_key: str | None
    metadata: dict[str, str]
    nickname: str | None
    product: str
    recurring: PriceRecurring | None
    tax_behavior: PriceTaxBehavior | None
    tiers: list[PriceTier]
    tiers_mode: PriceTiersMode | None
    transform_quantity: PriceTransformQuantity | None
    type: PriceType
    unit_amount: int | None
    unit_amount_decimal: str | None

class ProductChanges(TypedDict, total=False):
    id: str
    object: Literal["product"]
    active: bool
    created: int
    default_price: str | None
    description: str | None
    images: list[str]
    livemode: bool
    marketing_features: list[ProductMarketingFeature]
    metadata: dict[str, str]
    name: str
    package_dimensions: ProductPackageDimensions | None
    shippable: bool | None
    statement_descriptor: str | None
    tax_code: str | None
    tax_details: ProductTaxDetails | None
    type: ProductType
    unit_label: str | None
    updated: int
    url: str | None

class ProductFeatureChanges(TypedDict, total=False):
    id: str
    object: Literal["product_feature"]
    entitlement_feature: str
    livemode: bool

class PromotionCodeChanges(TypedDict, total=False):
    id: str
    object: Literal["promotion_code"]
    active: bool
    code: str
    created: int
    customer: str | None
    customer_account: str | None
    expires_at: int | None
    livemode: bool
    max_redemptions: int | None
    metadata: dict[str, str] | None
    promotion: PromotionCodePromotion
    restrictions: PromotionCodeRestrictions
    times_redeemed: int

class SubscriptionChanges(TypedDict, total=False):
    id: str
    object: Literal["subscription"]
    application: str | None
    application_fee_percent: str | None
    automatic_tax: SubscriptionAutomaticTax
    billing_cycle_anchor: int
    billing_cycle_anchor_config: SubscriptionBillingCycleAnchorConfig | None
    billing_mode: SubscriptionBillingMode
    billing_schedules: list[SubscriptionBillingSchedule]
    billing_thresholds: SubscriptionBillingThresholds | None
    cancel_at: int | None
    cancel_at_period_end: bool
    canceled_at: int | None
    cancellation_details: SubscriptionCancellationDetails
    collection_method: SubscriptionCollectionMethod
    created: int
    currency: str
    customer: str
    customer_account: str | None
    days_until_due: int | None
    default_payment_method: str | None
    default_source: str | None
    default_tax_rates: list[TaxRate]
    description: str | None
    discounts: list[str]
    ended_at: int | None
    invoice_settings: SubscriptionInvoiceSettings
    items: Listed[SubscriptionItem]
    latest_invoice: str | None
    livemode: bool
    managed_payments: SubscriptionManagedPayments | None
    metadata: dict[str, str]
    next_pending_invoice_item_invoice: int | None
    on_behalf_of: str | None
    pause_collection: SubscriptionPauseCollection | None
    payment_settings: SubscriptionPaymentSettings | None
    pending_invoice_item_interval: SubscriptionPendingInvoiceItemInterval | None
    pending_setup_intent: str | None
    pending_update: SubscriptionPendingUpdate | None
    presentment_details: SubscriptionPresentmentDetails
    schedule: str | None
    start_date: int
    status: SubscriptionStatus
    status_details: SubscriptionStatusDetails
    test_clock: str | None
    transfer_data: SubscriptionTransferData | None
    trial_end: int | None
    trial_settings: SubscriptionTrialSettings
    trial_start: int | None

class SubscriptionItemChanges(TypedDict, total=False):
    id: str
    object: Literal["subscription_item"]
    billed_until: int
    billing_thresholds: SubscriptionItemBillingThresholds | None
    created: int
    current_period_end: int
    current_period_start: int
    current_trial: SubscriptionItemCurrentTrial | None
    discounts: list[str]
    metadata: dict[str, str]
    plan: Plan
    price: Price
    quantity: int
    subscription: str
    tax_rates: list[TaxRate]

class SubscriptionScheduleChanges(TypedDict, total=False):
    id: str
    object: Literal["subscription_schedule"]
    application: str | None
    billing_mode: SubscriptionScheduleBillingMode
    canceled_at: int | None
    completed_at: int | None
    created: int
    current_phase: SubscriptionScheduleCurrentPhase | None
    customer: str
    customer_account: str | None
    default_settings: SubscriptionScheduleDefaultSettings
    end_behavior: SubscriptionScheduleEndBehavior
    livemode: bool
    metadata: dict[str, str]
    pause_schedules: list[SubscriptionSchedulePauseSchedule]
    phases: list[SubscriptionSchedulePhase]
    released_at: int | None
    released_subscription: str | None
    status: SubscriptionScheduleStatus
    subscription: str | None
    test_clock: str | None

class TaxIdChanges(TypedDict, total=False):
    id: str
    object: Literal["tax_id"]
    country: str | None
    created: int
    customer: str | None
    customer_account: str | None
    livemode: bool
    owner: TaxIdOwner | None
    type: str
    value: str
    verification: TaxIdVerification | None

class TaxRateChanges(TypedDict, total=False):
    id: str
    object: Literal["tax_rate"]
    active: bool
    country: str | None
    created: int
    description: str | None
    display_name: str
    effective_percentage: str
    flat_amount: TaxRateFlatAmount | None
    inclusive: bool
    jurisdiction: str | None
    jurisdiction_level: TaxRateJurisdictionLevel | None
    livemode: bool
    metadata: dict[str, str]
    percentage: str
    rate_type: TaxRateRateType | None
    state: str | None
    tax_type: str | None

class TestClockChanges(TypedDict, total=False):
    id: str
    object: Literal["test_helpers.test_clock"]
    created: int
    deletes_after: int
    frozen_time: int
    livemode: bool
    name: str | None
    status: TestClockStatus
    status_details: TestClockStatusDetails

class WebhookEndpointChanges(TypedDict, total=False):
    id: str
    object: Literal["webhook_endpoint"]
    api_version: str | None
    application: str | None
    created: int
    description: str | None
    enabled_events: list[str]
    livemode: bool
    metadata: dict[str, str]
    secret: str
    status: str
    url: str
