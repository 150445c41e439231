"""How the lines of an invoice take from a customer's grants of billing credits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from meterline.core.credits.grants import GrantBalance, in_order, is_eligible, pays_for


@dataclass(frozen=True, slots=True)
class CreditableLine:
    """A line as credits meet it: what it bills anew, and at which metered price; None of others."""

    amount_minor: int
    price: str | None


@dataclass(frozen=True, slots=True)
class CreditableInvoice:
    """An invoice as credits meet it: what its lines come to before credits and taxes."""

    amount_minor: int
    currency: str
    period_end: int


class Taken(NamedTuple):
    """What a line takes from a grant, minor units."""

    grant: str
    amount_minor: int


def take_credits(
    lines: Sequence[CreditableLine],
    balances: Iterable[GrantBalance],
    invoice: CreditableInvoice,
) -> list[list[Taken]]:
    """What each line takes, in the lines' order and in that of the grants.

    Only lines of metered prices take anything, and never more than they bill. All together take no
    more than the invoice comes to: what other lines give back is not paid with credits.
    """
    eligible = [
        balance
        for balance in in_order(balances)
        if balance["currency"] == invoice.currency and is_eligible(balance, invoice.period_end)
    ]
    left = {balance["grant"]: balance["left"] for balance in eligible}
    room = max(0, invoice.amount_minor)
    taken: list[list[Taken]] = []
    for line in lines:
        by_line = _taken_by(line, eligible, left, room)
        room -= sum(part.amount_minor for part in by_line)
        taken.append(by_line)
    return taken


def _taken_by(
    line: CreditableLine, eligible: list[GrantBalance], left: dict[str, int], room: int
) -> list[Taken]:
    """What a line takes of what is ``left``, which this reduces; at most ``room``."""
    taken: list[Taken] = []
    if line.price is None:
        return taken
    open_amount = min(line.amount_minor, room)
    for balance in eligible:
        amount = min(open_amount, left[balance["grant"]])
        if amount > 0 and pays_for(balance, line.price):
            left[balance["grant"]] -= amount
            open_amount -= amount
            taken.append(Taken(balance["grant"], amount))
    return taken
