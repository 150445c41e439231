"""Customers, their credits and entitlements, and the test clocks that some of them live on."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import billing_credits, customers, entitlements, test_clocks

_TABLES = (customers.ROUTES, billing_credits.ROUTES, entitlements.ROUTES, test_clocks.ROUTES)

handler = lambda_handler(Routes([operation for table in _TABLES for operation in table.operations]))
