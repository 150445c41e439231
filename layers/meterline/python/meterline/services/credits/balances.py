"""What a customer's grants have left, as the customer remembers it.

The customer's document has the balance of each grant that has anything left, so whoever decides on
an invoice has read it, and a decision that takes credits is conditional on the customer as it was
read: two of them never take the same credits. Each change of a balance goes with its entry in the
ledger (``ledger``), in one commit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from meterline.core.base.columns import Columns, columns_of, records_of
from meterline.core.credits.grants import GrantBalance, has_begun, has_expired
from meterline.services.credits.credit_amounts import measure_of
from meterline.services.customers.customer_state import (
    CustomerState,
    DraftCredits,
    StoredDraftCredits,
)

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditGrant, Customer

MOST_UNUSED = 100
"""Grants of a customer that can still be used, now or later."""


def balances_of(customer: "Customer") -> list[GrantBalance]:
    """The grants of a customer that have anything left."""
    stored = CustomerState.of(customer).credits
    if isinstance(stored, dict):
        return cast("list[GrantBalance]", records_of(stored))
    return stored or []


def balance_of(customer: "Customer", grant_id: str) -> GrantBalance | None:
    """What a grant has left; None if it has nothing."""
    found = (balance for balance in balances_of(customer) if balance["grant"] == grant_id)
    return next(found, None)


def unused(customer: "Customer", now: int) -> int:
    """How many grants of a customer can be used, now or once they are effective."""
    return sum(not has_expired(balance, now) for balance in balances_of(customer))


def new_balance(grant: "CreditGrant", left: int, *, is_used: bool = False) -> GrantBalance:
    """The balance of a grant with so much left, as it is counted."""
    scoped = grant["applicability_config"]["scope"].get("prices")
    balance: GrantBalance = {
        "grant": grant["id"],
        "category": grant["category"],
        "currency": measure_of(grant),
        "effective_at": grant["effective_at"],
        "expires_at": grant["expires_at"],
        "left": left,
        "prices": None if scoped is None else [price["id"] for price in scoped],
        "priority": grant["priority"],
    }
    if grant["created"] != grant["effective_at"]:
        balance["created"] = grant["created"]
    return balance | {"is_used": True} if is_used else balance


def with_balance(customer: "Customer", balance: GrantBalance) -> "Customer":
    """The customer with a grant's balance in place of the former one; without one of nothing.

    ValueError if it is below zero, which no rule leads to.
    """
    if balance["left"] < 0:
        message = f"{balance['grant']} has nothing left to take"
        raise ValueError(message)
    state = CustomerState.of(customer)
    balances = balances_of(customer)
    if any(known["grant"] == balance["grant"] for known in balances):
        changed = [balance if known["grant"] == balance["grant"] else known for known in balances]
    else:
        changed = [*balances, balance]
    currencies = state.credit_currencies or []
    if balance["currency"] not in currencies:
        currencies = [*currencies, balance["currency"]]
    left = [known for known in changed if known["left"]]
    stored = columns_of(left) if left else None
    return replace(state, credits=stored, credit_currencies=currencies).on(customer)


def less(customer: "Customer", taken: Mapping[str, int]) -> "Customer":
    """The customer after amounts were taken from grants, as each is counted."""
    for grant, amount in taken.items():
        balance = balance_of(customer, grant)
        if balance is None:
            message = f"{grant} has nothing left to take"
            raise ValueError(message)
        changed = balance | {"left": balance["left"] - amount, "is_used": True}
        customer = with_balance(customer, changed)
    return customer


def first_expiry(customer: "Customer", now: int) -> int | None:
    """When the first of a customer's grants expires: from then on more may be due for usage."""
    expiries = [balance["expires_at"] for balance in balances_of(customer)]
    return min((at for at in expiries if at is not None and at > now), default=None)


def drafts_of(customer: "Customer") -> list[DraftCredits]:
    """What the customer's drafts would take from its grants."""
    return [
        {**draft, "taken": _taken(draft["taken"])}
        for draft in CustomerState.of(customer).draft_credits or ()
    ]


def with_drafts(customer: "Customer", drafts: Iterable[DraftCredits]) -> "Customer":
    """The customer, who remembers what these drafts, and no others, would take."""
    state = CustomerState.of(customer)
    noted = list(drafts)
    if noted == drafts_of(customer):
        return customer
    stored: list[StoredDraftCredits] = [
        {**draft, "taken": columns_of(_records(draft["taken"]))} for draft in noted
    ]
    return replace(state, draft_credits=stored or None).on(customer)


def _records(taken: dict[str, int]) -> list[dict[str, str | int]]:
    """In the order of grants, as a customer has most of them: the columns are then much alike."""
    return [{"grant": grant, "amount": amount} for grant, amount in sorted(taken.items())]


def _taken(stored: Columns | dict[str, int]) -> dict[str, int]:
    if "each" not in stored:
        return stored
    records = records_of(cast("Columns", stored))
    return {record["grant"]: record["amount"] for record in records}


def ledger_minor(balance: GrantBalance, now: int) -> int:
    """What the ledger has of a grant: nothing before it is effective."""
    return balance["left"] if has_begun(balance, now) else 0


def available_minor(customer: "Customer", balance: GrantBalance, now: int) -> int:
    """What of a grant can be used: not what has expired, nor what drafts would take."""
    if has_expired(balance, now) or not has_begun(balance, now):
        return 0
    drafted = sum(draft["taken"].get(balance["grant"], 0) for draft in drafts_of(customer))
    return max(0, balance["left"] - drafted)
