"""Usage stays below its threshold while each hour stays within its headroom."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.metering.acceptance import measure_from_text
from meterline.core.metering.aggregation import (
    Aggregate,
    Formula,
    Measure,
    Row,
    Window,
    aggregate,
    combine,
    result,
)
from meterline.core.metering.headroom import (
    MOST_HOURS,
    Headroom,
    Left,
    headroom,
    hours_around,
    is_remembered,
    level_of,
    unbounded,
)
from meterline.store.metering.headrooms import packed, unpacked

SUM = measure_from_text("sum")
NOW = 480_000

type Hours = dict[int, Decimal]

levels = st.dictionaries(
    st.integers(NOW - 60, NOW + 400), st.decimals(-50, 1_000, places=2), max_size=30
)


growing = st.tuples(st.integers(NOW - 60, NOW + 400), st.decimals(-50, 1_000, places=2))


@given(
    levels,
    st.lists(growing, max_size=60),
    st.decimals("0.01", 3_000, places=2),
    st.integers(NOW - 60, NOW),
)
def test_usage_whose_hours_all_stay_within_their_headroom_is_below_the_threshold(
    before: Hours, changes: list[tuple[int, Decimal]], left: Decimal, changed: int
) -> None:
    total = sum(before.values(), Decimal(0))
    threshold = total + left
    known = {hour: level for hour, level in before.items() if hour in hours_around(changed)}
    room = headroom(SUM, Left(threshold, left), changed, known)
    after = before | {hour: level for hour, level in changes if room.holds(hour, level)}
    assert sum(after.values(), Decimal(0)) < threshold


spans = st.tuples(st.integers(NOW - 60, NOW + 60), st.integers(0, 80)).map(
    lambda span: range(span[0], sum(span))
)


@given(
    st.decimals("0.01", 10**9, places=6),
    st.decimals(0, 10**6, places=6),
    st.integers(0, 40),
    st.none() | spans,
)
def test_no_more_is_shared_out_than_is_left(
    left: Decimal, busiest: Decimal, later: int, within: range | None
) -> None:
    room = headroom(SUM, Left(left, left), NOW, {NOW: Decimal(1), NOW + later: busiest}, within)
    assert room.hours is not None
    assert set(room.hours) <= set(hours_around(NOW)), "of others it is not known what they held"
    assert within is None or set(room.hours) <= set(within)
    assert all(room.share_of(hour) > 0 for hour in room.hours)
    assert sum(Fraction(room.share_of(hour)) for hour in room.hours) <= left
    assert len(room.hours) <= MOST_HOURS


# what is left | busiest hour | how many hours before the latest one, and from it on, share it
SHARED = [
    (10**9, 1, 24, 337),
    (400, 0, 24, 337),
    (400, 10, 5, 15),
    (400, 25, 2, 6),
    (400, 50, 2, 3),
    (400, 99, 2, 1),
    (400, 500, 2, 1),
]


@pytest.mark.parametrize(("left", "busiest", "past", "ahead"), SHARED)
def test_what_will_soon_be_used_up_is_shared_among_few_hours(
    left: int, busiest: int, past: int, ahead: int
) -> None:
    room = headroom(SUM, Left(Decimal(left), Decimal(left)), NOW, {NOW: Decimal(busiest)})
    assert room.hours == range(NOW - past, NOW + ahead)


# busiest hour | what an hour before the latest one may grow by, and one from it on
SHARES = [
    (10, 20, 20),
    (25, 50, 50),
    (50, 50, 100),
    (99, 50, 300),
]


@pytest.mark.parametrize(("busiest", "past", "ahead"), SHARES)
def test_where_few_hours_share_those_before_the_latest_get_a_quarter_of_what_is_left(
    busiest: int, past: int, ahead: int
) -> None:
    room = headroom(SUM, Left(Decimal(400), Decimal(400)), NOW, {NOW: Decimal(busiest)})
    assert [room.share_of(NOW - 1), room.share_of(NOW)] == [Decimal(past), Decimal(ahead)]


def test_a_note_of_before_lets_each_hour_grow_by_the_same() -> None:
    body = packed(headroom(SUM, Left(Decimal(450), Decimal(400)), NOW, {NOW: Decimal(50)}))
    assert unpacked(body).ahead == 100
    former = unpacked(
        {name: body[name] for name in ("formula", "share", "first", "stop", "levels")}
    )
    assert {former.share_of(NOW + hour) for hour in (-1, 0, 1)} == {Decimal(50)}


def test_the_latest_hour_is_the_one_that_has_usage_whichever_has_changed() -> None:
    levels = {NOW - 9: Decimal(50), NOW: Decimal(10)}
    room = headroom(SUM, Left(Decimal(400), Decimal(400)), NOW - 9, levels)
    assert room.hours == range(NOW - 2, NOW + 3)


# the hour | its level | whether it is among 5 hours, of which those from now on may grow by 100
WITHIN = [
    (NOW, "50", True),
    (NOW, "149.99", True),
    (NOW, "150", False),
    (NOW, "-7", True),
    (NOW + 1, "99.99", True),
    (NOW + 1, "100", False),
    (NOW - 1, "49.99", True),
    (NOW - 1, "50", False),
    (NOW - 2, "0", True),
    (NOW - 3, "0", False),
    (NOW + 2, "99", True),
    (NOW + 3, "0", False),
    (NOW, None, False),
]


@pytest.mark.parametrize(("hour", "level", "holds"), WITHIN)
def test_an_hour_may_grow_by_less_than_its_share_and_only_if_it_has_one(
    hour: int, level: str | None, *, holds: bool
) -> None:
    room = headroom(SUM, Left(Decimal(450), Decimal(400)), NOW, {NOW: Decimal(50)})
    assert room.holds(hour, None if level is None else Decimal(level)) is holds


events = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12), st.booleans()), min_size=1, max_size=40
)


@pytest.mark.parametrize("dimensions", [(), ("model",)])
@pytest.mark.parametrize("formula", ["max", "min", "last"])
@given(events, st.integers(1, 12), st.randoms(use_true_random=False))
def test_usage_that_is_one_event_s_stays_below_while_each_changed_hour_does(
    formula: str,
    dimensions: tuple[str, ...],
    acts: list[tuple[int, int, bool]],
    threshold: int,
    chance: Random,
) -> None:
    # Each act counts an event in an hour, of a cell, or takes its latest one out again.
    measure = Measure(Formula(formula), dimensions=dimensions)
    hours: dict[tuple[int, int], list[Row]] = {}
    room: Headroom | None = None
    for number, (hour, value, cancels) in enumerate(acts):
        cell = chance.randrange(2) if dimensions else 0
        rows = hours.setdefault((hour, cell), [])
        if cancels and rows:
            rows.pop()
        else:
            time = hour * 3_600 + number
            rows.append(Row(number.to_bytes(16), time, Decimal(value), number))
        whole = Aggregate()
        for some in hours.values():
            whole = combine(whole, aggregate(some, measure), measure)
        total = result(whole, measure.formula)
        level = level_of(aggregate(rows, measure), measure.formula)
        if room is not None and room.holds(hour, level):
            assert total < threshold
        else:
            room = None
            if total < threshold and is_remembered(measure):
                left = Left(Decimal(threshold), Decimal(threshold) - total)
                room = headroom(measure, left, hour, {})


# measure | whether hours by themselves tell that it stays below a threshold
MEASURES = [
    (Measure(Formula.SUM), True),
    (Measure(Formula.COUNT), True),
    (Measure(Formula.MAX), True),
    (Measure(Formula.MIN), True),
    (Measure(Formula.LAST), True),
    (Measure(Formula.MAX, dimensions=("model",)), True),
    (Measure(Formula.LAST, dimensions=("model",)), False),
    (Measure(Formula.AVG), False),
    (Measure(Formula.UNIQUE_COUNT), False),
    (Measure(Formula.WEIGHTED_SUM), False),
    (Measure(Formula.SUM, Window.DAY), False),
]


@pytest.mark.parametrize(("measure", "remembered"), MEASURES)
def test_what_depends_on_all_hours_together_is_not_remembered(
    measure: Measure, *, remembered: bool
) -> None:
    assert is_remembered(measure) is remembered


def test_without_a_threshold_any_hour_holds() -> None:
    assert unbounded(SUM).holds(0, None)


@given(levels, st.lists(growing, max_size=60), st.integers(-30, 60), st.integers(1, 800))
def test_of_hours_outside_of_a_period_nothing_is_known(
    before: Hours, changes: list[tuple[int, Decimal]], starts: int, length: int
) -> None:
    within = range(NOW + starts, NOW + starts + length)
    left = Left(Decimal(500), Decimal(300))
    room = headroom(SUM, left, NOW, before, within)
    after = {hour: level for hour, level in changes if room.holds(hour, level)}
    assert all(hour in within for hour in after)
    grown = sum(level - before.get(hour, Decimal(0)) for hour, level in after.items())
    assert grown < left.rest
    assert not unbounded(SUM, within).holds(within.start - 1, Decimal(0))
    assert unbounded(SUM, within).holds(within.start, None)


def test_what_is_left_is_the_least_that_any_threshold_is_away() -> None:
    ahead = [(Decimal(100), Decimal(20)), (Decimal(50), Decimal(10)), (Decimal(900), Decimal(890))]
    assert Left.of(ahead) == Left(Decimal(50), Decimal(10))
    assert Left.of([]) is None
