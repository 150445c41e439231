"""How the lines of an invoice take from a customer's grants of billing credits.

A grant of money pays what it has left. A grant in units of a meter pays for the units that a line
bills, each at the line's average, after discounts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from meterline.core.base.frozen import frozen
from meterline.core.base.money import ZERO
from meterline.core.credits.grants import GrantBalance, in_order, is_eligible, pays_for
from meterline.core.credits.measures import PARTS, is_of_meter


@frozen
class CreditableLine:
    """A line as credits meet it: what it bills anew, and at which metered price; None of others.

    ``quantity`` is what it bills anew of the units of ``meter``, and ``usage_minor`` what of its
    amount is for them: all but what a minimum adds.
    """

    amount_minor: int
    price: str | None
    meter: str | None = None
    quantity: Decimal = ZERO
    usage_minor: int = 0


@frozen
class CreditableInvoice:
    """An invoice as credits meet it: what its lines come to before credits and taxes."""

    amount_minor: int
    currency: str
    period_end: int


class Taken(NamedTuple):
    """What a grant pays of a line, minor units, and the parts of units that this takes from it;
    None of a grant of money.
    """

    grant: str
    amount_minor: int
    parts: int | None = None

    @property
    def from_grant(self) -> int:
        """What the grant has less then, as it is counted."""
        return self.amount_minor if self.parts is None else self.parts


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
        if (balance["currency"] == invoice.currency or is_of_meter(balance["currency"]))
        and is_eligible(balance, invoice.period_end)
    ]
    left = {balance["grant"]: balance["left"] for balance in eligible}
    room = max(0, invoice.amount_minor)
    taken: list[list[Taken]] = []
    for line in lines:
        by_line = _taken_by(_OpenLine(line, min(line.amount_minor, room)), eligible, left)
        room -= sum(part.amount_minor for part in by_line)
        taken.append(by_line)
    return taken


@dataclass(slots=True)
class _OpenLine:
    """A line while grants pay for it: at most ``most_minor``.

    What they pay is rounded in all, so it depends on the units that are taken and not on how many
    grants these come from.
    """

    line: CreditableLine
    most_minor: int
    money: int = 0
    parts: int = 0
    paid_minor: int = 0

    def take(self, balance: GrantBalance, left: int) -> Taken | None:
        """What a grant with so much left pays of the line; None if nothing."""
        price, grant = self.line.price, balance["grant"]
        if price is None or self.paid_minor >= self.most_minor or left <= 0:
            return None
        if not pays_for(balance, price):
            return None
        if not is_of_meter(balance["currency"]):
            return Taken(grant, self._take_money(left))
        if balance["currency"] != self.line.meter or self._worth_of_part <= 0:
            return None
        parts = min(left, self._open_parts())
        return Taken(grant, self._take_parts(parts), parts) if parts > 0 else None

    def _take_money(self, left: int) -> int:
        amount = min(left, self.most_minor - self.paid_minor)
        self.money += amount
        self.paid_minor += amount
        return amount

    def _take_parts(self, parts: int) -> int:
        self.parts += parts
        in_all = (2 * self._paid_exactly() + self._scale) // (2 * self._scale)
        amount = min(in_all, self.most_minor) - self.paid_minor
        self.paid_minor += amount
        return amount

    @property
    def _scale(self) -> int:
        """What exact amounts are multiplied with, so that they are whole."""
        return self.line.quantity.as_integer_ratio()[0] * PARTS

    @property
    def _worth_of_part(self) -> int:
        """What a part of a unit is worth on this line, exactly."""
        quantity = self.line.quantity
        return self.line.usage_minor * quantity.as_integer_ratio()[1] if quantity > 0 else 0

    def _paid_exactly(self) -> int:
        of_units = min(self.parts * self._worth_of_part, self.line.usage_minor * self._scale)
        return self.money * self._scale + of_units

    def _open_parts(self) -> int:
        """The parts of units that nothing has paid for; the last one counts as a whole part."""
        numerator, denominator = self.line.quantity.as_integer_ratio()
        of_quantity = -(-numerator * PARTS // denominator) - self.parts
        rest = self.most_minor * self._scale - self._paid_exactly()
        return min(of_quantity, -(-rest // self._worth_of_part))


def _taken_by(line: _OpenLine, eligible: list[GrantBalance], left: dict[str, int]) -> list[Taken]:
    """What a line takes of what is ``left``, which this reduces."""
    taken: list[Taken] = []
    for balance in eligible:
        part = line.take(balance, left[balance["grant"]])
        if part is not None:
            left[balance["grant"]] -= part.from_grant
            taken.append(part)
    return taken
