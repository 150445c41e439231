"""Usage by meter and customer: event summaries, and whether there is access to more of it."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import access, usage

handler = lambda_handler(Routes([*usage.ROUTES.operations, *access.ROUTES.operations]))
