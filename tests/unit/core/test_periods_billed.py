"""How many periods' prices a subscription is billed from its start: full ones and fractions."""

from fractions import Fraction

import pytest

from meterline.core.base.periods import stub_denominator
from meterline.core.billing.anchors import AnchorConfig, resolve_anchor
from meterline.core.billing.cycles import period_from
from tests.unit.core.instants import at, every, span
from tests.unit.core.tables import rows

# case | every | start | day of month | billed in advance through | end | periods billed
BILLED = """
killbill 004 | month    | 2011-02-17 | 3  | 2011-03-01 | -          | 1/2
killbill 005 | month    | 2011-02-03 | 3  | 2011-03-03 | 2011-02-17 | 1/2
killbill 008 | month    | 2011-02-17 | 3  | 2011-03-04 | -          | 3/2
killbill 009 | month    | 2011-02-01 | 1  | 2011-03-01 | 2011-02-15 | 1/2
killbill 010 | month    | 2011-02-15 | 15 | 2011-03-01 | -          | 1
killbill 012 | month    | 2011-03-06 | 6  | 2011-03-09 | -          | 1
killbill 013 | month    | 2010-12-15 | 15 | 2011-01-16 | -          | 2
killbill 017 | month    | 2011-02-01 | 1  | 2011-03-01 | 2011-02-14 | 13/28
killbill 018 | month    | 2011-02-01 | 1  | 2011-03-01 | 2011-02-14 | 13/28
killbill 020 | month    | 2012-02-01 | 1  | 2012-02-19 | 2012-02-15 | 14/29
killbill 029 | month    | 2010-12-15 | 15 | 2011-03-15 | 2011-03-17 | 95/31
killbill 046 | month    | 2011-01-01 | 15 | 2011-01-01 | 2011-02-27 | 14/31
killbill 049 | month    | 2011-01-01 | 15 | 2011-01-22 | 2011-02-27 | 45/31
killbill 051 | month    | 2011-01-01 | 15 | 2011-02-26 | 2011-02-27 | 408/217
killbill 053 | month    | 2011-01-01 | 15 | 2011-03-07 | 2011-02-27 | 408/217
killbill 059 | 3 months | 2011-02-03 | 3  | 2011-05-04 | 2011-02-17 | 14/89
killbill 061 | 3 months | 2011-02-01 | 1  | 2011-03-01 | 2011-02-15 | 14/89
killbill 062 | 3 months | 2011-02-15 | 15 | 2011-03-01 | -          | 1
killbill 063 | 3 months | 2011-02-20 | 20 | 2011-03-09 | 2011-03-06 | 14/89
killbill 065 | 3 months | 2010-12-15 | 15 | 2011-01-16 | -          | 1
killbill 066 | 3 months | 2012-02-15 | 15 | 2012-03-15 | -          | 1
killbill 067 | 3 months | 2012-01-15 | 15 | 2012-02-03 | -          | 1
killbill 072 | 3 months | 2012-02-01 | 1  | 2012-02-19 | 2012-02-15 | 7/45
killbill 073 | 3 months | 2011-02-07 | 7  | 2011-09-21 | 2011-02-15 | 8/89
killbill 075 | 3 months | 2011-02-07 | 7  | 2011-07-21 | 2011-05-07 | 1
killbill 081 | 3 months | 2010-12-15 | 15 | 2011-06-15 | 2011-06-17 | 93/46
killbill 092 | 3 months | 2010-06-17 | 17 | 2010-06-17 | 2010-09-25 | 1
killbill 094 | 3 months | 2010-06-17 | 17 | 2010-09-17 | 2010-09-25 | 99/91
killbill 095 | 3 months | 2010-06-17 | 17 | 2010-09-18 | 2010-09-25 | 99/91
killbill 111 | year     | 2011-02-01 | 13 | 2011-02-04 | -          | 12/365
killbill 112 | year     | 2011-02-01 | 13 | 2011-02-13 | -          | 377/365
killbill 114 | year     | 2011-02-01 | 13 | 2011-02-01 | 2012-02-13 | 12/365
killbill 115 | year     | 2011-02-01 | 13 | 2011-02-04 | 2012-02-13 | 12/365
killbill 122 | year     | 2010-06-17 | 17 | 2011-06-17 | 2011-06-25 | 187/183
killbill 123 | year     | 2010-06-17 | 17 | 2011-06-18 | 2011-06-25 | 187/183
killbill 129 | year     | 2011-01-01 | 15 | 2011-01-22 | 2012-01-27 | 379/365
killbill 131 | year     | 2011-01-01 | 15 | 2012-01-17 | 2012-01-27 | 23849/22265
killbill 132 | year     | 2011-01-01 | 15 | 2012-01-27 | 2012-01-27 | 23849/22265
killbill 133 | year     | 2011-01-01 | 15 | 2012-03-07 | 2012-01-27 | 23849/22265
"""

# Held differently: Kill Bill measures a stub against the aligned period that it is the end of, we
# against the interval that starts with it, the only rule that Stripe publishes.
# case | every | start | day | through | end | periods billed by Kill Bill, by us
OTHER_DENOMINATOR = """
killbill 024 | month    | 2011-03-07 | 15 | 2011-04-21 | -          | 16/7, 70/31
killbill 030 | month    | 2011-02-01 | 13 | 2011-02-01 | -          | 12/31, 3/7
killbill 031 | month    | 2011-02-01 | 13 | 2011-02-04 | -          | 12/31, 3/7
killbill 033 | month    | 2011-02-01 | 13 | 2011-04-13 | -          | 105/31, 24/7
killbill 035 | month    | 2011-02-01 | 13 | 2011-02-04 | 2011-04-13 | 12/31, 3/7
killbill 038 | month    | 2011-02-01 | 13 | 2011-04-13 | 2011-04-13 | 74/31, 17/7
killbill 076 | 3 months | 2011-05-07 | 15 | 2011-07-21 | -          | 97/89, 25/23
killbill 082 | 3 months | 2011-02-01 | 13 | 2011-02-01 | -          | 3/23, 12/89
killbill 083 | 3 months | 2011-02-01 | 13 | 2011-02-04 | -          | 3/23, 12/89
killbill 084 | 3 months | 2011-02-01 | 13 | 2011-02-13 | -          | 26/23, 101/89
killbill 085 | 3 months | 2011-02-01 | 13 | 2011-06-13 | -          | 49/23, 190/89
killbill 104 | 3 months | 2011-01-01 | 15 | 2011-04-27 | 2011-04-27 | 5375/4186, 5272/4095
killbill 106 | 3 months | 2011-01-01 | 15 | 2011-06-26 | 2011-08-27 | 99/46, 97/45
"""

# Held differently: Kill Bill looks for the day only in months that are whole intervals after the
# month of the start. The config's anchor is the day's next occurrence, in whatever month.
# case | every | start | day | through | end | periods billed by Kill Bill, by us
OTHER_MONTH = """
killbill 056 | 3 months | 2011-02-24 | 10 | 2011-03-06 | - | 75/89, 14/89
killbill 058 | 3 months | 2011-02-17 | 3  | 2011-05-03 | - | 164/89, 103/89
killbill 107 | year     | 2011-01-31 | 15 | 2011-02-24 | - | 349/365, 76/73
killbill 108 | year     | 2010-12-15 | 4  | 2012-01-13 | - | 719/365, 150/73
"""


def periods_billed(start: int, interval: str, day: int, through: int, end: int | None) -> Fraction:
    """Sum of the fractions of full periods from the start; the period at `through` is the last."""
    anchor = resolve_anchor(AnchorConfig(day), start, every(interval))
    billed = Fraction(0)
    now = start
    while now <= through and (end is None or now < end):
        cycle = period_from(anchor, every(interval), now)
        stop = cycle.period.end if end is None else min(cycle.period.end, end)
        billed += Fraction(stop - now, cycle.whole.seconds)
        now = cycle.period.end
    return billed


@pytest.mark.parametrize(
    ("case", "interval", "start", "day", "through", "end", "expected"), rows(BILLED)
)
def test_periods_are_billed_from_stub_to_cancellation(
    case: str, interval: str, start: str, day: str, through: str, end: str, expected: str
) -> None:
    last = None if end == "-" else at(end)
    billed = periods_billed(at(start), interval, int(day), at(through), last)
    assert billed == Fraction(expected), case


@pytest.mark.parametrize(
    ("case", "interval", "start", "day", "through", "end", "expected"),
    rows(OTHER_DENOMINATOR + OTHER_MONTH),
)
def test_where_stripe_s_rules_bill_another_fraction(
    case: str, interval: str, start: str, day: str, through: str, end: str, expected: str
) -> None:
    theirs, ours = expected.split(", ")
    last = None if end == "-" else at(end)
    billed = periods_billed(at(start), interval, int(day), at(through), last)
    assert Fraction(theirs) != billed
    assert billed == Fraction(ours), case


@pytest.mark.parametrize("case", ["killbill 139", "killbill 140"])
def test_a_stub_from_23_february_to_15_march_is_20_of_28_days(case: str) -> None:
    stub = span("2023-02-23", "2023-03-15")
    whole = stub_denominator(stub, every("month"))
    assert Fraction(stub.seconds, whole.seconds) == Fraction(5, 7), case
