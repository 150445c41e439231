"""Distinct values: exact up to the bound, a fair and reproducible sample beyond it."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering import distinct
from meterline.core.metering.distinct import EVERYTHING, MOST_DISTINCT, Distinct, unpack, value_of

TEXTS = st.text(min_size=1, max_size=3)


def known(texts: Iterable[str]) -> Distinct:
    return distinct.distinct(map(value_of, texts))


def users(start: int, end: int) -> Distinct:
    return known(f"user {n}" for n in range(start, end))


def in_parts(texts: list[str], size: int) -> Distinct:
    """As a counter comes to know texts: a few at a time, always in bounded room."""
    whole = Distinct()
    for start in range(0, len(texts), size):
        whole = whole.union(known(texts[start : start + size])).bounded()
    return whole


@given(st.lists(TEXTS), st.lists(TEXTS))
def test_texts_are_told_apart_exactly(one: list[str], other: list[str]) -> None:
    both = known(one).union(known(other))
    assert both.number == len({*one, *other})
    assert both.is_exact


def test_spelling_makes_a_difference() -> None:
    assert known(["1", "1.0", "01", "a", "A", " a"]).number == 6


def test_the_bound_itself_is_exact_and_one_more_is_not() -> None:
    assert users(0, MOST_DISTINCT).bounded().is_exact
    assert users(0, MOST_DISTINCT).bounded().number == MOST_DISTINCT
    assert not users(0, MOST_DISTINCT + 1).bounded().is_exact


@pytest.mark.parametrize("number", [1_001, 3_000, 20_000])
def test_beyond_the_bound_the_number_is_near(number: int) -> None:
    estimate = users(0, number).bounded().number
    assert abs(estimate - number) <= number * 12 // 100
    assert estimate == int(estimate)


def test_the_sample_of_a_sample_with_more_is_the_sample_of_all() -> None:
    chance = random.Random(3)
    texts = [f"user {chance.randrange(2_500)}" for _ in range(6_000)]
    expected = known(texts).bounded()
    assert len(expected.digests) == MOST_DISTINCT
    for size in (1, 50, 1_700):
        chance.shuffle(texts)
        assert in_parts(texts, size) == expected


def test_hours_that_share_values_count_them_once_even_where_one_is_a_sample() -> None:
    small, large = users(0, 500), users(0, 5_000).bounded()
    both = small.union(large)
    assert not both.is_exact
    assert abs(both.number - 5_000) <= 600


def test_hours_within_the_bound_make_an_exact_month_of_any_size() -> None:
    month = Distinct()
    for hour in range(100):
        month = month.union(users(hour * 300, hour * 300 + 900).bounded())
    assert month.is_exact
    assert month.number == 99 * 300 + 900


@pytest.mark.parametrize("values", [users(0, 3), users(0, 2_000).bounded()])
def test_they_come_back_from_bytes(values: Distinct) -> None:
    data = values.pack()
    assert len(data) == 1 + 16 * len(values.digests)
    assert unpack(data, values.limit) == values
    assert values.is_exact == (values.limit == EVERYTHING)
