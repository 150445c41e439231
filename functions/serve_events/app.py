"""Events in both dialects, where they are sent, the account with its settings, and due work."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import account, due_work, event_destinations, events, settings

_ROOMS = (account, due_work, event_destinations, events, settings)

handler = lambda_handler(
    Routes(operation for room in _ROOMS for operation in room.ROUTES.operations)
)
