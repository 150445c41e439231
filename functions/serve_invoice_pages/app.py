"""Pages of invoices, for who has their address."""

from meterline.api.pages.app import page_handler
from meterline.api.pages.hosted_invoice import ASSETS, ROUTES

handler = page_handler(ROUTES, ASSETS)
