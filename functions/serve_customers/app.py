"""Customers, what they are entitled to, and the test clocks that some of them live on."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import customers, entitlements, test_clocks

_TABLES = (customers.ROUTES, entitlements.ROUTES, test_clocks.ROUTES)

handler = lambda_handler(Routes([operation for table in _TABLES for operation in table.operations]))
