"""When a change of items restarts the billing cycle.

Classic mode restarts it by itself, flexible mode only when asked to. Rules: Stripe, "Set the
subscription billing cycle date" and "Change price" (contract section 5.3).
"""

from collections.abc import Iterable
from enum import StrEnum

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Interval
from meterline.core.billing.invoicing import BilledItem, BillingMode


class CycleReset(StrEnum):
    """Why the cycle restarts."""

    REQUESTED = "requested"
    INTERVAL_CHANGED = "interval_changed"
    FREE_TO_PAID = "free_to_paid"


@frozen
class CycleTerms:
    """What of a subscription's items decides about its cycle."""

    interval: Interval
    is_free: bool


def is_free(items: Iterable[BilledItem]) -> bool:
    """Whether all prices are zero. A zero quantity of a price that costs something is not free."""
    return all(item.is_free for item in items)


def cycle_reset(
    before: CycleTerms, after: CycleTerms, mode: BillingMode, *, requested: bool = False
) -> CycleReset | None:
    """Why a change from `before` to `after` restarts the cycle at once; None if it does not."""
    if requested:
        return CycleReset.REQUESTED
    if mode is BillingMode.FLEXIBLE:
        return None
    if before.interval != after.interval:
        return CycleReset.INTERVAL_CHANGED
    if before.is_free and not after.is_free:
        return CycleReset.FREE_TO_PAID
    return None


def moves_anchor(mode: BillingMode, end: int, renewal: int) -> bool:
    """Whether an end that is set for a subscription becomes its anchor.

    In classic mode it does if it comes before the next renewal: that is where the shortened period
    ends, and the next one would begin.
    """
    return mode is BillingMode.CLASSIC and end < renewal
