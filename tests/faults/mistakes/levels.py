"""Levels, and samples of percentiles."""

from dataclasses import replace
from decimal import Decimal

import pytest

from meterline.core.metering import aggregation, day_totals
from meterline.core.metering.aggregation import Aggregate, Measure, Row
from meterline.core.metering.samples import Samples
from meterline.services.metering import (
    usage_query,
)
from tests.faults.mistakes.mistake import Miscount


def a_level_that_ends_with_its_hour(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(usage_query, "_level_before", lambda *_: aggregation.ZERO)


def levels_in_the_order_of_receipt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(aggregation, "_by_time", lambda row: (row.accepted_at, row.identity))


def a_day_that_forgets_its_last_level(patch: pytest.MonkeyPatch) -> None:
    total_of = day_totals.total_of

    def without_it(state: day_totals.State) -> Aggregate | None:
        total = total_of(state)
        if total is None or total.chosen is None:
            return total
        return replace(total, chosen=total.chosen._replace(value=aggregation.ZERO))

    patch.setattr(day_totals, "total_of", without_it)


def samples_that_are_told_without_zeros(patch: pytest.MonkeyPatch) -> None:
    told = Samples.told

    def of_those_with_events(self: Samples, start: int, end: int, percentage: Decimal) -> Samples:
        return replace(told(self, start, end, percentage), left_out=len(self.sums) // 50)

    patch.setattr(Samples, "told", of_those_with_events)


def a_sample_that_outlives_its_events(patch: pytest.MonkeyPatch) -> None:
    take_out = aggregation.without

    def but_for_samples(whole: Aggregate, row: Row, measure: Measure) -> Aggregate:
        return replace(take_out(whole, row, measure), samples=whole.samples)

    patch.setattr(aggregation, "without", but_for_samples)


MISTAKES = (
    Miscount(a_level_that_ends_with_its_hour, formula="weighted_sum"),
    Miscount(levels_in_the_order_of_receipt, formula="weighted_sum", first=40),
    Miscount(a_day_that_forgets_its_last_level, formula="weighted_sum", days=3),
    Miscount(samples_that_are_told_without_zeros, formula="percentile"),
    Miscount(a_sample_that_outlives_its_events, formula="percentile"),
)
