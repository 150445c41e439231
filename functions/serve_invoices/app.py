"""Serves the API of invoices."""

from meterline.api.app import lambda_handler
from meterline.api.routes.invoices import ROUTES

handler = lambda_handler(ROUTES)
