"""What comes back with a part of a line, and how a credit note meets its invoice."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.billing.credit_notes import (
    Portions,
    credited,
    minus,
    nothing_of,
    plus,
    settle,
    taxes_within,
)


@pytest.mark.parametrize(
    ("billed", "before", "amount", "back"),
    [
        ((1_000, (250,), (150,)), (0, (0,), (0,)), 400, (400, (100,), (60,))),
        ((1_000, (250,), (150,)), (400, (100,), (60,)), 600, (600, (150,), (90,))),
        ((100, (33,), (6,)), (0, (0,), (0,)), 50, (50, (16,), (3,))),  # a half goes down
        ((100, (33,), (6,)), (50, (16,), (3,)), 50, (50, (17,), (3,))),  # and comes with the rest
        ((-100, (-33,), (-6,)), (0, (0,), (0,)), -50, (-50, (-17,), (-3,))),
        ((4, (2, 2), ()), (0, (0, 0), ()), 1, (1, (0, 1), ())),
        ((0, (), ()), (0, (), ()), 0, (0, (), ())),
    ],
)
def test_a_part_of_a_line_brings_its_share_back(
    billed: tuple[int, tuple[int, ...], tuple[int, ...]],
    before: tuple[int, tuple[int, ...], tuple[int, ...]],
    amount: int,
    back: tuple[int, tuple[int, ...], tuple[int, ...]],
) -> None:
    assert credited(Portions(*billed), Portions(*before), amount) == Portions(*back)


_AMOUNTS = st.integers(1, 10**6)


@st.composite
def _lines(draw: st.DrawFn) -> tuple[Portions, list[int]]:
    """A line whose reductions take off no more than it bills, and parts that it is credited in."""
    amount = draw(_AMOUNTS)
    left, pretax = amount, []
    for _ in range(draw(st.integers(0, 3))):
        part = draw(st.integers(0, left))
        pretax.append(part)
        left -= part
    taxes = draw(st.lists(st.integers(0, left), max_size=2))
    cuts = sorted(draw(st.lists(st.integers(0, amount), max_size=5)))
    edges = [0, *cuts, amount]
    parts = [after - before for before, after in itertools.pairwise(edges)]
    sign = draw(st.sampled_from([1, -1]))
    whole = Portions(
        sign * amount, tuple(sign * one for one in pretax), tuple(sign * tax for tax in taxes)
    )
    return whole, [sign * part for part in parts]


@given(_lines())
def test_all_of_a_line_comes_back_as_what_it_cost(line: tuple[Portions, list[int]]) -> None:
    billed, parts = line
    so_far = nothing_of(billed)
    sign = -1 if billed.amount < 0 else 1
    for part in parts:
        back = credited(billed, so_far, part)
        assert all(sign * one >= 0 for one in (*back.pretax, *back.taxes))
        so_far = plus(so_far, back)
        left = minus(billed, so_far)
        assert all(sign * one >= 0 for one in (left.amount, *left.pretax, *left.taxes))
    assert so_far == billed


@given(_lines(), st.data())
def test_a_voided_note_leaves_nothing_that_cannot_come_back(
    line: tuple[Portions, list[int]], data: st.DataObject
) -> None:
    billed, parts = line
    so_far = nothing_of(billed)
    for part in parts[:-1]:
        back = credited(billed, so_far, part)
        if data.draw(st.booleans()):
            so_far = plus(so_far, back)
    sign = -1 if billed.amount < 0 else 1
    rest = credited(billed, so_far, billed.amount - so_far.amount)
    left = minus(billed, plus(so_far, rest))
    assert (left.amount, *left.pretax) == (0, *(0 for _ in billed.pretax))
    assert all(sign * tax >= 0 for tax in left.taxes)


@pytest.mark.parametrize(
    ("total", "remaining", "pre", "post", "kind"),
    [
        (400, 1_000, 400, 0, "pre_payment"),
        (1_000, 1_000, 1_000, 0, "pre_payment"),
        (1_000, 600, 600, 400, "mixed"),
        (1_000, 0, 0, 1_000, "post_payment"),
    ],
)
def test_a_note_lowers_what_is_due_first(
    total: int, remaining: int, pre: int, post: int, kind: str
) -> None:
    settlement = settle(total, remaining)
    assert (settlement.pre_payment_minor, settlement.post_payment_minor) == (pre, post)
    assert settlement.type == kind


@pytest.mark.parametrize(
    ("taxes", "left", "amount", "within"),
    [((190, 0), 1_190, 119, (19, 0)), ((190,), 1_190, 1_190, (190,)), ((), 50, 10, ())],
)
def test_an_amount_has_its_share_of_taxes_within(
    taxes: tuple[int, ...], left: int, amount: int, within: tuple[int, ...]
) -> None:
    assert taxes_within(taxes, left, amount) == within
