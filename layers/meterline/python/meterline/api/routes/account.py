"""The account."""

from collections.abc import Mapping
from typing import Any

from meterline.api.auth import other_account
from meterline.api.call import Call
from meterline.api.operations import Answer, Operation
from meterline.api.params.specs import Params
from meterline.api.router import Routes
from meterline.services.account.account import account_body
from meterline.store.base.account import account_id


def _retrieve_own(call: Call, params: Params) -> Mapping[str, object]:  # noqa: ARG001 - no parameters
    return account_body(call.context())


def _retrieve(call: Call, asked: str, params: Params) -> Mapping[str, object]:  # noqa: ARG001 - no parameters
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

ROUTES = Routes(ACCOUNT)
