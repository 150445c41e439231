"""Where usage leads: exact arithmetic, rounded once."""

from decimal import Decimal, localcontext

import pytest

from meterline.core.analytics.forecasts import Pace, carried_on, grows
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.aggregation import Formula

DAY = 86_400


@pytest.mark.parametrize(
    ("used", "pace", "left", "expected"),
    [
        # Ten days of thirty are over: three times as much.
        ((100, 7), (100, 7, 10 * DAY), 20 * DAY, ("300", 21)),
        # A third of a unit in each second has no end in decimals: twelve places, and half up.
        (("1", 1), ("1", 1, 3), 2, ("1.666666666667", 2)),
        (("-1", 1), ("-1", 1, 3), 2, ("-1.666666666667", 2)),
        # Half an event counts as one.
        ((0, 0), (5, 1, 2), 1, ("2.5", 1)),
        # Another pace than that of the period.
        ((40, 4), (70, 14, 7 * DAY), 3 * DAY, ("70", 10)),
        # Nothing is over, or nothing is left: it stands.
        ((40, 4), (40, 4, 0), 30 * DAY, ("40", 4)),
        ((40, 4), (40, 4, 30 * DAY), 0, ("40", 4)),
        ((40, 4), (40, 4, 30 * DAY), -5, ("40", 4)),
        ((10**24, 1), (10**24, 1, 7), 1, ("1142857142857142857142857.142857142857", 1)),
    ],
)
def test_usage_goes_on_at_a_pace(
    used: tuple[object, int],
    pace: tuple[object, int, int],
    left: int,
    expected: tuple[str, int],
) -> None:
    given = Pace(Usage(Decimal(str(pace[0])), pace[1]), pace[2])
    with localcontext(prec=3):
        found = carried_on(Usage(Decimal(str(used[0])), used[1]), given, left)
    assert found == Usage(Decimal(expected[0]), expected[1])


@pytest.mark.parametrize("formula", Formula)
def test_only_what_adds_up_with_time_is_carried_on(formula: Formula) -> None:
    assert grows(formula) == (formula in (Formula.SUM, Formula.COUNT))
