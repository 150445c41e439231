"""Records that are much alike, as columns: what they have in common is stored once.

Compressed they then take less than as records, most so where columns are alike themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict


class Columns(TypedDict):
    """Records as stored: ``same`` are the values of all, ``each`` those that all have their own of.

    ``more`` has what only some have, by record; absent if nothing.
    """

    count: int
    same: Mapping[str, Any]
    each: Mapping[str, list[Any]]
    more: NotRequired[Sequence[Mapping[str, Any]]]


def columns_of(records: Sequence[Mapping[str, Any]]) -> Columns:
    """Records as columns; ``records_of`` gives the same ones again."""
    shared = (
        [name for name in records[0] if all(name in each for each in records)] if records else []
    )
    columns = {name: [record[name] for record in records] for name in shared}
    same = {name: values[0] for name, values in columns.items() if _is_one(values)}
    stored: Columns = {
        "count": len(records),
        "same": same,
        "each": {name: values for name, values in columns.items() if name not in same},
    }
    more = [{name: record[name] for name in record if name not in columns} for record in records]
    if any(more):
        stored["more"] = more
    return stored


def records_of(columns: Columns) -> list[Mapping[str, Any]]:
    """The records of columns, in their order."""
    more = columns.get("more") or [{} for _ in range(columns["count"])]
    return [
        {
            **columns["same"],
            **{name: values[place] for name, values in columns["each"].items()},
            **others,
        }
        for place, others in enumerate(more)
    ]


def _is_one(values: list[Any]) -> bool:
    """Whether values are all the same; true is not the same as 1."""
    first = values[0]
    return all(type(value) is type(first) and value == first for value in values)
