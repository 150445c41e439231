"""Serves the API of invoices, and the figures of what was and will be billed."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import analytics, invoices

handler = lambda_handler(Routes([*invoices.ROUTES.operations, *analytics.ROUTES.operations]))
