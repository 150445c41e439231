"""Products, prices, billing meters, coupons and features."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import catalog, features

handler = lambda_handler(Routes([*catalog.ROUTES.operations, *features.ROUTES.operations]))
