"""A percentile is told of the samples of five minutes: said again by sorting all of them."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.versions import UnknownVersion
from meterline.core.metering import packed_samples
from meterline.core.metering.aggregation import (
    Combination,
    Formula,
    Measure,
    Row,
    aggregate,
    combine,
    depends_on,
    hour_result,
    result,
    told,
    without,
)
from meterline.core.metering.samples import Samples

HOUR = 3_600
DAY = 86_400


def measure(percentage: str) -> Measure:
    return Measure(Formula.PERCENTILE, percentage=Decimal(percentage))


def event(number: int, second: int, value: str) -> Row:
    return Row(number.to_bytes(16), second, Decimal(value))


def percentile(events: Sequence[Row], start: int, end: int, percentage: str) -> Decimal:
    whole = told(aggregate(events, measure(percentage)), measure(percentage), start, end)
    return result(whole, Formula.PERCENTILE)


def said_plainly(events: Sequence[Row], start: int, end: int, percentage: str) -> Decimal:
    """All samples from the greatest on, and of those the first that is not left out."""
    samples = [
        sum((row.value for row in events if first <= row.timestamp < first + 300), Decimal(0))
        for first in range(start - start % 300, end, 300)
    ]
    left_out = len(samples) * (100 - Decimal(percentage)) // 100
    return sorted(samples, reverse=True)[int(left_out)]


TOLD = {
    "a month of one level": ([(n * 300, "7") for n in range(8_640)], 30 * DAY, "95", "7"),
    "bursts of 36 hours in a month": (
        [(n * 300, "900" if n < 432 else "7") for n in range(8_640)],
        *(30 * DAY, "95", "7"),
    ),
    "bursts of five minutes more": (
        [(n * 300, "900" if n < 433 else "7") for n in range(8_640)],
        *(30 * DAY, "95", "900"),
    ),
    "most of the time nothing": ([(0, "5"), (300, "6")], HOUR, "50", "0"),
    "the greatest sample": ([(0, "5"), (300, "6")], HOUR, "100", "6"),
    "events of one sample add up": ([(0, "5"), (299, "6"), (300, "10")], HOUR, "100", "11"),
    "fewer samples than leave one out": ([(0, "5")], HOUR, "95", "5"),
    "as many as leave one out": ([(0, "5"), (300, "4")], 20 * 300, "95", "4"),
    "what is given back": ([(n * 300, "-2") for n in range(12)], HOUR, "50", "-2"),
    "less than nothing is last": ([(0, "-2"), (300, "3")], HOUR, "10", "0"),
    "the least of all": ([(0, "-2"), (300, "3")], HOUR, "0.001", "-2"),
    "samples that come to nothing": ([(0, "5"), (1, "-5")], HOUR, "100", "0"),
    "no events": ([], HOUR, "95", "0"),
    "a range shorter than a sample": ([(0, "5")], 60, "95", "5"),
}
"""Events with second and value, the end of the range, the percentage, and what is told."""


@pytest.mark.parametrize("case", TOLD)
def test_the_greatest_samples_are_left_out_and_the_next_one_counts(case: str) -> None:
    pairs, end, percentage, expected = TOLD[case]
    events = [event(number, *pair) for number, pair in enumerate(pairs)]
    assert percentile(events, 0, end, percentage) == Decimal(expected)


EVENTS = st.lists(
    st.tuples(st.integers(0, HOUR - 1), st.decimals(-9, 99, places=2).map(str)), max_size=20
).map(lambda pairs: [event(number, *pair) for number, pair in enumerate(pairs)])
PERCENTAGES = st.decimals("0.001", 100, places=3).map(str)


@given(EVENTS, st.integers(0, HOUR - 2), st.integers(1, HOUR), PERCENTAGES)
def test_of_any_range_the_percentile_is_that_of_all_its_samples(
    events: list[Row], start: int, length: int, percentage: str
) -> None:
    end = min(start + length, HOUR)
    inside = [row for row in events if start <= row.timestamp < end]
    expected = said_plainly(inside, start, end, percentage)
    assert percentile(inside, start, end, percentage) == expected


@given(EVENTS, st.sets(st.integers(1, HOUR - 1), max_size=4), PERCENTAGES)
def test_parts_that_were_told_of_combine_as_if_they_had_not_been(
    events: list[Row], cuts: set[int], percentage: str
) -> None:
    """Also where a cut divides five minutes."""
    own = measure(percentage)
    parts = Combination(own)
    for start, end in pairwise([0, *sorted(cuts), HOUR]):
        inside = [row for row in events if start <= row.timestamp < end]
        parts.add(told(aggregate(inside, own), own, start, end))
    assert parts.whole() == aggregate(events, own)
    expected = said_plainly(events, 0, HOUR, percentage)
    assert result(told(parts.whole(), own, 0, HOUR), Formula.PERCENTILE) == expected


@given(EVENTS.filter(bool))
def test_an_event_that_is_cancelled_leaves_its_sample(events: list[Row]) -> None:
    own = Measure(Formula.PERCENTILE)
    whole = aggregate(events, own)
    assert not depends_on(whole, events[0])
    assert without(whole, events[0], own) == aggregate(events[1:], own)


@given(EVENTS, EVENTS)
def test_cells_add_up_sample_by_sample(one: list[Row], other: list[Row]) -> None:
    own = Measure(Formula.PERCENTILE)
    both = combine(aggregate(one, own), aggregate(other, own), own)
    assert both == aggregate([*one, *other], own)


def test_no_percentile_is_told_of_samples_without_a_range() -> None:
    whole = aggregate([event(1, 7, "5")], Measure(Formula.PERCENTILE))
    with pytest.raises(ValueError, match="a range alone"):
        result(whole, Formula.PERCENTILE)
    assert hour_result(whole, Formula.PERCENTILE) == 5


SUMS = st.decimals(-(10**30), 10**30, places=4).filter(bool)


@given(st.dictionaries(st.integers(24, 35), SUMS, min_size=1))
def test_the_samples_of_an_hour_are_stored_as_they_are(sums: dict[int, Decimal]) -> None:
    assert packed_samples.unpack(packed_samples.pack(Samples(sums), 2 * HOUR), 2 * HOUR) == Samples(
        sums
    )


def test_twelve_samples_of_gigabytes_take_64_bytes_or_fewer() -> None:
    sums = {place: Decimal(10**11 + place) for place in range(12)}
    assert len(packed_samples.pack(Samples(sums), 0)) <= 65


def test_samples_of_an_unknown_form_are_not_misread() -> None:
    stored = packed_samples.pack(Samples({0: Decimal(5)}), 0)
    with pytest.raises(UnknownVersion):
        packed_samples.unpack(b"\x02" + stored[1:], 0)
