"""Charts of usage as SVG, made here: bars whose corners are whole numbers."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

WIDTH: Final = 960
HEIGHT: Final = 160
GRID: Final = (1, HEIGHT // 2, HEIGHT - 1)
"""Where lines help to read heights: at the highest value, at half of it, and at 0."""

_GAP: Final = 4
"""Of how many parts of a bar's room one is left free."""
_MOST_WITH_GAPS: Final = 120
"""More bars than that stand without room between them: they would be hairlines."""
_LEAST_HEIGHT: Final = 2


def bars(values: Sequence[Decimal]) -> str:
    """Bars beside each other as the data of one path.

    The highest value is as high as the chart, the lowest above 0 can still be seen; a value below 0
    has no bar.
    """
    most = max((value for value in values if value > 0), default=None)
    if most is None:
        return ""
    places = [index * WIDTH // len(values) for index in range(len(values) + 1)]
    rooms = zip(places, places[1:], values, strict=False)
    gaps = len(values) <= _MOST_WITH_GAPS
    return "".join(_bar(x, end, value, most, gaps=gaps) for x, end, value in rooms if value > 0)


def _bar(x: int, end: int, value: Decimal, most: Decimal, *, gaps: bool) -> str:
    share = (value * HEIGHT / most).to_integral_value(rounding=ROUND_HALF_UP)
    height = max(int(share), _LEAST_HEIGHT)
    free = max((end - x) // _GAP, 1) if gaps else 0
    width = max(end - x - free, 1)
    return f"M{x} {HEIGHT}v-{height}h{width}v{height}z"
