"""Prorating an amount to the second: published examples and tables from other systems' tests."""

import pytest

from meterline.core.base.periods import Period
from meterline.core.base.proration import prorate
from tests.unit.core.instants import at, span
from tests.unit.core.tables import rows

# case | amount | period | change at | credit of the old amount | debit of the new amount
CHANGES = """
meteroid 001 | 10000  -> 20000  | 2025-01-01 .. 2025-01-31 | 2025-01-16 | -5000  | 10000
meteroid 002 | 10000  -> 20000  | 2025-01-01 .. 2025-01-31 | 2025-01-01 | -10000 | 20000
meteroid 004 | 30000  -> 60000  | 2025-01-01 .. 2025-01-31 | 2025-01-30 | -1000  | 2000
meteroid 007 | 0      -> 10000  | 2025-01-01 .. 2025-01-31 | 2025-01-16 | 0      | 5000
meteroid 008 | 0      -> 30000  | 2025-01-01 .. 2025-01-31 | 2025-01-16 | 0      | 15000
meteroid 009 | 0      -> 10000  | 2025-01-01 .. 2025-01-31 | 2025-01-16 | 0      | 5000
polar 001    | 10000  -> 30000  | 2025-06-01 .. 2025-07-01 | 2025-06-16 | -5000  | 15000
polar 003    | 10000  -> 30000  | 2024-02-18 .. 2024-03-18 | 2024-02-25 | -7586  | 22759
polar 005    | 100000 -> 300000 | 2024-02-18 .. 2025-02-18 | 2024-09-05 | -45355 | 136066
polar 006    | 100000 -> 300000 | 2023-02-18 .. 2024-02-18 | 2023-09-05 | -45479 | 136438
polar 013    | 20000  -> 30000  | 2025-06-01 .. 2025-07-01 | 2025-06-13 | -12000 | 18000
polar 014    | 30000  -> 40000  | 2025-06-01 .. 2025-07-01 | 2025-06-19 | -12000 | 16000
"""

# case | amount | full period | part that is billed | amount of the part
PARTS = """
lago 001   | 100   | 2022-03-01 .. 2022-04-01 | 2022-03-01 .. 2022-04-01 | 100
lago 004   | 100   | 2022-06-20 .. 2022-06-27 | 2022-06-20 .. 2022-06-27 | 100
lago 008   | 100   | 2022-06-20 .. 2022-06-27 | 2022-06-25 .. 2022-06-27 | 29
lago 009   | 100   | 2022-03-01 .. 2022-04-01 | 2022-03-15 .. 2022-04-01 | 55
lago 011   | 100   | 2022-03-01 .. 2022-04-01 | 2022-04-01 .. 2022-04-01 | 0
lago 012   | 91000 | 2024-04-15 .. 2024-07-15 | 2024-05-20 .. 2024-06-21 | 32000
lago 013   | 91000 | 2024-04-01 .. 2024-07-01 | 2024-05-20 .. 2024-06-21 | 32000
"""

# Held differently: examples of Stripe's pages that count whole months. To the second they differ.
# case | amount | full period | part | amount in the example | amount to the second
ILLUSTRATIVE = """
stripe 010 | 12000 | 2024-01-01 .. 2025-01-01 | 2024-01-01 .. 2024-07-01 | 6000 | 5967
stripe 011 | 12000 | 2024-01-01 .. 2025-01-01 | 2024-07-01 .. 2024-10-01 | 3000 | 3016
"""


def between(text: str) -> Period:
    """The period written as "start .. end"."""
    start, end = text.split(" .. ")
    return span(start, end)


def test_the_published_preview_has_445540_of_2678400_seconds() -> None:
    whole = Period(0, 2_678_400)
    remaining = Period(2_678_400 - 445_540, 2_678_400)
    assert prorate(-1000, remaining, whole) == -166
    assert prorate(3250, remaining, whole) == 541


def test_half_of_a_period_from_10_to_20_dollars() -> None:
    """Case stripe docs 027."""
    whole = Period(0, 2_592_000)
    half = whole.remaining_from(1_296_000)
    assert (prorate(-1000, half, whole), prorate(2000, half, whole)) == (-500, 1000)


@pytest.mark.parametrize(("case", "amounts", "period", "change", "credit", "debit"), rows(CHANGES))
def test_a_change_credits_the_old_and_debits_the_new_amount(
    case: str, amounts: str, period: str, change: str, credit: str, debit: str
) -> None:
    old, new = (int(amount) for amount in amounts.split("->"))
    whole = between(period)
    remaining = whole.remaining_from(at(change))
    assert prorate(-old, remaining, whole) == int(credit), case
    assert prorate(new, remaining, whole) == int(debit), case


@pytest.mark.parametrize(("case", "amount", "whole", "part", "expected"), rows(PARTS))
def test_a_part_of_a_period_costs_its_share(
    case: str, amount: str, whole: str, part: str, expected: str
) -> None:
    assert prorate(int(amount), between(part), between(whole)) == int(expected), case


@pytest.mark.parametrize(
    ("case", "amount", "whole", "part", "example", "exact"), rows(ILLUSTRATIVE)
)
def test_examples_in_whole_months_are_not_exact_to_the_second(
    case: str, amount: str, whole: str, part: str, example: str, exact: str
) -> None:
    assert prorate(int(amount), between(part), between(whole)) == int(exact) != int(example), case


def test_an_empty_period_costs_nothing() -> None:
    assert prorate(1000, Period(5, 5), Period(5, 5)) == 0


@pytest.mark.parametrize(
    ("amount", "share"),
    [(-1_000, -3), (1_800, 4), (3_000, 7), (-3_000, -8), (1_000, 2)],
)
def test_halves_go_down(amount: int, share: int) -> None:
    """Recorded of Stripe (Kiln-AI/stripe_world, a 400th of the period left): -3, 4 and 7."""
    whole = Period(0, 2_592_000)
    assert prorate(amount, whole.remaining_from(whole.end - 6_480), whole) == share
