"""Percentage prices: beyond Stripe, a share of a metered sum of money plus fixed fees.

The metered quantity is itself money in minor units (a payment volume, say), so a percentage of it
is in minor units again. As in `rating`, everything stays exact until the line is complete.
Allowances, tiers and fees hold for whatever is rated at once: a short period has all of them.
"""

from decimal import Decimal
from typing import Final

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.money import EXACT, ZERO, exact_product
from meterline.core.catalog.rating import Rated, RatedStep, StepUnit, check_bounds

_PERCENT: Final = Decimal("0.01")


@frozen
class PercentagePlan:
    """A percentage of the volume and a fixed fee for each event, after free allowances.

    All amounts in minor units.
    """

    percent: Decimal
    fixed_fee: Decimal = ZERO
    free_events: int = 0
    free_volume: Decimal = ZERO

    def __post_init__(self) -> None:
        amounts = (self.percent, self.fixed_fee, self.free_volume)
        if min(amounts) < 0 or self.free_events < 0:
            raise BillingError("Parts of a percentage price cannot be negative.")

    @property
    def is_free(self) -> bool:
        """Whether no volume and no event can ever cost anything."""
        return not (self.percent or self.fixed_fee)


@frozen
class PercentageTier:
    """One tier of a graduated percentage, up to and including a volume; None is infinity."""

    up_to: Decimal | None
    percent: Decimal
    flat_amount: Decimal = ZERO


@frozen
class GraduatedPercentagePlan:
    """Percentages by tiers of the volume, whose ends increase to infinity."""

    tiers: tuple[PercentageTier, ...]

    def __post_init__(self) -> None:
        if not self.tiers:
            raise BillingError("A graduated percentage needs tiers.")
        if any(tier.percent < 0 or tier.flat_amount < 0 for tier in self.tiers):
            raise BillingError("Parts of a percentage price cannot be negative.")
        check_bounds([tier.up_to for tier in self.tiers])

    @property
    def is_free(self) -> bool:
        """Whether no volume can ever cost anything."""
        return not any(tier.percent or tier.flat_amount for tier in self.tiers)


def rate_percentage(plan: PercentagePlan, volume: Decimal, events: int) -> Rated:
    """What a volume made up of so many events costs, rounded once."""
    billable = max(volume, ZERO)
    free_volume, free_events = min(billable, plan.free_volume), min(events, plan.free_events)
    steps = [_free_step(free_volume, StepUnit.QUANTITY)] if plan.free_volume else []
    steps.append(_step(EXACT.subtract(billable, free_volume), plan.percent, ZERO))
    if plan.free_events:
        steps.append(_free_step(Decimal(free_events), StepUnit.EVENTS))
    if plan.fixed_fee:
        steps.append(_fee_step(Decimal(events - free_events), plan.fixed_fee))
    return Rated.of(steps)


def rate_graduated_percentage(plan: GraduatedPercentagePlan, volume: Decimal) -> Rated:
    """Each slice of the volume at its tier's percentage, plus the flat amount of tiers entered.

    As with graduated prices, volume zero enters the first tier.
    """
    billable = max(volume, ZERO)
    above = ZERO
    steps = []
    for place, tier in enumerate(plan.tiers, start=1):
        top = billable if tier.up_to is None else min(billable, tier.up_to)
        inside = EXACT.subtract(top, above)
        steps.append(_step(inside, tier.percent, tier.flat_amount, place, above, tier.up_to))
        if tier.up_to is None or billable <= tier.up_to:
            break
        above = tier.up_to
    return Rated.of(steps)


def _step(
    volume: Decimal,
    percent: Decimal,
    flat_amount: Decimal,
    tier: int | None = None,
    above: Decimal = ZERO,
    up_to: Decimal | None = None,
) -> RatedStep:
    share = exact_product(percent, _PERCENT)
    amount = EXACT.add(exact_product(volume, share), flat_amount)
    return RatedStep(volume, share, flat_amount, amount, tier, above, up_to)


def _free_step(quantity: Decimal, unit: StepUnit) -> RatedStep:
    return RatedStep(quantity, ZERO, ZERO, ZERO, unit=unit)


def _fee_step(events: Decimal, fee: Decimal) -> RatedStep:
    return RatedStep(events, fee, ZERO, exact_product(events, fee), unit=StepUnit.EVENTS)
