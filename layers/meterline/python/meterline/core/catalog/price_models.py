"""Price models: whichever one a price has, it turns usage into a rated amount.

Stripe's models are in `rating`; the percentages in `percentages` go beyond Stripe.
"""

from decimal import Decimal
from typing import assert_never

from meterline.core.base.frozen import frozen
from meterline.core.base.money import ZERO
from meterline.core.catalog.percentages import (
    GraduatedPercentagePlan,
    PercentagePlan,
    rate_graduated_percentage,
    rate_percentage,
)
from meterline.core.catalog.rating import PricePlan, Rated, rate

type PriceModel = PricePlan | PercentagePlan | GraduatedPercentagePlan


@frozen
class Usage:
    """What was used in a span of time: the meter's quantity, and how many events made it up."""

    quantity: Decimal = ZERO
    events: int = 0

    @property
    def billable(self) -> "Usage":
        """The usage as it is billed: corrected below zero, it counts as zero."""
        return self if self.quantity >= 0 else Usage(ZERO, self.events)


NO_USAGE = Usage()


def rate_usage(model: PriceModel, usage: Usage) -> Rated:
    """What usage costs, in minor units, rounded once."""
    match model:
        case PricePlan():
            return rate(model, usage.quantity)
        case PercentagePlan():
            return rate_percentage(model, usage.quantity, usage.events)
        case GraduatedPercentagePlan():
            return rate_graduated_percentage(model, usage.quantity)
    assert_never(model)
