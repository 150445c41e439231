"""What tells the usage of a meter apart: values in the payloads of its events.

All events of a customer that have the same values make up a *cell*. Each event is of one cell, and
each cell is counted by itself, as usage without dimensions is; usage is what cells add up to. So
cells are disjoint, and nothing else needs to know of dimensions.
"""

import base64
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

type Values = tuple[str, ...]
"""The values of a cell, in the order of the meter's keys."""

type Cells = Mapping[str, Values]
"""Cells by their names."""

type Conditions = Mapping[str, Collection[str]]
"""By key, which values are meant; keys that are not there may have any."""

WHOLE: Final = ""
"""The only cell of usage without dimensions."""

MOST_KEYS = 5
"""So many keys may tell a meter's usage apart."""

VALUE_CHARACTERS = 100
"""The longest value of a dimension."""

MOST_CELLS = 100
"""So many cells may a customer's usage of a meter have in a calendar month (UTC), thus in an hour.

Reading the whole usage reads each of them.
"""

_NAME_BYTES = 16
_MARK = "@"


def cell_of(values: Values) -> str:
    """The name of a cell: the same for the same values, wherever they are met."""
    if not values:
        return WHOLE
    digest = hashlib.sha256(json.dumps(values).encode()).digest()[:_NAME_BYTES]
    return base64.urlsafe_b64encode(digest)[:-2].decode()


def name_of_part(values: Mapping[str, str]) -> tuple[str, ...]:
    """What the ids of usage that has these values follow from: nothing where it is the whole.

    No other values have the same name, whatever characters they have.
    """
    return (cell_of(tuple(chain.from_iterable(values.items()))),) if values else ()


def with_cell(measure: str, cell: str) -> str:
    """A measure's text as stored with an event of a cell.

    It is no measure to a release that knows nothing of cells, which so counts no such event.
    """
    return f"{measure}{_MARK}{cell}" if cell else measure


def divided(text: str) -> tuple[str, str]:
    """The measure's text and the cell that ``with_cell`` put together."""
    measure, _, cell = text.partition(_MARK)
    return measure, cell


def matching(cells: Cells, keys: Sequence[str], conditions: Conditions) -> list[str]:
    """The cells that meet all conditions, which are on keys of their meter."""
    wanted = [(keys.index(key), values) for key, values in conditions.items()]
    return [
        cell
        for cell, values in cells.items()
        if all(values[place] in allowed for place, allowed in wanted)
    ]


def grouped(
    cells: Cells, keys: Sequence[str], by: Sequence[str]
) -> Iterator[tuple[dict[str, str], list[str]]]:
    """The cells that have the same values of the keys ``by``: those values, and the cells.

    In the order of the values; none of ``by`` makes one group of all cells.
    """
    places = [keys.index(key) for key in by]
    groups: dict[Values, list[str]] = {}
    for cell, values in cells.items():
        groups.setdefault(tuple(values[place] for place in places), []).append(cell)
    for shared, some in sorted(groups.items()):
        yield dict(zip(by, shared, strict=True)), some
