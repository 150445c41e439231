"""The account, and its settings."""

from typing import Any

from meterline.api.auth import other_account
from meterline.api.call import Call
from meterline.api.operations import Answer, Operation, get, post
from meterline.api.params.specs import Params, enum, integer, object_, string
from meterline.api.router import Routes
from meterline.api.routes.shared import currency
from meterline.services.account.account import account_body
from meterline.services.account.settings import retrieve_settings, update_settings
from meterline.store.base.account import account_id

type Body = dict[str, Any]


def _retrieve_own(call: Call, params: Params) -> Body:  # noqa: ARG001 - no parameters
    return account_body(call.context())


def _retrieve(call: Call, asked: str, params: Params) -> Body:  # noqa: ARG001 - no parameters
    if asked != account_id():
        raise other_account(call.principal.secret, asked)
    return account_body(call.context())


def _account(path: str, run: Any) -> Operation:  # noqa: ANN401 - see Operation
    return Operation(
        method="GET",
        path=path,
        run=run,
        permission="account",
        kind="account",
        answer=Answer.RAW,
        light=True,
    )


ACCOUNT = [_account("/v1/account", _retrieve_own), _account("/v1/accounts/{id}", _retrieve)]

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
SETTINGS = [
    get("/v1/meterline/settings", "meterline.settings", retrieve_settings),
    post("/v1/meterline/settings", "meterline.settings", update_settings, UPDATE_SETTINGS),
]

ROUTES = Routes([*ACCOUNT, *SETTINGS])
