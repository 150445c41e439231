"""Customers, their credits and entitlements, and the test clocks that some of them live on."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import billing_credits, customers, entitlements, tax_ids, test_clocks

_TABLES = (
    customers.ROUTES,
    billing_credits.ROUTES,
    entitlements.ROUTES,
    tax_ids.ROUTES,
    test_clocks.ROUTES,
)

handler = lambda_handler(Routes([operation for table in _TABLES for operation in table.operations]))
