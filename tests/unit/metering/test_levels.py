"""Levels last until the next one: what they come to is said again, second by second."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering.aggregation import (
    NOTHING,
    Aggregate,
    Combination,
    Formula,
    Measure,
    Row,
    aggregate,
    apart,
    combine,
    result,
)
from meterline.core.metering.levels import by_span

LEVELS = Measure(Formula.WEIGHTED_SUM)
END = 60


def event(number: int, second: int, value: str) -> Row:
    return Row(bytes([number]) * 16, second, Decimal(value), 100 + number * 7 % 5)


EVENTS = st.lists(
    st.tuples(st.integers(0, END - 1), st.decimals(-9, 99, places=3).map(str)), max_size=12
).map(lambda pairs: [event(number, *pair) for number, pair in enumerate(pairs)])


def said_plainly(events: Sequence[Row], start: int, end: int) -> Decimal:
    """The level of each second, added up."""
    total = Decimal(0)
    for second in range(start, end):
        begun = [row for row in events if row.timestamp <= second]
        if begun:
            total += max(
                begun, key=lambda row: (row.timestamp, row.accepted_at, row.identity)
            ).value
    return total


def levels_between(whole: Aggregate, before: Decimal, start: int, end: int) -> Decimal:
    [(_, told)] = by_span({(start, end): whole}, before)
    return result(told, Formula.WEIGHTED_SUM)


# events (second, value) | the level before | from | to | what it comes to
TOLD = [
    ([], "0", 0, 10, "0"),
    ([], "5", 0, 10, "50"),
    ([(0, "5")], "0", 0, 10, "50"),
    ([(4, "5")], "0", 0, 10, "30"),
    ([(4, "5")], "2", 0, 10, "38"),
    ([(4, "5"), (6, "0")], "2", 0, 10, "18"),
    ([(4, "0.1"), (5, "0.2")], "0", 0, 7, "0.5"),
    ([(4, "-5")], "2", 0, 10, "-22"),
    ([(9, "7")], "0", 0, 10, "7"),
]


@pytest.mark.parametrize(("events", "before", "start", "end", "expected"), TOLD)
def test_a_value_counts_for_each_second_that_it_lasts(
    events: list[tuple[int, str]], before: str, start: int, end: int, expected: str
) -> None:
    rows = [event(number, *pair) for number, pair in enumerate(events)]
    told = levels_between(aggregate(rows, LEVELS), Decimal(before), start, end)
    assert told == Decimal(expected)


@given(EVENTS, st.sets(st.integers(1, END - 1), max_size=4), st.randoms(use_true_random=False))
def test_whatever_spans_they_are_cut_into_levels_come_to_the_same(
    events: list[Row], cuts: set[int], chance: Random
) -> None:
    """Each span is made of parts that come in any order, of seconds or of stretches."""
    held = {}
    for span in pairwise([0, *sorted(cuts), END]):
        inside = [row for row in events if span[0] <= row.timestamp < span[1]]
        middle = (span[0] + span[1]) // 2
        halves = [
            aggregate([row for row in inside if row.timestamp < middle], LEVELS),
            aggregate([row for row in inside if row.timestamp >= middle], LEVELS),
        ]
        parts = halves if span[0] % 2 else apart(inside, LEVELS)
        chance.shuffle(parts)
        whole = Combination(LEVELS)
        for part in parts:
            whole.add(part)
        assert whole.whole() == aggregate(inside, LEVELS)
        held[span] = whole.whole()
    told = dict(by_span(held, Decimal(0)))
    assert {span: whole.total for span, whole in told.items()} == {
        span: said_plainly(events, *span) for span in held
    }
    assert sum(whole.count for whole in told.values()) == len(events)


def test_a_level_lasts_over_spans_without_events() -> None:
    first = aggregate([event(1, 2, "3")], LEVELS)
    held = {(0, 10): first, (10, 20): NOTHING, (20, 25): NOTHING}
    told = [whole.total for _, whole in by_span(held, Decimal(0))]
    assert told == [24, 30, 15]


def test_parts_that_lie_between_each_other_are_never_combined() -> None:
    one = aggregate([event(1, 2, "3"), event(2, 8, "4")], LEVELS)
    other = aggregate([event(3, 5, "1")], LEVELS)
    with pytest.raises(ValueError, match="do not combine"):
        combine(one, other, LEVELS)


def test_what_levels_come_to_in_spans_adds_up() -> None:
    whole = aggregate([event(1, 2, "3")], LEVELS)
    spans = {(0, 10): whole, (10, 20): NOTHING}
    told = Combination(LEVELS)
    for _, part in by_span(spans, Decimal(0)):
        told.add(part)
    assert told.whole() == Aggregate(1, Decimal(54))
    with pytest.raises(ValueError, match="do not combine"):
        combine(told.whole(), whole, LEVELS)
