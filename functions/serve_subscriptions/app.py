"""Serves the API of subscriptions."""

from meterline.api.app import lambda_handler
from meterline.api.routes.subscriptions import ROUTES

handler = lambda_handler(ROUTES)
