"""Whatever no other function serves: refused in the API's own words."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes

handler = lambda_handler(Routes([]))
