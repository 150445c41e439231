"""Usage by meter and customer: event summaries."""

from meterline.api.app import lambda_handler
from meterline.api.routes import usage

handler = lambda_handler(usage.ROUTES)
