"""Products, prices, billing meters, coupons, promotion codes, tax rates and features."""

from meterline.api.app import lambda_handler
from meterline.api.router import Routes
from meterline.api.routes import catalog, features, promotion_codes

_TABLES = (catalog.ROUTES, features.ROUTES, promotion_codes.ROUTES)

handler = lambda_handler(Routes([operation for table in _TABLES for operation in table.operations]))
