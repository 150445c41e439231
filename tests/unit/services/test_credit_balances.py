"""What a customer remembers of its grants of billing credits, and which ids they get."""

from typing import Any

import pytest

from meterline.core.credits.grants import GrantBalance
from meterline.services.base.context import Context
from meterline.services.credits.balances import (
    balance_of,
    balances_of,
    drafts_of,
    less,
    with_balance,
    with_drafts,
)
from meterline.services.credits.grant_states import next_grant_id, with_grant_counted
from meterline.services.customers.customer_state import DraftCredits
from meterline.store.billing.repository import BillingStore

NOW = 1_700_000_000
DRAFT: DraftCredits = {
    "invoice": "in_1",
    "finalizes_at": NOW,
    "taken": {"credgr_2": 5, "credgr_1": 7},
}


def customer(id_: str = "cus_1", **state: Any) -> Any:
    return {"id": id_, "_": state}


def balance(grant: str, left: int, **more: Any) -> GrantBalance:
    made: Any = {
        "grant": grant,
        "category": "paid",
        "currency": "usd",
        "effective_at": NOW,
        "expires_at": None,
        "left": left,
        "prices": None,
        "priority": 50,
        **more,
    }
    return made  # type: ignore[no-any-return]


def context(*, livemode: bool = False) -> Context:
    return Context(BillingStore(livemode=livemode), NOW, NOW)


def given(count: int, id_: str = "cus_1", *, livemode: bool = False) -> list[str]:
    """The ids of so many grants that a customer is given one after another."""
    holder, ids = customer(id_), []
    for _ in range(count):
        ids.append(next_grant_id(context(livemode=livemode), holder))
        holder = with_grant_counted(holder)
    return ids


def test_no_grant_has_the_id_of_another() -> None:
    ids = [*given(70), *given(70, "cus_2"), *given(70, livemode=True)]
    assert len(set(ids)) == len(ids)


def test_ids_of_a_customers_grants_are_in_their_order() -> None:
    assert given(70) == sorted(given(70))


def test_a_customer_remembers_what_each_grant_has_left() -> None:
    first, second = balance("credgr_1", 5), balance("credgr_2", 7, created=NOW - 1, is_used=True)
    holder = with_balance(with_balance(customer(), first), second)
    assert balances_of(holder) == [first, second]
    holder = less(holder, {"credgr_1": 5, "credgr_2": 3})
    assert balances_of(holder) == [second | {"left": 4}]
    assert balances_of(less(holder, {"credgr_2": 4})) == []


def test_a_customer_remembers_what_drafts_would_take() -> None:
    holder = with_drafts(customer(), [DRAFT])
    assert drafts_of(holder) == [DRAFT]
    assert with_drafts(holder, [DRAFT]) is holder
    assert drafts_of(with_drafts(holder, [])) == []


@pytest.mark.parametrize("credits_", [[], [balance("credgr_1", 5, created=NOW)]])
def test_what_a_former_release_stored_is_understood(credits_: list[GrantBalance]) -> None:
    former = customer(credits=credits_, draft_credits=[DRAFT])
    assert (balances_of(former), drafts_of(former)) == (credits_, [DRAFT])
    more = balance("credgr_2", 7)
    holder = with_balance(former, more)
    assert balances_of(holder) == [*credits_, more]
    assert balance_of(holder, "credgr_2") == more
    assert with_drafts(former, [DRAFT]) is former
