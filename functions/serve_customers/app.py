"""Customers, and the test clocks that some of them live on."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import customers, test_clocks

handler = lambda_handler(Routes([*customers.ROUTES.operations, *test_clocks.ROUTES.operations]))
