"""A customer's balance of billing credits: what the ledger has, and what of it can be used."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError
from meterline.core.credits.grants import GrantBalance, pays_for
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.credits.balances import available_minor, balances_of, ledger_minor
from meterline.services.credits.grant_states import KIND as GRANT
from meterline.services.customers.customer_state import CustomerState
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        CreditBalanceSummary,
        CreditBalanceSummaryBalance,
        Customer,
    )

KIND: Final = "billing.credit_balance_summary"

type Counts = Callable[[GrantBalance], bool]


def credit_balance_summary(ctx: Context, params: Body) -> "CreditBalanceSummary":
    """The balances that a filter asks for, one for each currency in which anything was granted."""
    customer = find(ctx, "customer", params["customer"], param="customer")
    ctx = on_customers_time(ctx, customer)
    wanted = params["filter"]
    if wanted["type"] == "credit_grant":
        counts, currencies = _of_grant(ctx, customer.id, wanted["credit_grant"])
    else:
        prices = wanted["applicability_scope"].get("prices")
        counts = _of_scope(None if prices is None else [price["id"] for price in prices])
        currencies = CustomerState.of(customer.body).credit_currencies or []
    return {
        "object": KIND,
        "balances": [
            _balance(ctx, customer.body, currency, counts) for currency in sorted(currencies)
        ],
        "customer": customer.id,
        "customer_account": None,
        "livemode": ctx.livemode,
    }


def _of_grant(ctx: Context, customer_id: str, grant_id: str) -> tuple[Counts, list[str]]:
    """Counts one grant, which is in one currency."""
    grant = find(ctx, GRANT, grant_id, param="filter[credit_grant]").body
    if grant["customer"] != customer_id:
        raise BillingError(
            f"The credit grant {grant_id} belongs to another customer.",
            param="filter[credit_grant]",
        )
    currencies = [grant["amount"]["monetary"]["currency"]]
    return lambda balance: balance["grant"] == grant_id, currencies


def _of_scope(prices: list[str] | None) -> Counts:
    """Counts what pays for all of these prices, or for all that are metered."""
    if prices is None:
        return lambda balance: balance["prices"] is None
    return lambda balance: all(pays_for(balance, price) for price in prices)


def _balance(
    ctx: Context, customer: "Customer", currency: str, counts: Counts
) -> "CreditBalanceSummaryBalance":
    counted = [
        balance
        for balance in balances_of(customer)
        if balance["currency"] == currency and counts(balance)
    ]
    available = sum(available_minor(customer, balance, ctx.now) for balance in counted)
    ledger = sum(ledger_minor(balance, ctx.now) for balance in counted)
    return {
        "available_balance": {
            "type": "monetary",
            "monetary": {"currency": currency, "value": available},
        },
        "ledger_balance": {
            "type": "monetary",
            "monetary": {"currency": currency, "value": ledger},
        },
    }
