"""The operator's console: pages that ask the API, with the rights of who is signed in."""

from meterline.api.console import (
    alerts,
    catalogue,
    clocks,
    customers,
    destinations,
    events,
    invoices,
    meters,
    overview,
    schedules,
    search,
    signing,
    subscriptions,
    webhooks,
)
from meterline.api.console.visits import ASSETS
from meterline.api.pages.app import page, page_handler
from meterline.api.router import Routes

_ROOMS = (
    *(signing, overview, search),
    *(customers, subscriptions, schedules, invoices, meters, alerts),
    *(events, webhooks, destinations, clocks, catalogue),
)

handler = page_handler(
    Routes(
        [
            page("GET", "/console/assets/{file}", ASSETS.answer),
            *(row for room in _ROOMS for row in room.PAGES),
        ]
    ),
    ASSETS,
)
