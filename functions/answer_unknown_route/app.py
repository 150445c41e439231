"""Whatever no other function serves: the API's description, or a refusal in its own words."""

from meterline.api.app import lambda_handler
from meterline.api.routes.description import ROUTES

handler = lambda_handler(ROUTES)
