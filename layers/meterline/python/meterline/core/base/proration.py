"""Proration: the part of an amount that belongs to a part of a period, to the second.

Rule (Stripe, "Prorations"): `round(amount * remaining / period)`, every line rounded by itself. The
published preview has 445,540 of 2,678,400 seconds: 1000 gives -166 and 3250 gives 541. Halves go
down, as Stripe was recorded to do: see docs/decisions/rounding-of-halves.md.
"""

from meterline.core.base.money import nearest_quotient
from meterline.core.base.periods import Period


def prorate(amount_minor: int, remaining: Period, whole: Period) -> int:
    """The share of an amount (minor units, either sign) that falls on `remaining` of `whole`.

    Rounded to the nearest minor unit, halves down; an empty period costs nothing.
    """
    if whole.seconds == 0:
        return 0
    return nearest_quotient(amount_minor * remaining.seconds, whole.seconds)
