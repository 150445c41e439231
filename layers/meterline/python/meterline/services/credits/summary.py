"""A customer's balance of billing credits: what the ledger has, and what of it can be used."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError
from meterline.core.credits.grants import GrantBalance, pays_for
from meterline.core.credits.measures import is_of_meter
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.credits.balances import available_minor, balances_of, ledger_minor
from meterline.services.credits.credit_amounts import amount_in, measure_of
from meterline.services.credits.grant_states import KIND as GRANT
from meterline.services.customers.customer_state import CustomerState
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        CreditBalanceSummary,
        CreditBalanceSummaryBalance,
        Customer,
        Price,
    )

KIND: Final = "billing.credit_balance_summary"

type Counts = Callable[[GrantBalance], bool]


def credit_balance_summary(ctx: Context, params: Body) -> "CreditBalanceSummary":
    """The balances that a filter asks for, one for each currency in which anything was granted, and
    one for each meter.
    """
    customer = find(ctx, "customer", params["customer"], param="customer")
    ctx = on_customers_time(ctx, customer)
    wanted = params["filter"]
    if wanted["type"] == "credit_grant":
        counts, measures = _of_grant(ctx, customer.id, wanted["credit_grant"])
    else:
        prices = wanted["applicability_scope"].get("prices")
        measures = CustomerState.of(customer.body).credit_currencies or []
        ids = None if prices is None else [price["id"] for price in prices]
        counts = _of_scope(ctx, measures, ids)
    return {
        "object": KIND,
        "balances": [_balance(ctx, customer.body, measure, counts) for measure in sorted(measures)],
        "customer": customer.id,
        "customer_account": None,
        "livemode": ctx.livemode,
    }


def _of_grant(ctx: Context, customer_id: str, grant_id: str) -> tuple[Counts, list[str]]:
    """Counts one grant, which has one measure."""
    grant = find(ctx, GRANT, grant_id, param="filter[credit_grant]").body
    if grant["customer"] != customer_id:
        raise BillingError(
            f"The credit grant {grant_id} belongs to another customer.",
            param="filter[credit_grant]",
        )
    return lambda balance: balance["grant"] == grant_id, [measure_of(grant)]


def _of_scope(ctx: Context, measures: list[str], prices: list[str] | None) -> Counts:
    """Counts what pays for all of these prices, or for all that are metered: units of a meter if
    all of the prices bill its usage.
    """
    if prices is None:
        return lambda balance: balance["prices"] is None
    found = ctx.store.get_many(prices) if any(map(is_of_meter, measures)) else {}
    meters = {_meter_of(found[price].body) if price in found else None for price in prices}

    def counts(balance: GrantBalance) -> bool:
        is_for_all = not is_of_meter(balance["currency"]) or meters == {balance["currency"]}
        return is_for_all and all(pays_for(balance, price) for price in prices)

    return counts


def _balance(
    ctx: Context, customer: "Customer", measure: str, counts: Counts
) -> "CreditBalanceSummaryBalance":
    counted = [
        balance
        for balance in balances_of(customer)
        if balance["currency"] == measure and counts(balance)
    ]
    available = sum(available_minor(customer, balance, ctx.now) for balance in counted)
    ledger = sum(ledger_minor(balance, ctx.now) for balance in counted)
    return {
        "available_balance": amount_in(measure, available),
        "ledger_balance": amount_in(measure, ledger),
    }


def _meter_of(price: "Price") -> str | None:
    return price["recurring"]["meter"] if price["recurring"] else None
