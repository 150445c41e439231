"""Discounts: how much a coupon takes off each line of an invoice.

Line discounts come before invoice discounts, in the order given, each off what the earlier ones
left. What comes back of something that was billed before comes back with the discounts that were
taken off it. Rules: Stripe, "Coupons" and "Prorations" (allocation of an amount off).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.money import exact_product, nearest_quotient, round_half_up
from meterline.core.base.periods import add_months

_PERCENT: Final = Decimal("0.01")
_WHOLE: Final = Decimal(100)


class CouponDuration(StrEnum):
    """For how many invoices a coupon counts: ONCE for one, REPEATING for some months, FOREVER."""

    ONCE = "once"
    REPEATING = "repeating"
    FOREVER = "forever"


@frozen
class Discount:
    """A coupon as it stands on a line or invoice: a percentage or an amount in minor units.

    `product_ids` limits it to lines of these products (`applies_to`); None means every product.
    """

    id: str
    percent_off: Decimal | None = None
    amount_off_minor: int | None = None
    product_ids: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if (self.percent_off is None) == (self.amount_off_minor is None):
            raise BillingError("A coupon takes off either a percentage or an amount.")
        if self.percent_off is not None and not 0 < self.percent_off <= _WHOLE:
            raise BillingError("percent_off must be above 0 and at most 100.", param="percent_off")
        if self.amount_off_minor is not None and self.amount_off_minor < 0:
            raise BillingError("amount_off cannot be negative.", param="amount_off")

    def applies_to(self, product_id: str | None) -> bool:
        """Whether lines of the product get the discount."""
        return self.product_ids is None or product_id in self.product_ids


@frozen
class DiscountAmount:
    """What one discount takes off one line, in minor units; negative where it is given back."""

    discount_id: str
    amount_minor: int


@frozen
class Billed:
    """An amount that was billed before, and what discounts took off it then, in minor units."""

    amount_minor: int
    discounts: tuple[DiscountAmount, ...] = ()


@frozen
class DiscountableLine:
    """What discounting needs of a line.

    Prorations are not discountable: their discounts are already inside the amount. Lines of the
    tiers of one price name the same `whole`: a discount of their own is taken off it once.
    ``billed`` is what a negative line takes back a part of, where that is known.
    """

    amount_minor: int
    product_id: str | None = None
    discountable: bool = True
    discounts: tuple[Discount, ...] = ()
    whole: str | None = None
    billed: Billed | None = None

    @property
    def gives_back(self) -> bool:
        """Whether the line takes back a part of what was billed before."""
        return self.billed is not None and self.amount_minor < 0


def discount_lines(
    lines: Sequence[DiscountableLine], invoice_discounts: Iterable[Discount] = ()
) -> list[tuple[DiscountAmount, ...]]:
    """What is taken off each line, in the order of application.

    A line's own discounts come first, then the invoice's. No line changes its sign, and lines that
    are not discountable stay as they are. A discountable credit gives back a percentage less (what
    is taken off it is negative), and an amount takes off no more than is left beside it. A line
    that gives back what was billed gives back its discounts, whatever counts now.
    """
    left = [_discountable_minor(line) for line in lines]
    taken = [_given_back(line) for line in lines]
    for places in _wholes(lines):
        for discount in dict.fromkeys(off for place in places for off in lines[place].discounts):
            having = [place for place in places if discount in lines[place].discounts]
            _apply(discount, having, lines, left, taken)
    for discount in invoice_discounts:
        _apply(discount, range(len(lines)), lines, left, taken)
    return [tuple(amounts) for amounts in taken]


def discounts_given_back(billed: Billed, amount_minor: int) -> tuple[DiscountAmount, ...]:
    """The discounts that come back with a part of what was billed, as negative amounts.

    Of 1000 that cost 500, a part of 400 comes back as 200. What stays keeps its share of the
    discounts, to the nearest minor unit, so all of it comes back as exactly what it cost.
    """
    if billed.amount_minor <= 0:
        return ()
    rest = max(billed.amount_minor - amount_minor, 0)
    taken = [part.amount_minor for part in billed.discounts]
    still_off = nearest_quotient(sum(taken) * rest, billed.amount_minor)
    shares = allocate(sum(taken) - still_off, taken)
    return tuple(
        DiscountAmount(part.discount_id, -share)
        for part, share in zip(billed.discounts, shares, strict=True)
        if share
    )


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Spread an amount over lines in proportion to their amounts (all non-negative).

    Shares are rounded down and the remainder goes to the last line (500 over 1000 and 2000 is 166
    and 334), or further up where the last line has no room. At most the sum of the lines is spread.
    """
    total = sum(weights)
    spread = min(amount_minor, total)
    if spread <= 0:
        return [0] * len(weights)
    shares = [spread * weight // total for weight in weights]
    remainder = spread - sum(shares)
    for place in reversed(range(len(weights))):
        extra = min(remainder, weights[place] - shares[place])
        shares[place] += extra
        remainder -= extra
    return shares


def percentage_of(amount_minor: int, percent: Decimal) -> int:
    """A percentage of one line's amount, rounded to the nearest minor unit."""
    fraction = exact_product(percent, _PERCENT)
    return round_half_up(exact_product(Decimal(amount_minor), fraction))


def discount_end(duration: CouponDuration, months: int | None, start: int) -> int | None:
    """When a discount that starts at an instant stops counting; None if no date ends it.

    A repeating coupon covers every invoice created before its end, whole: four months on a yearly
    price discount the whole first year. A coupon for once is ended by its first invoice.
    """
    if duration is not CouponDuration.REPEATING:
        return None
    if months is None or months < 1:
        raise BillingError(
            "duration_in_months is required and must be at least 1 if duration is repeating.",
            param="duration_in_months",
        )
    return add_months(start, months)


def _wholes(lines: Sequence[DiscountableLine]) -> Iterable[list[int]]:
    """The places of lines whose own discounts count once: of one whole, or one by one."""
    wholes: dict[str | int, list[int]] = {}
    for place, line in enumerate(lines):
        wholes.setdefault(place if line.whole is None else line.whole, []).append(place)
    return wholes.values()


def _discountable_minor(line: DiscountableLine) -> int:
    return line.amount_minor if line.discountable and not line.gives_back else 0


def _given_back(line: DiscountableLine) -> list[DiscountAmount]:
    if line.billed is None or not line.gives_back:
        return []
    return list(discounts_given_back(line.billed, -line.amount_minor))


def _apply(
    discount: Discount,
    places: Iterable[int],
    lines: Sequence[DiscountableLine],
    left: list[int],
    taken: list[list[DiscountAmount]],
) -> None:
    """Take one discount off the lines at these places, reducing what is `left` of them."""
    reached = [place for place in places if discount.applies_to(lines[place].product_id)]
    amounts = _amounts_off(discount, [left[place] for place in reached])
    for place, amount in zip(reached, amounts, strict=True):
        if amount:
            left[place] -= amount
            taken[place].append(DiscountAmount(discount.id, amount))


def _amounts_off(discount: Discount, amounts_minor: list[int]) -> list[int]:
    if discount.percent_off is not None:
        return [percentage_of(amount, discount.percent_off) for amount in amounts_minor]
    most = max(sum(amounts_minor), 0)
    amount = min(discount.amount_off_minor or 0, most)
    return allocate(amount, [max(amount_minor, 0) for amount_minor in amounts_minor])
