"""Rating: what a quantity costs at a price, explained step by step.

Amounts are exact until a step is complete, and each step is rounded by itself: an invoice has a
line for each tier that was reached and for each flat amount, and its subtotal adds lines. Unit and
flat amounts are decimals in minor units. Rules: Stripe, "Tiered pricing", "Decimal amounts" and
"Set quantities".
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.money import EXACT, ZERO, exact_product, exact_sum, round_half_up


class TiersMode(StrEnum):
    """GRADUATED prices each slice at its own tier, VOLUME all of it at the tier reached."""

    GRADUATED = "graduated"
    VOLUME = "volume"


@frozen
class Tier:
    """One tier, up to and including `up_to`; None reaches to infinity. Amounts in minor units.

    A flat amount of 0 is given all the same, and has a step of its own; None has none.
    """

    up_to: Decimal | None
    unit_amount: Decimal | None = None
    flat_amount: Decimal | None = None

    def reaches(self, quantity: Decimal) -> bool:
        """Whether the quantity lies within this tier or below it."""
        return self.up_to is None or quantity <= self.up_to


@frozen
class TransformQuantity:
    """Packages: the quantity is divided and rounded to whole packages before pricing."""

    divide_by: int
    round: Literal["up", "down"]

    def packages(self, quantity: Decimal) -> Decimal:
        """Whole packages that a non-negative quantity makes."""
        numerator, denominator = quantity.as_integer_ratio()
        whole, rest = divmod(numerator, denominator * self.divide_by)
        return Decimal(whole + 1 if rest and self.round == "up" else whole)


@frozen
class PricePlan:
    """What rating needs of a price: either a unit amount (with packages or not) or tiers.

    An impossible combination is refused on construction, so a plan that exists can be rated.
    """

    unit_amount: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    tiers_mode: TiersMode | None = None
    transform_quantity: TransformQuantity | None = None

    def __post_init__(self) -> None:
        if self.tiers:
            _check_tiered(self)
        elif self.unit_amount is None:
            raise BillingError("A price needs a unit amount or tiers.", param="unit_amount")
        elif self.unit_amount < 0:
            raise BillingError("A unit amount cannot be negative.", param="unit_amount")
        transform = self.transform_quantity
        if transform is not None and transform.divide_by < 1:
            raise BillingError(
                "transform_quantity must divide by at least 1.",
                param="transform_quantity[divide_by]",
            )

    @property
    def is_free(self) -> bool:
        """Whether no quantity can ever cost anything (a free plan; a zero quantity is not one)."""
        if self.tiers:
            return not any(tier.unit_amount or tier.flat_amount for tier in self.tiers)
        return not self.unit_amount


class StepUnit(StrEnum):
    """What a step counts: the QUANTITY that is rated, or the EVENTS that it came from."""

    QUANTITY = "quantity"
    EVENTS = "events"


@frozen
class RatedStep:
    """One step of a computation: `quantity * unit_amount + flat_amount = amount`, exact.

    `above` (exclusive) and `up_to` (inclusive, None for infinity) bound the tier; `tier` is its
    place counted from 1, and None for a price without tiers. `quantity` counts `unit`. A tier's
    flat amount is a step of its own, of quantity 0.
    """

    quantity: Decimal
    unit_amount: Decimal
    flat_amount: Decimal
    amount: Decimal
    tier: int | None = None
    above: Decimal = ZERO
    up_to: Decimal | None = None
    unit: StepUnit = StepUnit.QUANTITY
    is_flat: bool = False


@frozen
class Rated:
    """A rated quantity: the rounded amount, the exact one, and the steps that make it up.

    At a price with tiers, `by_tier` rates each of the steps by itself; `amount_minor` adds them.
    """

    amount_minor: int
    exact: Decimal
    steps: tuple[RatedStep, ...]
    by_tier: "tuple[Rated, ...]" = ()

    @classmethod
    def of(cls, steps: Sequence[RatedStep]) -> "Rated":
        """Steps that are rounded together, once."""
        exact = exact_sum(step.amount for step in steps)
        return cls(round_half_up(exact), exact, tuple(steps))


def rate(plan: PricePlan, quantity: Decimal) -> Rated:
    """What a quantity costs, in minor units, rounded once for each tier and each flat amount.

    A negative quantity (usage corrected below zero) costs what zero costs. Quantity zero enters the
    first tier and bills its flat amount, in both modes.
    """
    rated = [Rated.of([step]) for step in _steps(plan, max(quantity, ZERO))]
    if not plan.tiers:
        return rated[0]
    return Rated(
        amount_minor=sum(part.amount_minor for part in rated),
        exact=exact_sum(part.exact for part in rated),
        steps=tuple(step for part in rated for step in part.steps),
        by_tier=tuple(rated),
    )


def rate_units(unit_amount: Decimal, quantity: Decimal) -> Rated:
    """What a quantity costs at one amount for each, outside any plan; both may be negative."""
    amount = exact_product(quantity, unit_amount)
    return Rated.of([RatedStep(quantity, unit_amount, ZERO, amount)])


def _steps(plan: PricePlan, quantity: Decimal) -> Iterator[RatedStep]:
    if not plan.tiers:
        yield _per_unit_step(plan, quantity)
    elif plan.tiers_mode is TiersMode.VOLUME:
        yield from _volume_steps(plan.tiers, quantity)
    else:
        yield from _graduated_steps(plan.tiers, quantity)


def _per_unit_step(plan: PricePlan, quantity: Decimal) -> RatedStep:
    transform = plan.transform_quantity
    units = quantity if transform is None else transform.packages(quantity)
    unit_amount = plan.unit_amount or ZERO
    return RatedStep(units, unit_amount, ZERO, exact_product(units, unit_amount))


def _volume_steps(tiers: tuple[Tier, ...], quantity: Decimal) -> Iterator[RatedStep]:
    """The steps of the tier that the quantity reaches."""
    above = ZERO
    for place, tier in enumerate(tiers, start=1):
        if tier.reaches(quantity):
            yield from _tier_steps(tier, quantity, place, above)
            return
        above = tier.up_to or ZERO


def _graduated_steps(tiers: tuple[Tier, ...], quantity: Decimal) -> Iterator[RatedStep]:
    """The steps of each tier that the quantity enters; quantity zero enters the first."""
    above = ZERO
    for place, tier in enumerate(tiers, start=1):
        top = quantity if tier.up_to is None else min(quantity, tier.up_to)
        yield from _tier_steps(tier, EXACT.subtract(top, above), place, above)
        if tier.reaches(quantity):
            return
        above = tier.up_to or ZERO


def _tier_steps(tier: Tier, quantity: Decimal, place: int, above: Decimal) -> Iterator[RatedStep]:
    """What a tier's units cost, and then its flat amount, if it has one."""
    unit, flat = tier.unit_amount or ZERO, tier.flat_amount
    amount = exact_product(quantity, unit)
    yield RatedStep(quantity, unit, ZERO, amount, place, above, tier.up_to)
    if flat is not None:
        yield RatedStep(ZERO, ZERO, flat, flat, place, above, tier.up_to, is_flat=True)


def _check_tiered(plan: PricePlan) -> None:
    if plan.unit_amount is not None:
        raise BillingError("A tiered price has no unit amount of its own.", param="unit_amount")
    if plan.tiers_mode is None:
        raise BillingError("A tiered price needs a tiers_mode.", param="tiers_mode")
    if plan.transform_quantity is not None:
        raise BillingError(
            "transform_quantity cannot be combined with tiers.", param="transform_quantity"
        )
    check_bounds([tier.up_to for tier in plan.tiers])
    for place, tier in enumerate(plan.tiers):
        _check_amounts(tier, f"tiers[{place}]")


_ONLY_THE_LAST = "Invalid tiers: the last tier, and only it, must have `up_to=inf`."
_ASCENDING = "Invalid tiers: each `up_to` must be greater than the one before."


def check_bounds(ends: Sequence[Decimal | None], param: str = "tiers") -> None:
    """Refuse tiers whose ends do not increase to infinity (None), which the last alone reaches."""
    above = ZERO
    for place, end in enumerate(ends):
        here = f"{param}[{place}][up_to]"
        if (end is None) != (place == len(ends) - 1):
            raise BillingError(_ONLY_THE_LAST, param=here)
        if end is not None:
            if end <= above:
                raise BillingError(_ASCENDING, param=here)
            above = end


def _check_amounts(tier: Tier, param: str) -> None:
    if tier.unit_amount is None and tier.flat_amount is None:
        raise BillingError("A tier needs a unit amount or a flat amount.", param=param)
    if (tier.unit_amount or ZERO) < 0 or (tier.flat_amount or ZERO) < 0:
        raise BillingError("Amounts of a tier cannot be negative.", param=param)
