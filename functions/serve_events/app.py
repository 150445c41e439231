"""Events in both dialects, webhook endpoints, and the account with its settings."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import account, events

handler = lambda_handler(Routes([*account.ROUTES.operations, *events.ROUTES.operations]))
