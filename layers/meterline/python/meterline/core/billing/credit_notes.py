"""Credit notes: what comes back with a part of what an invoice has billed.

A part of a line takes its share of the line's reductions and taxes along. What was credited before
is known to the minor unit, so however often a line is credited in parts, all of it comes back as
exactly what it cost (contract section I; the shares of parts are published nowhere).
"""

from collections.abc import Sequence
from typing import Literal

from meterline.core.base.frozen import frozen
from meterline.core.base.money import nearest_quotient
from meterline.core.billing.discounts import allocate


@frozen
class Portions:
    """Amounts of an invoice line, minor units, as billed or as credited so far.

    ``amount`` is before reductions and exclusive taxes; ``pretax`` what was taken off it before
    taxes, part by part; ``taxes`` its taxes, one by one. Of a line that gives something back all
    are negative.
    """

    amount: int
    pretax: tuple[int, ...] = ()
    taxes: tuple[int, ...] = ()


def credited(billed: Portions, before: Portions, amount_minor: int) -> Portions:
    """What ``amount_minor`` more of a line brings back; ``before`` came back already.

    ``amount_minor`` has the sign of the line and goes no further than what is left of it.
    """
    so_far = before.amount + amount_minor
    off = share_of_whole(sum(billed.pretax), so_far, billed.amount) - sum(before.pretax)
    left = [part - known for part, known in zip(billed.pretax, before.pretax, strict=True)]
    taxes = zip(billed.taxes, before.taxes, strict=True)
    return Portions(
        amount_minor,
        tuple(_allocated(off, left)),
        tuple(
            _towards(tax, share_of_whole(tax, so_far, billed.amount) - known)
            for tax, known in taxes
        ),
    )


def plus(one: Portions, other: Portions) -> Portions:
    """Both together, of one line."""
    return Portions(
        one.amount + other.amount,
        tuple(a + b for a, b in zip(one.pretax, other.pretax, strict=True)),
        tuple(a + b for a, b in zip(one.taxes, other.taxes, strict=True)),
    )


def minus(one: Portions, other: Portions) -> Portions:
    """One less the other, of one line: after a credit note was voided."""
    return Portions(
        one.amount - other.amount,
        tuple(a - b for a, b in zip(one.pretax, other.pretax, strict=True)),
        tuple(a - b for a, b in zip(one.taxes, other.taxes, strict=True)),
    )


def nothing_of(billed: Portions) -> Portions:
    """Nothing of a line credited yet."""
    return Portions(0, (0,) * len(billed.pretax), (0,) * len(billed.taxes))


def taxes_within(taxes_left: Sequence[int], left_minor: int, amount_minor: int) -> tuple[int, ...]:
    """The taxes within a part of what is left of an invoice's total, each in proportion.

    Lines of a note's own take nothing of what its lines have left, so that may be less than the
    amount: then all of the taxes are within it.
    """
    within = max(0, min(amount_minor, left_minor))
    return tuple(share_of_whole(tax, within, left_minor) for tax in taxes_left)


@frozen
class Settlement:
    """How a credit note meets its invoice, minor units.

    ``pre_payment`` is no longer due; ``post_payment`` is to be given back otherwise.
    """

    pre_payment_minor: int
    post_payment_minor: int

    @property
    def type(self) -> Literal["mixed", "post_payment", "pre_payment"]:
        """What Stripe calls a note of this kind."""
        if self.pre_payment_minor and self.post_payment_minor:
            return "mixed"
        return "post_payment" if self.post_payment_minor else "pre_payment"


def settle(total_minor: int, remaining_minor: int) -> Settlement:
    """A note first lowers what remains due, to no less than nothing."""
    lowered = min(total_minor, remaining_minor)
    return Settlement(lowered, total_minor - lowered)


def share_of_whole(part_minor: int, of_minor: int, whole_minor: int) -> int:
    """The share of a part that goes with ``of_minor`` of a whole, to the nearest minor unit."""
    if not whole_minor:
        return 0
    return nearest_quotient(part_minor * abs(of_minor), abs(whole_minor))


def _towards(part_minor: int, share_minor: int) -> int:
    """A share that has the sign of its part, or nothing: a voided note may leave a unit over."""
    return share_minor if part_minor * share_minor > 0 else 0


def _allocated(amount_minor: int, left: Sequence[int]) -> list[int]:
    """An amount over what is left of parts that all have its sign, in proportion to them."""
    sign = -1 if sum(left) < 0 else 1
    shares = allocate(sign * amount_minor, [max(sign * part, 0) for part in left])
    return [sign * share for share in shares]
