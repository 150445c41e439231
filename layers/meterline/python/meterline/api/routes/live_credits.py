"""``/v1/meterline/credit_balance``: billing credits less what has been used and is not billed."""

from meterline.api.operations import get
from meterline.api.params.specs import Params, object_, string
from meterline.api.router import Routes
from meterline.services.base.context import Context
from meterline.services.previews.live_credits import (
    OBJECT,
    LiveCreditBalance,
    live_credit_balance,
)


def _ask(ctx: Context, params: Params) -> LiveCreditBalance:
    return live_credit_balance(ctx, params["customer"])


ROUTES = Routes(
    [
        get(
            "/v1/meterline/credit_balance",
            OBJECT,
            _ask,
            object_(customer=string(required=True)),
        )
    ]
)
