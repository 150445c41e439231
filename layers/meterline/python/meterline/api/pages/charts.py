"""Charts of columns as SVG, made here: no script, no style that stands in the page.

An SVG holds the columns and the lines that help to read their height, in whole numbers; a page
stretches it, and writes the labels of its axes beside it, so that they are as large as its text.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from meterline.core.base.frozen import frozen

WIDTH: Final = 960
HEIGHT: Final = 160

_GAP: Final = 4
"""Of how many parts of a column's room one is left free."""
_MOST_WITH_GAPS: Final = 120
"""More columns than that stand without room between them: they would be hairlines."""
_LEAST_HEIGHT: Final = 2
_STEPS: Final = 4
_ROUND: Final = (1, 2, 4, 6, 8, 10)
_ZERO: Final = Decimal(0)

type Series = tuple[str, Sequence[Decimal]]
"""A name, and a value for each place."""

type Shown = Callable[[Decimal], str]
"""Writes a value."""


@frozen
class Bar:
    """A bar: where it stands, of which place and series it is. ``y`` is its upper end."""

    x: int
    y: int
    width: int
    height: int
    place: int
    series: int


@frozen
class Columns:
    """A chart whose axes are labelled: the columns of a place stand on each other.

    ``values`` label the lines of ``grid`` from the top down, ``labels`` parts of equal width from
    the left; ``rows`` are the figures, each place with what its series have.
    """

    bars: Sequence[tuple[Bar, str]]
    grid: Sequence[int]
    values: Sequence[str]
    labels: Sequence[str]
    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    width: int = WIDTH
    height: int = HEIGHT


def grid(steps: int) -> tuple[int, ...]:
    """Where the lines of a chart are from its top to 0, so many steps apart; whole in the chart."""
    return tuple(min(max(HEIGHT * step // steps, 1), HEIGHT - 1) for step in range(steps + 1))


def bars(series: Sequence[Sequence[Decimal]], top: Decimal) -> Iterator[Bar]:
    """The bars of some series, each with a value for each place; ``top`` is as high as the chart.

    The lowest above 0 can still be seen; a value below 0 has no bar.
    """
    count = len(series[0]) if series else 0
    for place in range(count):
        start, end = place * WIDTH // count, (place + 1) * WIDTH // count
        free = max((end - start) // _GAP, 1) if count <= _MOST_WITH_GAPS else 0
        below = 0
        for number, values in enumerate(series):
            if values[place] > 0:
                high = max(_part(values[place], top), _LEAST_HEIGHT)
                width = max(end - start - free, 1)
                upper = max(HEIGHT - below - high, 0)
                yield Bar(start + free // 2, upper, width, high, place, number)
                below += high


def path(values: Sequence[Decimal]) -> str:
    """The bars of one series as the data of one path, the highest as high as the chart."""
    top = max((value for value in values if value > 0), default=Decimal(1))
    return "".join(
        f"M{bar.x} {HEIGHT}v-{bar.height}h{bar.width}v{bar.height}z" for bar in bars([values], top)
    )


def columns(
    labels: Sequence[str],
    series: Sequence[Series],
    short: Shown,
    exact: Shown,
    most_labels: int = 6,
) -> Columns:
    """The chart of some series: ``short`` writes a value at an axis, ``exact`` one that is told."""
    names, values = [name for name, _ in series], [values for _, values in series]
    top = round_top(max((_pile(one) for one in zip(*values, strict=True)), default=_ZERO))
    return Columns(
        bars=[
            (
                bar,
                _title(labels[bar.place], names[bar.series], exact(values[bar.series][bar.place])),
            )
            for bar in bars(values, top)
        ],
        grid=grid(_STEPS),
        values=[short(top * part / _STEPS) for part in range(_STEPS, -1, -1)],
        labels=labels[:: _every(len(labels), most_labels)],
        names=names,
        rows=[(label, [exact(one[place]) for one in values]) for place, label in enumerate(labels)],
    )


def round_top(most: Decimal) -> Decimal:
    """The end of an axis that reaches ``most``: 1, 2, 4, 6, 8 or 10 times a power of ten."""
    if most <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(most.adjusted())
    return next(power * n for n in _ROUND if power * n >= most)


def _part(value: Decimal, top: Decimal) -> int:
    return int((value * HEIGHT / top).to_integral_value(rounding=ROUND_HALF_UP))


def _pile(values: Sequence[Decimal]) -> Decimal:
    return sum((max(value, _ZERO) for value in values), _ZERO)


def _title(label: str, name: str, value: str) -> str:
    return f"{', '.join(filter(None, (label, name)))}: {value}"


def _every(count: int, most: int) -> int:
    """Each which place has a label: parts of equal width, and no more of them than ``most``."""
    return next(
        (step for step in range(1, count + 1) if count % step == 0 and count <= most * step), 1
    )
