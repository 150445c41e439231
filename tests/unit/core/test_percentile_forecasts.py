"""A percentile is carried on by samples that are spread as those before, here listed again."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.analytics.forecasts import percentile_carried_on
from meterline.core.metering.samples import Samples

FIFTY = Decimal(50)


def of(values: Sequence[int], percentage: Decimal = FIFTY) -> Samples:
    sums = {place: Decimal(value) for place, value in enumerate(values) if value}
    return Samples(sums).told(0, 300 * len(values), percentage)


SPREAD = st.lists(st.integers(-3, 9), min_size=1, max_size=12)


@given(SPREAD, SPREAD, st.integers(0, 4), st.integers(1, 100).map(Decimal))
def test_whole_copies_of_the_pace_come_to_the_percentile_of_all(
    so_far: list[int], pace: list[int], copies: int, percentage: Decimal
) -> None:
    everything = of([*so_far, *pace * copies], percentage)
    expected = percentile_carried_on(
        of(so_far, percentage), of(pace), copies * len(pace), percentage
    )
    assert expected == everything.counting


@pytest.mark.parametrize(
    ("so_far", "pace", "left", "expected"),
    [
        ([9, 9], [1], 0, 9),
        ([9, 9], [1], 1, 9),
        ([9, 9], [1], 3, 1),
        ([9, 9], [5, 1], 1, 9),
        ([9], [5, 1], 3, 5),
        ([9], [], 3, 9),
    ],
)
def test_less_than_a_copy_is_spread_as_the_pace_is(
    so_far: list[int], pace: list[int], left: int, expected: int
) -> None:
    assert percentile_carried_on(of(so_far), of(pace), left, FIFTY) == expected
