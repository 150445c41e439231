"""Invoices and credit notes as PDFs, for who has their address."""

from meterline.api.pages.app import page_handler
from meterline.api.pages.hosted_invoice import ASSETS
from meterline.api.pdfs.serving import ROUTES

handler = page_handler(ROUTES, ASSETS)
