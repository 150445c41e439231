"""Events in both dialects, and webhook endpoints."""

from meterline.api.app import lambda_handler
from meterline.api.routes.events import ROUTES

handler = lambda_handler(ROUTES)
