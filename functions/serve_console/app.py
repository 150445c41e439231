"""The operator's console: pages that ask the API, with the rights of who is signed in."""

from meterline.api.console import overview, search, signing
from meterline.api.console.visits import ASSETS
from meterline.api.pages.app import page, page_handler
from meterline.api.router import Routes

_TABLES = (signing.PAGES, overview.PAGES, search.PAGES)

handler = page_handler(
    Routes(
        [
            page("GET", "/console/assets/{file}", ASSETS.answer),
            *(row for table in _TABLES for row in table),
        ]
    ),
    ASSETS,
)
