"""Products, prices, billing meters and coupons."""

from meterline.api.app import lambda_handler
from meterline.api.routes.catalog import ROUTES

handler = lambda_handler(ROUTES)
