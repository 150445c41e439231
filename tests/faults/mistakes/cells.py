"""Cells: the parts of usage by dimensions."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from meterline.core.metering.dimensions import WHOLE, Cells
from meterline.services.metering import (
    accept,
    parcels,
)
from meterline.services.metering import day_totals as day_totals_service
from meterline.store.metering import cells, usage_commits
from meterline.store.metering import day_totals as stored_totals
from meterline.store.metering import parcels as stored_parcels
from meterline.store.metering.parcels import Parcel
from meterline.store.metering.usage import BucketKey
from tests.faults.mistakes.mistake import Miscount


def cells_that_are_counted_together(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(accept, "cell_of", lambda values: values and "one")


def cells_that_are_read_in_the_wrong_place(patch: pytest.MonkeyPatch) -> None:
    first_query = day_totals_service._first_query  # noqa: SLF001 - the rule that is broken

    def of_the_whole(one: day_totals_service.Range) -> Any:
        return first_query(one._replace(key=one.key._replace(cell=WHOLE)))

    patch.setattr(day_totals_service, "_first_query", of_the_whole)


def cells_that_are_admitted_in_vain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cells, "_save", lambda *_: True)


def cells_admitted_over_those_of_others(patch: pytest.MonkeyPatch) -> None:
    save = cells._save  # noqa: SLF001 - the rule that is broken

    def anyhow(key: cells.CellsKey, before: Any, admitted: Cells) -> bool:
        latest = cells._known([key], is_consistent=True)[key]  # noqa: SLF001
        return save(key, replace(before, version=latest.version), admitted)

    patch.setattr(cells, "_save", anyhow)


def a_cell_too_many_that_is_only_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cells, "_left_out", lambda *_: [])


def a_parcel_that_forgets_its_cell(patch: pytest.MonkeyPatch) -> None:
    def of_the_whole(record: Mapping[str, Any]) -> list[Parcel]:
        return [
            parcel._replace(key=parcel.key._replace(bucket=parcel.key.bucket._replace(cell="")))
            for parcel in stored_parcels.parcels_of(record["dynamodb"]["NewImage"])
        ]

    patch.setattr(parcels, "parcels_of", of_the_whole)


def a_mark_on_the_day_of_another_cell(patch: pytest.MonkeyPatch) -> None:
    mark = stored_totals.mark_late

    def elsewhere(keys: Iterable[BucketKey], now: int) -> None:
        mark([key._replace(cell="") for key in keys], now)

    patch.setattr(usage_commits, "mark_late", elsewhere)


MISTAKES = (
    Miscount(
        cells_that_are_counted_together,
        noticed_by="parts are what their events add up to",
        has_dimensions=True,
    ),
    Miscount(cells_that_are_read_in_the_wrong_place, has_dimensions=True),
    Miscount(cells_that_are_admitted_in_vain, has_dimensions=True),
    Miscount(cells_admitted_over_those_of_others, has_dimensions=True, first=13),
    Miscount(
        a_cell_too_many_that_is_only_told, noticed_by="cells are bounded", has_dimensions=True
    ),
    Miscount(a_parcel_that_forgets_its_cell, has_dimensions=True),
    Miscount(a_mark_on_the_day_of_another_cell, days=3, has_dimensions=True),
)
