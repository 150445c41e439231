"""Billing thresholds: invoices in the middle of a period once enough is due.

Tiers continue across the threshold invoices of a period: each bills the cost of all usage so far
less what was billed before, which a volume price can make negative. Rules: Stripe, "Billing
thresholds".
"""

from typing import Final

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Period

MIN_AMOUNT_GTE: Final = 50
"""Smallest amount, in minor units, that a subscription's threshold may have."""


QUIET_SECONDS: Final = 86_400
"""How long before the end of a period its renewal is awaited instead."""


def is_watched(period: Period, now: int) -> bool:
    """Whether thresholds are looked at now in a period: not in its last 24 hours."""
    return now < period.end - QUIET_SECONDS


def check_amount_gte(amount_minor: int, flat_minor: int = 0) -> None:
    """Refuse a threshold below 50 minor units, or one that flat amounts reach without any usage."""
    if flat_minor >= amount_minor >= MIN_AMOUNT_GTE:
        raise BillingError(
            f"amount_gte must be more than the flat amounts of the prices, {flat_minor}.",
            param="billing_thresholds[amount_gte]",
        )
    if amount_minor < MIN_AMOUNT_GTE:
        raise BillingError(
            f"amount_gte must be at least {MIN_AMOUNT_GTE}.",
            param="billing_thresholds[amount_gte]",
            code="amount_too_small",
        )
