"""Billing credits: ``/v1/billing/credit_grants``, their balances and the ledger."""

from meterline.api.lists import PAGING, Listing, list_operation, listing, read_page, retrieve, under
from meterline.api.operations import get, post
from meterline.api.params.specs import (
    Params,
    decimal_,
    enum,
    integer,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.api.routes.shared import INTERVAL, credit_scope, currency
from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.credits.grants import (
    create_credit_grant,
    expire_credit_grant,
    update_credit_grant,
    void_credit_grant,
)
from meterline.services.credits.summary import credit_balance_summary
from meterline.store.billing.repository import Source

_GRANT = "billing.credit_grant"
_GRANTS = "/v1/billing/credit_grants"
_TRANSACTION = "billing.credit_balance_transaction"
_TRANSACTIONS = "/v1/billing/credit_balance_transactions"
_SUMMARY = "billing.credit_balance_summary"

_MOST_UNITS = 10**15

_CREATE = object_(
    amount=object_(
        required=True,
        type=enum("custom_pricing_unit", "monetary", required=True),
        custom_pricing_unit=object_(
            id=string(required=True),
            value=decimal_(required=True, minimum=0, maximum=_MOST_UNITS),
        ),
        monetary=object_(
            currency=currency(required=True),
            value=integer(required=True, minimum=1),
        ),
        exclusive=[("custom_pricing_unit", "monetary")],
    ),
    applicability_config=object_(required=True, scope=credit_scope(required=True)),
    category=enum("paid", "promotional"),
    customer=string(required=True),
    effective_at=timestamp(),
    expires_at=timestamp(),
    metadata=metadata(),
    meterline=object_(
        recurrence=object_(
            required=True,
            interval=INTERVAL,
            interval_count=integer(minimum=1),
            rollover_most=integer(minimum=0),
        )
    ),
    name=string(max_length=100),
    priority=integer(minimum=0, maximum=100),
)

_UPDATE = object_(
    expires_at=timestamp(emptyable=True),
    metadata=metadata(),
    meterline=object_(recurrence=enum("none", required=True)),
)

_FILTER = object_(
    required=True,
    type=enum("applicability_scope", "credit_grant", required=True),
    applicability_scope=credit_scope(required=False),
    credit_grant=string(),
)


def _summary(ctx: Context, params: Params) -> object:
    wanted = params["filter"]["type"]
    if wanted not in params["filter"]:
        raise BillingError(
            f"Missing required param: filter[{wanted}].",
            code="parameter_missing",
            param=f"filter[{wanted}]",
        )
    return credit_balance_summary(ctx, params)


def _transactions(ctx: Context, params: Params) -> Listing:
    """A page of a customer's ledger, or of a grant's, newest first."""
    grant_id = params.get("credit_grant")
    owner = params.get("customer")
    if owner is not None:
        owner = find(ctx, "customer", owner, param="customer").id
    if grant_id is not None:
        grant = find(ctx, _GRANT, grant_id, param="credit_grant").body
        owner = grant["customer"] if owner is None else owner
    if owner is None:
        raise BillingError(
            "Missing required param: customer.", code="parameter_missing", param="customer"
        )
    return read_page(
        ctx,
        _TRANSACTION,
        params,
        keep=lambda entry: grant_id in (None, entry["credit_grant"]),
        source=Source(parents=[owner]),
    )


ROUTES = Routes(
    [
        post(_GRANTS, _GRANT, create_credit_grant, _CREATE),
        listing(
            _GRANTS,
            _GRANT,
            filters=object_(customer=string()),
            narrow=under("customer"),
            created=False,
        ),
        retrieve(_GRANTS + "/{id}", _GRANT),
        post(_GRANTS + "/{id}", _GRANT, update_credit_grant, _UPDATE),
        post(_GRANTS + "/{id}/expire", _GRANT, expire_credit_grant),
        post(_GRANTS + "/{id}/void", _GRANT, void_credit_grant),
        get(
            "/v1/billing/credit_balance_summary",
            _SUMMARY,
            _summary,
            object_(customer=string(required=True), filter=_FILTER),
        ),
        list_operation(
            _TRANSACTIONS,
            _TRANSACTION,
            _transactions,
            object_(PAGING, credit_grant=string(), customer=string()),
        ),
        retrieve(_TRANSACTIONS + "/{id}", _TRANSACTION),
    ]
)
