"""Serves the API of invoices and credit notes, and the figures of what was and will be billed."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import analytics, credit_notes, credit_top_ups, invoices, live_credits

_TABLES = (
    invoices.ROUTES,
    credit_notes.ROUTES,
    credit_top_ups.ROUTES,
    analytics.ROUTES,
    live_credits.ROUTES,
)

handler = lambda_handler(Routes([operation for table in _TABLES for operation in table.operations]))
