"""Minimum and maximum amounts for a period: beyond Stripe, a floor and a ceiling for one item.

The ceiling holds over all invoices of a period (threshold invoices come before the renewal), the
floor is made up on the last one. A period that is cut short has its share of both, to the second.
Both are parts of the price: coupons come off the bounded amount.
"""

from typing import Final

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.base.proration import prorate


@frozen
class SpendBounds:
    """What an item costs at least and at most in one period, in minor units; None is no bound."""

    minimum_minor: int | None = None
    maximum_minor: int | None = None

    def __post_init__(self) -> None:
        if (self.minimum_minor or 0) < 0 or (self.maximum_minor or 0) < 0:
            raise BillingError("Bounds of a period's amount cannot be negative.")
        if self.maximum_minor is not None and (self.minimum_minor or 0) > self.maximum_minor:
            raise BillingError("The minimum amount of a period exceeds its maximum.")

    def share(self, part: Period, whole: Period) -> "SpendBounds":
        """The bounds of a part of a period, prorated as fees are."""
        minimum, maximum = self.minimum_minor, self.maximum_minor
        return SpendBounds(
            None if minimum is None else prorate(minimum, part, whole),
            None if maximum is None else prorate(maximum, part, whole),
        )


@frozen
class BoundedAmount:
    """An amount within its bounds: `usage - reduction + true_up = amount`, in minor units."""

    usage_minor: int
    reduction_minor: int
    true_up_minor: int

    @property
    def amount_minor(self) -> int:
        """What is billed."""
        return self.usage_minor - self.reduction_minor + self.true_up_minor


UNBOUNDED: Final = SpendBounds()


@frozen
class Commitment:
    """How bounds worked on a line: what they are for its `part` of the `whole` period."""

    bounds: SpendBounds
    part: Period
    whole: Period
    bounded: BoundedAmount


def bound_amount(usage_minor: int, bounds: SpendBounds) -> BoundedAmount:
    """Keep what a period costs within its bounds; `usage_minor` is the cost of its usage."""
    most = usage_minor if bounds.maximum_minor is None else bounds.maximum_minor
    reduction = max(0, usage_minor - most)
    missing = max(0, (bounds.minimum_minor or 0) - usage_minor + reduction)
    return BoundedAmount(usage_minor, reduction, missing)


def commitment_of(usage_minor: int, bounds: SpendBounds, part: Period, whole: Period) -> Commitment:
    """What the usage of a part of a period comes to within its share of the period's bounds."""
    share = bounds.share(part, whole)
    return Commitment(share, part, whole, bound_amount(usage_minor, share))
