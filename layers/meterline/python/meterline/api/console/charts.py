"""Charts as plain SVG, made on the server: no script, no style that stands in the page.

A chart has a table of the same figures beside it in its page, which is what a screen reader reads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from meterline.api.console.formats import short
from meterline.core.base.frozen import frozen

WIDTH: Final = 440
HEIGHT: Final = 190
_LEFT: Final = 40
_TOP: Final = 10
_BOTTOM: Final = 24
_TICKS: Final = 4
_MOST_LABELS: Final = 6
_GAP: Final = Decimal("0.25")
_HALF: Final = Decimal("0.5")
_ZERO: Final = Decimal(0)
_WIDE: Final = Decimal(WIDTH - _LEFT)
_HIGH: Final = Decimal(HEIGHT - _TOP - _BOTTOM)


@frozen
class Bar:
    """A bar of one series: where it stands, and what it says (``title``)."""

    x: str
    y: str
    width: str
    height: str
    series: int
    title: str


@frozen
class Tick:
    """A mark of an axis, and its label."""

    at: str
    label: str


@frozen
class Columns:
    """A chart of columns: those of one place stand on each other."""

    width: int
    height: int
    left: int
    bars: Sequence[Bar]
    values: Sequence[Tick]
    labels: Sequence[Tick]


type Series = tuple[str, Sequence[Decimal]]
"""A name, and a value for each place."""


def columns(
    labels: Sequence[str], series: Sequence[Series], shown: Callable[[Decimal], str] = short
) -> Columns:
    """The chart of some series: ``shown`` writes a value. What is below zero has no column."""
    places = range(len(labels))
    totals = [sum((max(values[place], _ZERO) for _, values in series), _ZERO) for place in places]
    top = _round_top(max(totals, default=_ZERO))
    step = _WIDE / max(len(labels), 1)
    bars = [bar for place in places for bar in _pile(place, labels, series, (step, top), shown)]
    values = [
        Tick(_at(_TOP + _HIGH - _HIGH * part / _TICKS), shown(top * part / _TICKS))
        for part in range(_TICKS + 1)
    ]
    every = max(-(-len(labels) // _MOST_LABELS), 1)
    named = [Tick(_at(_LEFT + step * (place + _HALF)), labels[place]) for place in places[::every]]
    return Columns(WIDTH, HEIGHT, _LEFT, bars, values, named)


def _pile(
    place: int,
    labels: Sequence[str],
    series: Sequence[Series],
    scale: tuple[Decimal, Decimal],
    shown: Callable[[Decimal], str],
) -> Iterator[Bar]:
    """The bars of a place, from the bottom up; ``scale`` is its width, and the end of the axis."""
    step, top = scale
    below = _ZERO
    for number, (name, values) in enumerate(series):
        tall = max(values[place], _ZERO) / top * _HIGH
        if tall:
            at = ", ".join(filter(None, (labels[place], name)))
            yield Bar(
                x=_at(_LEFT + step * (place + _GAP / 2)),
                y=_at(_TOP + _HIGH - below - tall),
                width=_at(step * (1 - _GAP)),
                height=_at(tall),
                series=number,
                title=f"{at}: {shown(values[place])}",
            )
        below += tall


def _round_top(most: Decimal) -> Decimal:
    """The end of an axis that reaches ``most``: 1, 2, 4 or 10 times a power of ten."""
    if most <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(most.adjusted())
    return next(power * n for n in (1, 2, 4, 6, 8, 10) if power * n >= most)


def _at(value: Decimal) -> str:
    return f"{value:.1f}"


CHARTS: Final[Mapping[str, Any]] = {"columns": columns}
"""What templates may draw."""
