"""How much further usage stays below a billing threshold, whatever it does on the way.

An amount need not grow with its usage: a volume price gets cheaper with the next tier. So what is
compared with the threshold is the most that a quantity, or any smaller one, can cost.
"""

from collections.abc import Callable, Iterable
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Final

from meterline.core.base.money import EXACT, ZERO, exact_product
from meterline.core.catalog.price_models import PriceModel
from meterline.core.catalog.rating import PricePlan, TiersMode

MOST_ROOM: Final = Decimal(10) ** 15
"""More further usage than this is not told from any amount of it."""

_STEPS = 20
"""How often what is between two powers of two is halved: to less than its millionth."""

_DOWN = Context(prec=40, rounding=ROUND_FLOOR)


def peaks_of(model: PriceModel) -> tuple[Decimal, ...] | None:
    """The quantities up to which an amount may be higher than right after them.

    None of a price whose amount its quantity alone does not tell.
    """
    if not isinstance(model, PricePlan):
        return None
    if model.tiers_mode is not TiersMode.VOLUME:
        return ()
    if model.transform_quantity is not None:
        return None
    return tuple(tier.up_to for tier in model.tiers if tier.up_to is not None)


def room_below(
    amount_of: Callable[[Decimal], int],
    peaks: Iterable[Decimal],
    quantity: Decimal,
    most_minor: int,
) -> Decimal:
    """How much more than ``quantity`` costs ``most_minor`` at most, and nothing below it more.

    ``amount_of`` grows between ``peaks``. 0 if that is already exceeded; rounded down.
    """
    heights = [(peak, amount_of(peak)) for peak in peaks]

    def fits(more: Decimal) -> bool:
        reached = max(ZERO, EXACT.add(quantity, more))
        passed = (height for peak, height in heights if peak <= reached)
        return max([amount_of(reached), *passed]) <= most_minor

    if not fits(ZERO):
        return ZERO
    if fits(MOST_ROOM):
        return MOST_ROOM
    low, high = ZERO, Decimal(1)
    while fits(high):
        low, high = high, high * 2
    for _ in range(_STEPS):
        middle = _DOWN.divide(_DOWN.add(low, high), Decimal(2))
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def divided(left_minor: int, amounts_minor: list[int]) -> list[int]:
    """What is left to a threshold, divided among items: half evenly, half by what they cost.

    Whatever each costs more than now within its part, together it is no more than what is left.
    """
    costs = [max(amount, 0) for amount in amounts_minor]
    total, number = sum(costs), len(costs)
    if total == 0:
        return [left_minor // number for _ in costs]
    half = left_minor // 2
    by_cost = (exact_product(Decimal(half), Decimal(cost)) for cost in costs)
    return [half // number + int(_DOWN.divide_int(part, Decimal(total))) for part in by_cost]
