"""The operations of Stripe's schema that usage-based billing knows, and those beyond it."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("operations.tsv")


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of one resource.

    ``answer`` names what a success answers with: an object of the schema (``a|b``: one of them),
    ``list of …``, ``search_result of …``, ``v2 page of …`` or ``nothing``.
    """

    name: str
    method: str
    path: str
    answer: str

    @property
    def route(self) -> str:
        """Method and path, whatever the path's variables are called."""
        return f"{self.method} {re.sub(r'{[^}]*}', '{}', self.path)}"


BEYOND_STRIPE = (
    Operation("Introduction.retrieve", "GET", "/", "introduction"),
    Operation("Description.retrieve", "GET", "/openapi.json", "openapi"),
    Operation("TaxId.create", "POST", "/v1/tax_ids", "tax_id"),
    Operation("TaxId.list", "GET", "/v1/tax_ids", "list of tax_id"),
    Operation("TaxId.retrieve", "GET", "/v1/tax_ids/{id}", "tax_id"),
    Operation("TaxId.del", "DELETE", "/v1/tax_ids/{id}", "deleted_tax_id"),
    Operation("Event.retry", "POST", "/v1/events/{id}/retry", "event"),
    Operation(
        "Event.listDeliveries",
        "GET",
        "/v1/events/{id}/deliveries",
        "list of meterline.webhook_delivery",
    ),
    Operation(
        "WebhookEndpoint.rollSecret",
        "POST",
        "/v1/webhook_endpoints/{id}/roll_secret",
        "webhook_endpoint",
    ),
    Operation("Meter.listEvents", "GET", "/v1/billing/meters/{id}/events", "list of counted_event"),
    Operation(
        "Alert.listNotifications",
        "GET",
        "/v1/billing/alerts/{id}/notifications",
        "list of billing.alert_notification",
    ),
    Operation(
        "MeterUsage.retrieve",
        "GET",
        "/v1/billing/analytics/meter_usage",
        "billing.analytics.meter_usage",
    ),
    Operation(
        "Invoice.renewHostedUrl", "POST", "/v1/invoices/{id}/renew_hosted_invoice_url", "invoice"
    ),
    Operation(
        "Invoice.revokeHostedUrl", "POST", "/v1/invoices/{id}/revoke_hosted_invoice_url", "invoice"
    ),
    Operation(
        "Invoice.explain", "GET", "/v1/invoices/{id}/explanation", "meterline.invoice_explanation"
    ),
    Operation(
        "ActiveEntitlement.list",
        "GET",
        "/v1/entitlements/active_entitlements",
        "list of entitlements.active_entitlement",
    ),
    Operation(
        "ActiveEntitlement.retrieve",
        "GET",
        "/v1/entitlements/active_entitlements/{id}",
        "entitlements.active_entitlement",
    ),
    Operation("PromotionCode.create", "POST", "/v1/promotion_codes", "promotion_code"),
    Operation("PromotionCode.list", "GET", "/v1/promotion_codes", "list of promotion_code"),
    Operation("PromotionCode.retrieve", "GET", "/v1/promotion_codes/{id}", "promotion_code"),
    Operation("PromotionCode.update", "POST", "/v1/promotion_codes/{id}", "promotion_code"),
    Operation("Feature.create", "POST", "/v1/entitlements/features", "entitlements.feature"),
    Operation("Feature.list", "GET", "/v1/entitlements/features", "list of entitlements.feature"),
    Operation("Feature.retrieve", "GET", "/v1/entitlements/features/{id}", "entitlements.feature"),
    Operation("Feature.update", "POST", "/v1/entitlements/features/{id}", "entitlements.feature"),
    Operation("Account.retrieveCurrent", "GET", "/v1/account", "account"),
    Operation("Account.retrieve", "GET", "/v1/accounts/{id}", "account"),
    Operation(
        "Customer.listSubscriptions",
        "GET",
        "/v1/customers/{customer}/subscriptions",
        "list of subscription",
    ),
    Operation("Plan.list", "GET", "/v1/plans", "list of plan"),
    Operation("Plan.retrieve", "GET", "/v1/plans/{id}", "plan"),
    Operation(
        "AnalyticsAmount.list",
        "GET",
        "/v1/meterline/analytics/amounts",
        "list of meterline.analytics.amount",
    ),
    Operation(
        "AnalyticsForecast.retrieve",
        "GET",
        "/v1/meterline/analytics/forecast",
        "meterline.analytics.forecast",
    ),
    Operation(
        "AnalyticsInvoiced.retrieve",
        "GET",
        "/v1/meterline/analytics/invoiced",
        "meterline.analytics.invoiced",
    ),
    Operation(
        "AnalyticsTopCustomers.retrieve",
        "GET",
        "/v1/meterline/analytics/top_customers",
        "meterline.analytics.top_customers",
    ),
    Operation("Access.ask", "GET", "/v1/meterline/access", "meterline.access"),
    Operation(
        "LiveCreditBalance.retrieve",
        "GET",
        "/v1/meterline/credit_balance",
        "meterline.credit_balance",
    ),
    Operation("DueWork.list", "GET", "/v1/meterline/due_work", "list of meterline.due_work"),
    Operation(
        "CreditTopUp.create", "POST", "/v1/meterline/credit_top_ups", "meterline.credit_top_up"
    ),
    Operation(
        "CreditTopUp.list", "GET", "/v1/meterline/credit_top_ups", "list of meterline.credit_top_up"
    ),
    Operation(
        "CreditTopUp.retrieve",
        "GET",
        "/v1/meterline/credit_top_ups/{id}",
        "meterline.credit_top_up",
    ),
    Operation(
        "CreditTopUp.update",
        "POST",
        "/v1/meterline/credit_top_ups/{id}",
        "meterline.credit_top_up",
    ),
    Operation(
        "CreditTopUp.cancel",
        "POST",
        "/v1/meterline/credit_top_ups/{id}/cancel",
        "meterline.credit_top_up",
    ),
    Operation("Settings.retrieve", "GET", "/v1/meterline/settings", "meterline.settings"),
    Operation("Settings.update", "POST", "/v1/meterline/settings", "meterline.settings"),
)


@cache
def stripe_operations() -> dict[str, Operation]:
    """The operations of Stripe's schema, by name."""
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    found = [Operation(*line.split("\t")) for line in lines]
    return {one.name: one for one in found}


@cache
def _by_route() -> list[tuple[str, re.Pattern[str], Operation]]:
    everything = [*stripe_operations().values(), *BEYOND_STRIPE]
    everything.sort(key=lambda one: one.path.count("{"))  # /customers/search is no customer's id
    return [(operation.method, _pattern(operation.path), operation) for operation in everything]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))


def operation_of(method: str, path: str) -> Operation | None:
    """The operation that a request is for; None if there is none."""
    for its_method, pattern, operation in _by_route():
        if its_method == method and pattern.fullmatch(path):
            return operation
    return None
