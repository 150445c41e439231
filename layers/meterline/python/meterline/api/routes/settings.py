"""The account's own settings."""

from meterline.api.operations import get, post
from meterline.api.params.specs import array, enum, integer, object_, string
from meterline.api.router import Routes
from meterline.api.routes.shared import TAX_ID, address, currency
from meterline.services.account.settings import retrieve_settings
from meterline.services.account.settings_changes import update_settings

_LONGEST_WINDOW = 366 * 86_400
_TEXT = string(emptyable=True)
_LONG_TEXT = string(emptyable=True, max_length=5_000)
_COLOR = string(pattern="#[0-9a-fA-F]{6}", hint="Use a colour like #0b5cad.", emptyable=True)
_MOST_TAX_IDS = 5
UPDATE_SETTINGS = object_(
    branding=object_(emptyable=True, primary_color=_COLOR),
    business_profile=object_(
        emptyable=True,
        name=_TEXT,
        product_description=_TEXT,
        support_email=_TEXT,
        support_phone=_TEXT,
        support_url=_TEXT,
        url=_TEXT,
    ),
    company=object_(
        emptyable=True,
        address=address(emptyable=True),
        name=_TEXT,
        tax_ids=array(TAX_ID, emptyable=True, max_items=_MOST_TAX_IDS),
    ),
    country=string(pattern="[A-Z]{2}", hint="Use a two-letter country code.", emptyable=True),
    default_currency=currency(),
    invoice_grace_seconds=integer(minimum=0, maximum=259_200, emptyable=True),
    invoice_settings=object_(emptyable=True, footer=_LONG_TEXT, payment_instructions=_LONG_TEXT),
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
