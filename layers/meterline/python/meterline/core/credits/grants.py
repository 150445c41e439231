"""What grants of billing credits have left: which count at an instant, and in which order.

Stripe's billing credits guide: a grant pays for an invoice whose period ends at ``effective_at`` or
later and before ``expires_at``; of several the one with the smallest priority comes first, then the
one that expires first, promotional ones before paid ones, and the older ones.
"""

from collections.abc import Iterable
from typing import Literal, NotRequired, TypedDict

type Category = Literal["paid", "promotional"]


class GrantBalance(TypedDict):
    """What is left of a grant, and what decides on its use.

    ``currency`` is what it is counted in (``measures``): minor units of a currency, or parts of the
    units of a meter, whose id it is then. ``prices`` are the only ones that it pays for; None: all
    that are metered. ``created`` is given where it is not ``effective_at``. ``is_used`` says that
    something of it was applied once, whether it came back or not.
    """

    grant: str
    category: Category
    created: NotRequired[int]
    currency: str
    effective_at: int
    expires_at: int | None
    is_used: NotRequired[bool]
    left: int
    prices: list[str] | None
    priority: int


def in_order(balances: Iterable[GrantBalance]) -> list[GrantBalance]:
    """The grants in the order in which they are taken from."""
    return sorted(balances, key=_rank)


def has_begun(balance: GrantBalance, instant: int) -> bool:
    """Whether a grant is effective by an instant; it may have expired since."""
    return balance["effective_at"] <= instant


def has_expired(balance: GrantBalance, instant: int) -> bool:
    """Whether a grant has expired by an instant: it pays for nothing that ends there or later."""
    return balance["expires_at"] is not None and balance["expires_at"] <= instant


def is_eligible(balance: GrantBalance, period_end: int) -> bool:
    """Whether a grant pays for an invoice whose period ends at an instant."""
    return has_begun(balance, period_end) and not has_expired(balance, period_end)


def pays_for(balance: GrantBalance, price: str) -> bool:
    """Whether a grant pays for usage at a price."""
    return balance["prices"] is None or price in balance["prices"]


def pays_for_each(balance: GrantBalance, prices: list[str] | None) -> bool:
    """Whether a grant pays for usage at each of some prices; None: whatever it pays for."""
    return prices is None or all(pays_for(balance, price) for price in prices)


def _rank(balance: GrantBalance) -> tuple[int, bool, int, bool, int, int, str]:
    expires_at = balance["expires_at"]
    return (
        balance["priority"],
        expires_at is None,
        expires_at or 0,
        balance["category"] == "paid",
        balance["effective_at"],
        balance.get("created", balance["effective_at"]),
        balance["grant"],
    )
