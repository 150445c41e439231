"""Events in both dialects, webhook endpoints, and the account with its settings."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import account, events, settings

_ROOMS = (account, events, settings)

handler = lambda_handler(
    Routes(operation for room in _ROOMS for operation in room.ROUTES.operations)
)
