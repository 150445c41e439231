"""Which cells a customer's usage of a meter with dimensions has: ``c#2026-01`` in the Usage table.

One item for each month of events holds the cells by name, with their values. A cell is admitted
before an event of it is stored, and stays for ever: whoever reads the months of a range knows all
cells that have events in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from time import gmtime, strftime
from typing import Any, NamedTuple

from meterline.core.base.frozen import frozen
from meterline.core.metering.dimensions import MOST_CELLS, Cells
from meterline.store.base.batches import Throttled, batch_get, tries
from meterline.store.base.clients import dynamodb
from meterline.store.base.packing import pack, unpack
from meterline.store.base.settings import settings
from meterline.store.metering.usage import items_between, partition

_LATEST_SECOND = 253_402_300_799
"""The last one of the year 9999."""

type Item = dict[str, Any]


class CellsKey(NamedTuple):
    """Whose usage of which meter, and the month (``2026-01``, UTC)."""

    livemode: bool
    meter: str
    customer: str
    month: str


@frozen
class _Known:
    """The cells of a month as they were read; version 0 is a month yet to be."""

    version: int = 0
    cells: Cells = field(default_factory=dict)


def month_of(second: int) -> str:
    """The month of an instant (UTC seconds)."""
    return strftime("%Y-%m", gmtime(min(second, _LATEST_SECOND)))


def cells_between(livemode: bool, meter: str, customer: str, start: int, end: int) -> Cells:  # noqa: FBT001 - a part of the key
    """The cells of the months from ``start`` to ``end`` (exclusive, UTC seconds), consistently."""
    low, high = (f"c#{month_of(second)}" for second in (start, max(start, end - 1)))
    found: dict[str, Any] = {}
    for item in items_between(partition(livemode, meter, customer), low, high):
        found |= _read(item).cells
    return found


def admit(wanted: Mapping[CellsKey, Cells]) -> set[tuple[CellsKey, str]]:
    """Let usage have these cells, the first of each month first; gives those that are too many.

    Cells that are known cost half a read unit a month, new ones a write. Raises Throttled when
    others admit cells all the while; what was admitted stays.
    """
    known = _known(wanted, is_consistent=False)
    pending = [key for key, cells in wanted.items() if not cells.keys() <= known[key].cells.keys()]
    refused: set[tuple[CellsKey, str]] = set()
    for _ in tries():
        if not pending:
            return refused
        known = _known(pending, is_consistent=True)
        lost = []
        for key in pending:
            left_out = _left_out(wanted[key], known[key])
            admitted = {**known[key].cells, **wanted[key]}
            for cell in left_out:
                del admitted[cell]
            if len(admitted) > len(known[key].cells) and not _save(key, known[key], admitted):
                lost.append(key)
            else:
                refused |= {(key, cell) for cell in left_out}
        pending = lost
    if pending:
        raise Throttled(f"cells of {len(pending)} months could not be admitted")
    return refused


def _left_out(wanted: Cells, known: _Known) -> list[str]:
    """Which of the wanted cells there is no room for."""
    new = [cell for cell in wanted if cell not in known.cells]
    return new[max(0, MOST_CELLS - len(known.cells)) :]


def _known(keys: Iterable[CellsKey], *, is_consistent: bool) -> dict[CellsKey, _Known]:
    by_place = {tuple(value["S"] for value in _place(key).values()): key for key in keys}
    found = {key: _Known() for key in by_place.values()}
    wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in by_place]
    for item in batch_get(settings().usage_table, wanted, is_consistent=is_consistent):
        found[by_place[item["pk"]["S"], item["sk"]["S"]]] = _read(item)
    return found


def _save(key: CellsKey, before: _Known, cells: Cells) -> bool:
    """Whether a month was still what was read, and has these cells now."""
    client = dynamodb()
    try:
        client.put_item(
            TableName=settings().usage_table,
            Item={
                **_place(key),
                "version": {"N": str(before.version + 1)},
                "cells": {"B": pack(cells)},
            },
            ConditionExpression="attribute_not_exists(pk) OR version = :version",
            ExpressionAttributeValues={":version": {"N": str(before.version)}},
        )
    except client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _read(item: Item) -> _Known:
    cells = {cell: tuple(values) for cell, values in unpack(item["cells"]["B"]).items()}
    return _Known(int(item["version"]["N"]), cells)


def _place(key: CellsKey) -> Item:
    pk = partition(key.livemode, key.meter, key.customer)
    return {"pk": {"S": pk}, "sk": {"S": f"c#{key.month}"}}
