"""Serves the API of subscriptions and of their schedules."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import subscription_schedules, subscriptions

handler = lambda_handler(
    Routes([*subscriptions.ROUTES.operations, *subscription_schedules.ROUTES.operations])
)
