"""Changes of metered items in the middle of a period: which usage is billed when, at which price.

Metered items never prorate. Their usage is billed by the time of the events, up to the cut.
Rules: Stripe, "Compare billing modes" and "Change price" (contract section 5.6).
"""

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.billing.invoicing import BillingMode


@frozen
class UsageCut:
    """What becomes of a metered item's period that is cut in two.

    The usage of `billed` is billed as a pending item at the old price; None if there is none.
    """

    billed: Period | None


def cut_by_price_change(period: Period, at: int, mode: BillingMode, *, prorate: bool) -> UsageCut:
    """Flexible mode bills each part at its price, unless proration is off; classic mode only the
    usage since the change.
    """
    used, _ = split(period, at)
    return UsageCut(used if mode is BillingMode.FLEXIBLE and prorate else None)


def cut_by_removal(period: Period, at: int, mode: BillingMode, *, prorate: bool) -> UsageCut:
    """Flexible mode bills what was used, unless proration is off; classic mode drops it."""
    return cut_by_price_change(period, at, mode, prorate=prorate)


def cut_by_reset(period: Period, at: int) -> UsageCut:
    """A reset of the cycle ends the period early: the usage of the shortened period is billed."""
    used, _ = split(period, at)
    return UsageCut(used)


def split(period: Period, at: int) -> tuple[Period | None, Period | None]:
    """The parts of a period before and from an instant; None for an empty part."""
    cut = min(max(at, period.start), period.end)
    before, after = Period(period.start, cut), Period(cut, period.end)
    return (before if before.seconds else None), (after if after.seconds else None)
