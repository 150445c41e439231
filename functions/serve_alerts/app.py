"""Serves the API of alerts."""

from meterline.api.app import lambda_handler
from meterline.api.routes.alerts import ROUTES

handler = lambda_handler(ROUTES)
