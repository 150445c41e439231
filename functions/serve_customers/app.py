"""Customers, and the test clocks that some of them live on."""

from meterline.api.app import lambda_handler
from meterline.api.routes.customers import ROUTES

handler = lambda_handler(ROUTES)
