"""The account's own settings."""

from meterline.api.operations import get, post
from meterline.api.params.specs import enum, integer, object_, string
from meterline.api.router import Routes
from meterline.api.routes.shared import currency
from meterline.services.account.settings import retrieve_settings, update_settings

_LONGEST_WINDOW = 366 * 86_400
_TEXT = string(emptyable=True)
UPDATE_SETTINGS = object_(
    business_profile=object_(
        emptyable=True,
        name=_TEXT,
        product_description=_TEXT,
        support_email=_TEXT,
        support_phone=_TEXT,
        support_url=_TEXT,
        url=_TEXT,
    ),
    country=string(pattern="[A-Z]{2}", hint="Use a two-letter country code.", emptyable=True),
    default_currency=currency(),
    invoice_grace_seconds=integer(minimum=0, maximum=259_200, emptyable=True),
    late_usage=enum("ignore", "next_invoice", emptyable=True),
    past_due_window_seconds=integer(minimum=0, maximum=_LONGEST_WINDOW, emptyable=True),
    unpaid_window_seconds=integer(minimum=0, maximum=_LONGEST_WINDOW, emptyable=True),
    unpaid_action=enum("cancel", "mark_unpaid", emptyable=True),
)
ROUTES = Routes(
    [
        get("/v1/meterline/settings", "meterline.settings", retrieve_settings),
        post("/v1/meterline/settings", "meterline.settings", update_settings, UPDATE_SETTINGS),
    ]
)
