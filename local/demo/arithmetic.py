"""What the story's figures must be, computed by hand: nothing here uses Meterline's own code."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

BASE_MINOR = 4900
"""The base fee: 49.00 a month."""

TIERS: tuple[tuple[int | None, str], ...] = ((10_000, "0"), (100_000, "0.0125"), (None, "0.0075"))
"""Included tokens, then cents for each further one: (up to and including, cents)."""


def instant(text: str) -> int:
    """UTC seconds of "2026-01-15 10:00:00"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def first_invoice_minor(start: int, end: int, one_month_on: int) -> int:
    """The base fee for the days until the first month end, out of a month from the start."""
    return nearest(BASE_MINOR * Fraction(end - start, one_month_on - start))


def tokens_minor(tokens: Decimal) -> int:
    """The price of a period's tokens, tier by tier, rounded once."""
    total, below = Decimal(0), Decimal(0)
    for up_to, cents in TIERS:
        top = tokens if up_to is None else min(tokens, Decimal(up_to))
        total += max(Decimal(0), top - below) * Decimal(cents)
        below = below if up_to is None else Decimal(up_to)
    return int(total.to_integral_value(rounding=ROUND_HALF_UP))


def nearest(amount: Fraction) -> int:
    """The nearest whole number; halves go up."""
    return int(amount + Fraction(1, 2))
