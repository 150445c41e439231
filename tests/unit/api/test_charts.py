"""Charts: columns stand inside their picture, and are as high as what they say."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.api.pages.charts import HEIGHT, WIDTH, Columns, bars, columns, grid, path, round_top

_ZERO = Decimal(0)
VALUES = st.decimals(-1_000, 10**12, places=3)
SERIES = st.integers(1, 40).flatmap(
    lambda places: st.lists(st.lists(VALUES, min_size=places, max_size=places), max_size=4)
)


def _columns(labels: Sequence[str], *series: Sequence[int], most: int = 6) -> Columns:
    named = [(str(place), [*map(Decimal, one)]) for place, one in enumerate(series)]
    return columns(labels, named, str, str, most)


@given(SERIES)
def test_bars_stand_inside_the_picture_and_on_each_other(series: list[list[Decimal]]) -> None:
    places = range(len(series[0]) if series else 0)
    piles = [sum((max(one[at], _ZERO) for one in series), _ZERO) for at in places]
    found = list(bars(series, round_top(max(piles, default=_ZERO))))
    assert len(found) == sum(value > 0 for one in series for value in one)
    for bar in found:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH
        assert 0 <= bar.y < HEIGHT
    for place in places:
        pile = [bar for bar in found if bar.place == place]
        for lower, upper in pairwise(pile):
            assert upper.y + upper.height == lower.y or upper.y == 0
        assert len({(bar.x, bar.width) for bar in pile}) <= 1


@given(st.integers(1, 800))
def test_neighbours_do_not_overlap_however_many_there_are(count: int) -> None:
    found = list(bars([[Decimal(1)] * count], Decimal(1)))
    for left, right in pairwise(found):
        assert left.x + left.width <= right.x


@given(st.decimals(0, 10**15, places=4))
def test_an_axis_reaches_what_is_highest_and_ends_at_a_round_number(most: Decimal) -> None:
    top = round_top(most)
    assert top >= most
    digits = str(top.normalize().as_tuple().digits[0])
    assert len(top.normalize().as_tuple().digits) == 1
    assert digits in "12468"


@pytest.mark.parametrize(
    ("places", "most", "labels"),
    [
        (24, 6, 6),
        (30, 6, 6),
        (12, 12, 12),
        (12, 6, 6),
        (7, 6, 1),
        (1, 6, 1),
        (0, 6, 0),
    ],
)
def test_labels_divide_the_axis_into_parts_of_equal_width(
    places: int, most: int, labels: int
) -> None:
    drawn = _columns([str(place) for place in range(places)], [1] * places, most=most)
    assert len(drawn.labels) == labels


def test_a_chart_says_each_figure_beside_the_picture() -> None:
    drawn = columns(
        ["Mon", "Tue"],
        [("Ada", [Decimal(5), Decimal(0)]), ("Bob", [Decimal(3), Decimal(-1)])],
        str,
        lambda value: f"{value} calls",
    )
    assert drawn.rows == [("Mon", ["5 calls", "3 calls"]), ("Tue", ["0 calls", "-1 calls"])]
    assert [title for _, title in drawn.bars] == ["Mon, Ada: 5 calls", "Mon, Bob: 3 calls"]
    assert drawn.values == ["8", "6", "4", "2", "0"]
    assert [bar.height for bar, _ in drawn.bars] == [HEIGHT * 5 // 8, HEIGHT * 3 // 8]


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0, -1], ""),
        ([2, 1], f"M60 {HEIGHT}v-160h360v160zM540 {HEIGHT}v-80h360v80z"),
        ([1_000_000, 1], f"M60 {HEIGHT}v-160h360v160zM540 {HEIGHT}v-2h360v2z"),
    ],
)
def test_a_path_has_the_highest_value_as_high_as_the_picture(values: list[int], drawn: str) -> None:
    assert path([*map(Decimal, values)]) == drawn


def test_lines_are_whole_inside_the_picture() -> None:
    assert grid(2) == (1, HEIGHT // 2, HEIGHT - 1)
