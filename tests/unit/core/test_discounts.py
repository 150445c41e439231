"""What coupons take off lines, and how an amount off is spread over them."""

from decimal import Decimal

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.billing.discounts import (
    Billed,
    CouponDuration,
    Discount,
    DiscountableLine,
    DiscountAmount,
    allocate,
    discount_end,
    discount_lines,
    percentage_of,
)
from tests.unit.core.instants import at, iso

HALF = Discount("half", percent_off=Decimal(50))
FIVE_OFF = Discount("five", amount_off_minor=500)


def totals(lines: list[DiscountableLine], discounts: list[Discount]) -> list[int]:
    """What is taken off each line altogether."""
    taken = discount_lines(lines, discounts)
    return [sum(part.amount_minor for part in parts) for parts in taken]


@pytest.mark.parametrize(
    ("case", "amount_off", "lines", "shares"),
    [
        ("stripe: floors, the remainder on the last line", 500, [1000, 2000], [166, 334]),
        ("polar 002", 750, [300, 1200], [150, 600]),
        ("polar 004", 0, [1000, 1000], [0, 0]),
        ("polar 006", 1500, [2000], [1500]),
        ("meteroid 016", 1000, [6000, 4000], [600, 400]),
        ("meteroid 018", 3000, [1000, 2000], [1000, 2000]),
        ("more than there is", 9999, [1000, 2000], [1000, 2000]),
        ("no room on the last line", 500, [1000, 2000, 0], [166, 334, 0]),
        ("no room at all", 500, [0, 0], [0, 0]),
        ("no lines", 500, [], []),
    ],
)
def test_an_amount_off_is_allocated_in_proportion(
    case: str, amount_off: int, lines: list[int], shares: list[int]
) -> None:
    assert allocate(amount_off, lines) == shares, case


def test_amounts_off_stack_down_to_nothing() -> None:
    """Case meteroid 014: 8000 and 5000 off 10000 take 10000."""
    coupons = [Discount("a", amount_off_minor=8000), Discount("b", amount_off_minor=5000)]
    assert discount_lines([DiscountableLine(10000)], coupons) == [
        (DiscountAmount("a", 8000), DiscountAmount("b", 2000))
    ]


@pytest.mark.parametrize(
    ("discounts", "expected"), [([HALF, FIVE_OFF], 1000), ([FIVE_OFF, HALF], 750)]
)
def test_discounts_apply_in_the_order_given(discounts: list[Discount], expected: int) -> None:
    assert totals([DiscountableLine(1000)], discounts) == [expected]


def test_a_line_s_own_discounts_come_before_the_invoice_s() -> None:
    lines = [DiscountableLine(1000, discounts=(FIVE_OFF,)), DiscountableLine(1000)]
    assert discount_lines(lines, [HALF]) == [
        (DiscountAmount("five", 500), DiscountAmount("half", 250)),
        (DiscountAmount("half", 500),),
    ]


def test_an_amount_off_an_item_is_taken_once_off_the_lines_of_its_tiers() -> None:
    off = Discount("off", amount_off_minor=500)
    tiers = [DiscountableLine(amount, discounts=(off,), whole="it") for amount in (300, 100, 400)]
    other = DiscountableLine(600, discounts=(off,))
    taken = discount_lines([*tiers, other])
    assert [sum(part.amount_minor for part in off) for off in taken] == [187, 62, 251, 500]


def test_percentages_round_on_each_line_by_itself() -> None:
    assert totals([DiscountableLine(333), DiscountableLine(333)], [HALF]) == [167, 167]
    assert percentage_of(1000, Decimal("33.333333333333")) == 333


def test_a_coupon_limited_to_products_passes_over_other_lines() -> None:
    coupon = Discount("five", amount_off_minor=500, product_ids=frozenset({"prod_a"}))
    lines = [
        DiscountableLine(1000, "prod_b"),
        DiscountableLine(400, "prod_a"),
        DiscountableLine(1000),
    ]
    assert totals(lines, [coupon]) == [0, 400, 0]


def test_prorations_and_credits_are_not_discounted_again() -> None:
    lines = [
        DiscountableLine(1000, discountable=False),
        DiscountableLine(-500, discountable=False),
        DiscountableLine(80),
    ]
    assert totals(lines, [HALF]) == [0, 0, 40]
    assert totals(lines, [FIVE_OFF]) == [0, 0, 80]


@pytest.mark.parametrize(
    ("duration", "months", "end"),
    [
        (CouponDuration.REPEATING, 4, "2024-05-31"),
        (CouponDuration.REPEATING, 1, "2024-02-29"),
        (CouponDuration.ONCE, None, None),
        (CouponDuration.FOREVER, None, None),
    ],
)
def test_only_a_repeating_coupon_ends_on_a_date(
    duration: CouponDuration, months: int | None, end: str | None
) -> None:
    ends_at = discount_end(duration, months, at("2024-01-31"))
    assert (None if ends_at is None else iso(ends_at)) == end


def test_four_months_off_a_yearly_price_discount_the_whole_first_year() -> None:
    """Case stripe 022: the invoice is created before the discount ends, and is discounted whole."""
    start = at("2024-01-01")
    end = discount_end(CouponDuration.REPEATING, 4, start)
    first_invoice, second_invoice = start, at("2025-01-01")
    assert end is not None
    assert first_invoice < end < second_invoice
    assert totals([DiscountableLine(12000)], [HALF]) == [6000]


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"percent_off": Decimal(50), "amount_off_minor": 500},
        {"percent_off": Decimal(0)},
        {"percent_off": Decimal("100.01")},
        {"amount_off_minor": -1},
    ],
)
def test_a_coupon_takes_off_a_percentage_or_an_amount(terms: dict[str, object]) -> None:
    with pytest.raises(BillingError):
        Discount("bad", **terms)  # type: ignore[arg-type]  # a table of wrong terms


@pytest.mark.parametrize("months", [None, 0])
def test_a_repeating_coupon_needs_its_months(months: int | None) -> None:
    with pytest.raises(BillingError, match="duration_in_months"):
        discount_end(CouponDuration.REPEATING, months, 0)


EIGHT_OFF = Discount("eight", amount_off_minor=800)


@pytest.mark.parametrize(
    ("amounts", "discount", "with_credit", "without"),
    [
        ([1_500, -500], HALF, [750, -250], [750, 0]),
        ([-1_000], HALF, [-500], [0]),
        ([-3], HALF, [-2], [0]),
        ([1_000, -500], EIGHT_OFF, [500, 0], [800, 0]),
        ([1_000, -300], FIVE_OFF, [500, 0], [500, 0]),
        ([400, -500], FIVE_OFF, [0, 0], [400, 0]),
        ([600, 600, -900], FIVE_OFF, [150, 150, 0], [250, 250, 0]),
    ],
)
def test_a_discountable_credit_shares_in_a_discount_and_another_does_not(
    amounts: list[int], discount: Discount, with_credit: list[int], without: list[int]
) -> None:
    lines = [DiscountableLine(amount) for amount in amounts]
    assert totals(lines, [discount]) == with_credit
    kept = [DiscountableLine(amount, discountable=amount >= 0) for amount in amounts]
    assert totals(kept, [discount]) == without


def _billed(amount: int, **off: int) -> Billed:
    return Billed(amount, tuple(DiscountAmount(one, taken) for one, taken in off.items()))


@pytest.mark.parametrize(
    ("case", "billed", "back", "given_back"),
    [
        ("half of what was half price", _billed(1_000, half=500), 500, {"half": -250}),
        ("all of it", _billed(1_001, half=501), 1_001, {"half": -501}),
        (
            "what stays keeps its share, rounded",
            _billed(10_000, half=5_000),
            8_998,
            {"half": -4_499},
        ),
        ("nothing was charged", _billed(1_000, all=1_000), 400, {"all": -400}),
        ("no discount was taken", _billed(1_000), 400, {}),
        (
            "each discount gives back its part",
            _billed(1_000, a=200, b=400),
            500,
            {"a": -100, "b": -200},
        ),
        ("an amount off, in proportion", _billed(1_000, five=500), 200, {"five": -100}),
        ("nothing was billed", _billed(0), 400, {}),
    ],
)
def test_what_comes_back_comes_back_with_the_discounts_that_were_taken_off_it(
    case: str, billed: Billed, back: int, given_back: dict[str, int]
) -> None:
    [taken] = discount_lines([DiscountableLine(-back, billed=billed)], [HALF, FIVE_OFF])
    assert {part.discount_id: part.amount_minor for part in taken} == given_back, case


def test_more_of_what_was_billed_is_discounted_as_now() -> None:
    assert totals([DiscountableLine(300, billed=_billed(1_000, all=1_000))], [HALF]) == [150]


def test_what_comes_back_leaves_an_amount_off_to_the_other_lines() -> None:
    lines = [DiscountableLine(1_000), DiscountableLine(-800, billed=_billed(2_000, half=1_000))]
    assert totals(lines, [FIVE_OFF]) == [500, -400]
