"""Where periods start and end: tables from other billing systems' tests, and our limits."""

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import (
    Interval,
    IntervalUnit,
    Period,
    add_intervals,
    boundary,
    boundary_on_or_after,
    next_boundary,
    period_at,
    period_number,
    stub_denominator,
)
from meterline.core.billing.cycles import period_from
from tests.unit.core.instants import at, every, iso, span
from tests.unit.core.tables import rows

# case | anchor | every | at | what | expected
ALIGNED = """
autumn 002 | 2022-01-15T12:00 | 2 years  | 2024-06-20T12:00 | end   | 2026-01-15T12:00
autumn 009 | 2025-07-01T12:00 | year     | 2025-06-30T12:00 | end   | 2025-07-01T12:00
autumn 011 | 2026-01-31T10:00 | month    | 2026-04-30T10:00 | end   | 2026-05-31T10:00
autumn 014 | 2026-03-31T12:00 | month    | 2026-06-30T12:01 | end   | 2026-07-31T12:00
autumn 031 | 2025-01-02T12:00 | month    | 2025-02-15T12:00 | end   | 2025-03-02T12:00
autumn 034 | 2025-01-18T12:00 | 3 months | 2025-02-15T12:00 | end   | 2025-04-18T12:00
autumn 035 | 2025-02-28T12:00 | month    | 2025-03-15T12:00 | end   | 2025-03-28T12:00
autumn 036 | 2025-03-31T12:00 | month    | 2025-04-15T12:00 | end   | 2025-04-30T12:00
autumn 037 | 2025-03-31T12:00 | month    | 2025-05-02T12:00 | end   | 2025-05-31T12:00
autumn 039 | 2025-03-31T12:00 | month    | 2025-04-30T11:59 | end   | 2025-04-30T12:00
autumn 041 | 2025-04-28T12:00 | month    | 2025-01-15T12:00 | end   | 2025-01-28T12:00
autumn 042 | 2025-04-28T12:00 | 3 months | 2025-01-15T12:00 | end   | 2025-01-28T12:00
autumn 043 | 2025-05-31T12:00 | 2 months | 2025-02-15T12:00 | end   | 2025-03-31T12:00
autumn 046 | 2025-04-28T12:00 | month    | 2025-01-28T11:59 | end   | 2025-01-28T12:00
autumn 047 | 2025-04-28T12:00 | month    | 2025-01-28T12:01 | end   | 2025-02-28T12:00
autumn 048 | 2025-07-31T12:00 | 2 months | 2025-02-15T12:00 | end   | 2025-03-31T12:00
autumn 051 | 2025-01-31T12:00 | 3 months | 2025-03-15T12:00 | end   | 2025-04-30T12:00
autumn 052 | 2024-11-15T12:00 | 3 months | 2024-12-20T12:00 | end   | 2025-02-15T12:00
autumn 053 | 2025-04-15T12:00 | 3 months | 2025-02-20T12:00 | end   | 2025-04-15T12:00
autumn 055 | 2025-04-15T12:00 | 3 months | 2025-04-14T12:00 | end   | 2025-04-15T12:00
autumn 056 | 2025-01-08T12:00 | week     | 2025-01-12T12:00 | end   | 2025-01-15T12:00
autumn 057 | 2025-01-08T12:00 | 2 weeks  | 2025-01-17T12:00 | end   | 2025-01-22T12:00
autumn 058 | 2025-01-28T12:00 | week     | 2025-02-09T12:00 | end   | 2025-02-11T12:00
autumn 060 | 2025-01-22T12:00 | week     | 2025-01-12T12:00 | end   | 2025-01-15T12:00
autumn 061 | 2025-01-20T12:00 | 2 weeks  | 2025-01-12T12:00 | end   | 2025-01-20T12:00
autumn 062 | 2025-01-22T12:00 | week     | 2025-01-21T12:00 | end   | 2025-01-22T12:00
autumn 064 | 2026-01-31T10:00 | month    | 2026-04-30T10:00 | start | 2026-04-30T10:00
autumn 068 | 2025-01-02T12:00 | month    | 2025-02-15T12:00 | start | 2025-02-02T12:00
autumn 071 | 2025-01-18T12:00 | 3 months | 2025-05-15T12:00 | start | 2025-04-18T12:00
autumn 072 | 2025-02-28T12:00 | month    | 2025-03-15T12:00 | start | 2025-02-28T12:00
autumn 073 | 2025-03-31T12:00 | month    | 2025-04-15T12:00 | start | 2025-03-31T12:00
autumn 074 | 2025-03-31T12:00 | month    | 2025-05-02T12:00 | start | 2025-04-30T12:00
autumn 075 | 2025-03-31T12:00 | month    | 2025-04-30T11:59 | start | 2025-03-31T12:00
autumn 077 | 2025-04-28T12:00 | month    | 2025-01-15T12:00 | start | 2024-12-28T12:00
autumn 078 | 2025-04-28T12:00 | 3 months | 2025-01-15T12:00 | start | 2024-10-28T12:00
autumn 079 | 2025-05-31T12:00 | 2 months | 2025-02-15T12:00 | start | 2025-01-31T12:00
autumn 082 | 2025-04-28T12:00 | month    | 2025-01-28T11:59 | start | 2024-12-28T12:00
autumn 083 | 2025-04-28T12:00 | month    | 2025-01-28T12:01 | start | 2025-01-28T12:00
autumn 084 | 2025-07-31T12:00 | 2 months | 2025-02-15T12:00 | start | 2025-01-31T12:00
autumn 088 | 2025-01-15T12:00 | month    | 2025-01-20T12:00 | end   | 2025-02-15T12:00
autumn 095 | 2025-01-02T12:00 | month    | 2025-02-15T12:00 | start | 2025-02-02T12:00

flexprice 014 | 2024-02-01          | month    | 2024-01-31T23:45:30 | end   | 2024-02-01
flexprice 016 | 2024-02-29          | year     | 2024-02-29          | end   | 2025-02-28
flexprice 017 | 2023-02-28T18:15:30 | year     | 2023-02-28T18:15:30 | end   | 2024-02-28T18:15:30
flexprice 020 | 2022-04-15T06:30    | year     | 2024-04-15T06:30    | end   | 2025-04-15T06:30
flexprice 027 | 2024-01-01          | year     | 2023-03-15          | end   | 2024-01-01
flexprice 029 | 2025-01-01          | year     | 2024-01-01          | end   | 2025-01-01
flexprice 031 | 2025-01-01          | year     | 2024-03-15T14:59:59 | end   | 2025-01-01
flexprice 032 | 2025-01-01          | year     | 2024-02-28T18:30    | end   | 2025-01-01
flexprice 035 | 2024-01-01          | year     | 2023-02-20          | end   | 2024-01-01
flexprice 036 | 2025-01-01          | year     | 2024-03-01          | end   | 2025-01-01
flexprice 037 | 2025-01-01          | year     | 2024-01-15          | end   | 2025-01-01
flexprice 042 | 2024-03-11          | week     | 2024-03-06          | end   | 2024-03-11
flexprice 043 | 2024-03-11          | week     | 2024-03-10          | end   | 2024-03-11
flexprice 045 | 2024-04-01          | week     | 2024-03-27          | end   | 2024-04-01
flexprice 046 | 2024-01-01          | week     | 2023-12-31          | end   | 2024-01-01
flexprice 049 | 2024-03-10          | 10 days  | 2024-03-10          | end   | 2024-03-20
flexprice 051 | 2024-12-29          | 5 days   | 2024-12-29          | end   | 2025-01-03
flexprice 056 | 2024-01-31T14:59:59 | day      | 2024-01-31T14:59:59 | end   | 2024-02-01T14:59:59
flexprice 059 | 2024-02-28          | day      | 2024-02-27T18:30    | end   | 2024-02-28
flexprice 061 | 2024-02-28          | day      | 2024-02-27T15:00    | end   | 2024-02-28
flexprice 062 | 2026-03-03          | day      | 2026-03-02T07:58:45 | end   | 2026-03-03
flexprice 063 | 2026-04-01          | 3 months | 2026-03-22          | end   | 2026-04-01
flexprice 065 | 2026-04-01          | 3 months | 2026-07-01          | end   | 2026-10-01
flexprice 072 | 2027-01-01          | 6 months | 2026-10-05          | end   | 2027-01-01
flexprice 073 | 2026-03-15          | 6 months | 2026-03-15          | end   | 2026-09-15
flexprice 084 | 2024-01-15          | month    | 2024-01-20          | start | 2024-01-15
flexprice 092 | 2023-10-15          | month    | 2023-11-20          | start | 2023-11-15
flexprice 094 | 2024-01-15          | month    | 2024-02-20          | start | 2024-02-15
flexprice 098 | 2023-11-15          | month    | 2023-12-20          | start | 2023-12-15
flexprice 105 | 2023-01-15          | year     | 2023-06-15T03:30    | start | 2023-01-15
flexprice 107 | 2023-10-15          | 3 months | 2023-11-20          | start | 2023-10-15

lago 002 | 2021-01-01T05:00 | month    | 2022-02-28T05:00 | previous start | 2022-01-01T05:00
lago 004 | 2021-03-31       | month    | 2021-04-30       | start          | 2021-04-30
lago 005 | 2020-01-31       | month    | 2020-02-29       | start          | 2020-02-29
lago 006 | 2021-03-31       | month    | 2021-04-30       | previous start | 2021-03-31
lago 009 | 2021-01-01T05:00 | month    | 2022-02-28T05:00 | previous end   | 2022-02-01T05:00
lago 013 | 2022-01-31       | month    | 2022-02-28       | previous end   | 2022-02-28
lago 018 | 2021-02-02       | month    | 2022-03-07       | end            | 2022-04-02
lago 020 | 2021-02-02       | month    | 2021-12-07       | end            | 2022-01-02
lago 024 | 2021-02-02       | month    | 2022-03-07       | previous start | 2022-02-02
lago 026 | 2021-02-02       | month    | 2022-03-07       | start          | 2022-03-02
lago 027 | 2021-01-04       | week     | 2022-03-07       | previous start | 2022-02-28
lago 029 | 2021-02-02       | week     | 2022-03-09       | previous start | 2022-03-01
lago 030 | 2021-01-04       | week     | 2022-03-07       | previous end   | 2022-03-07
lago 032 | 2021-02-02       | week     | 2022-03-09       | previous end   | 2022-03-08
lago 033 | 2021-01-04       | week     | 2022-03-07       | end            | 2022-03-14
lago 035 | 2021-02-02       | week     | 2022-03-08       | end            | 2022-03-15
lago 037 | 2021-01-04       | week     | 2022-03-07       | start          | 2022-03-07
lago 039 | 2021-02-01T05:00 | week     | 2022-03-06T05:00 | previous start | 2022-02-21T05:00
lago 041 | 2021-01-01       | 3 months | 2022-07-01       | previous start | 2022-04-01
lago 044 | 2021-02-02       | 3 months | 2022-05-02       | previous start | 2022-02-02
lago 046 | 2021-02-28       | 3 months | 2022-05-31       | previous start | 2022-02-28
lago 050 | 2021-01-01       | 3 months | 2022-07-01       | previous end   | 2022-07-01
lago 052 | 2021-01-01       | 3 months | 2022-07-01       | end            | 2022-10-01
lago 053 | 2021-02-02       | 3 months | 2022-05-02       | previous end   | 2022-05-02
lago 057 | 2021-10-01       | 3 months | 2022-04-02       | previous end   | 2022-04-01
lago 062 | 2021-02-02       | 3 months | 2021-11-02       | end            | 2022-02-02
lago 070 | 2021-01-01T05:00 | year     | 2021-12-31T05:00 | previous start | 2020-01-01T05:00
lago 076 | 2021-01-01T05:00 | year     | 2021-12-31T05:00 | previous end   | 2021-01-01T05:00
lago 078 | 2020-02-29       | year     | 2022-03-01       | previous end   | 2022-02-28
lago 084 | 2021-02-02       | year     | 2022-03-07       | end            | 2023-02-02
lago 085 | 2021-02-01T05:00 | year     | 2022-03-06T05:00 | end            | 2023-02-01T05:00
lago 089 | 2021-02-02       | year     | 2022-03-07       | previous start | 2021-02-02
lago 090 | 2021-02-01T05:00 | year     | 2022-03-06T05:00 | previous start | 2021-02-01T05:00
lago 091 | 2021-02-02       | year     | 2022-03-07       | start          | 2022-02-02
lago 099 | 2023-01-06       | 6 months | 2023-08-04       | start          | 2023-07-06
lago 108 | 2021-01-01       | 6 months | 2022-07-02       | end            | 2023-01-01
lago 110 | 2021-02-02       | 6 months | 2022-05-07       | end            | 2022-08-02
lago 112 | 2021-02-02       | 6 months | 2021-11-02       | end            | 2022-02-02
lago 113 | 2021-01-01       | 6 months | 2022-07-02       | previous start | 2022-01-01
lago 115 | 2021-01-01       | 6 months | 2022-07-02       | start          | 2022-07-01

meteroid 009 | 2021-02-10 | month    | 2021-02-10 | start | 2021-02-10
meteroid 009 | 2021-02-10 | month    | 2021-02-10 | end   | 2021-03-10
meteroid 012 | 2021-07-01 | 3 months | 2021-07-01 | start | 2021-07-01
meteroid 012 | 2021-07-01 | 3 months | 2021-07-01 | end   | 2021-10-01
meteroid 014 | 2021-01-10 | 3 months | 2021-01-10 | start | 2021-01-10
meteroid 014 | 2021-01-10 | 3 months | 2021-01-10 | end   | 2021-04-10
meteroid 018 | 2023-01-01 | year     | 2023-01-01 | start | 2023-01-01
meteroid 018 | 2023-01-01 | year     | 2023-01-01 | end   | 2024-01-01
meteroid 051 | 2024-01-01 | month    | 2024-02-02 | start | 2024-02-01
meteroid 051 | 2024-01-01 | month    | 2024-02-02 | end   | 2024-03-01
meteroid 052 | 2024-01-01 | month    | 2024-06-15 | start | 2024-06-01
meteroid 052 | 2024-01-01 | month    | 2024-06-15 | end   | 2024-07-01
meteroid 056 | 2024-01-10 | month    | 2024-01-20 | start | 2024-01-10
meteroid 056 | 2024-01-10 | month    | 2024-01-20 | end   | 2024-02-10
meteroid 057 | 2024-01-10 | month    | 2024-02-10 | start | 2024-02-10
meteroid 057 | 2024-01-10 | month    | 2024-02-10 | end   | 2024-03-10
meteroid 067 | 2024-01-15 | month    | 2024-02-15 | start | 2024-02-15
meteroid 067 | 2024-01-15 | month    | 2024-02-15 | end   | 2024-03-15

openmeter_polar 002 | 2025-01-31T15:00 | month | 2025-09-30T15:00 | start | 2025-09-30T15:00
openmeter_polar 002 | 2025-01-31T15:00 | month | 2025-09-30T15:00 | end   | 2025-10-31T15:00

killbill 016 | 2022-02-02 | week | 2022-02-19 | on or after | 2022-02-23
"""

# Held differently: these systems step the wall clock of the customer's zone. Anchors here are UTC
# timestamps, as Stripe's are, and keep their UTC day and time of day.
# case | anchor | every | at | next boundary of theirs | ours
WALL_CLOCK = """
flexprice 001 | 2024-01-30T18:30 | month    | 2024-01-30T18:30 | 2024-02-28T18:30 | 2024-02-29T18:30
flexprice 003 | 2023-12-30T18:30 | 2 months | 2023-12-31T05:07 | 2024-02-28T18:30 | 2024-02-29T18:30
flexprice 079 | 2024-02-29T18:30 | month    | 2024-04-15       | 2024-04-30T18:30 | 2024-04-29T18:30
flexprice 083 | 2024-02-01T05:00 | month    | 2024-03-01T05:00 | 2024-04-01T04:00 | 2024-04-01T05:00
"""

# Held differently: Autumn makes one long first period of everything before an anchor far ahead.
# Stripe's first full invoice is within one interval, so periods before the anchor are aligned too.
FAR_ANCHORS = """
autumn 090 | 2025-07-15T12:00 | 3 months | 2025-02-01T12:00 | 2025-07-15T12:00 | 2025-04-15T12:00
autumn 091 | 2026-12-15T12:00 | year     | 2025-03-01T12:00 | 2026-12-15T12:00 | 2025-12-15T12:00
"""

# case | anchor | every | start of the subscription | first boundary
FIRST_PERIODS = """
flexprice 087 | 2024-01-15       | month    | 2024-01-13       | 2024-01-15
lago 043      | 2021-01-01T05:00 | 3 months | 2022-04-06T04:00 | 2022-07-01T05:00
lago 094      | 2021-01-01T05:00 | 6 months | 2022-04-06T04:00 | 2022-07-01T05:00
meteroid 016  | 2022-01-01       | year     | 2021-01-10       | 2022-01-01
"""

# case | anchor | every | start of the subscription | at | periods completed by then
COMPLETED = """
meteroid 022 | 2024-01-01 | month    | 2024-01-01 | 2024-02-02 | 1
meteroid 023 | 2024-01-01 | month    | 2024-01-01 | 2024-06-15 | 5
meteroid 024 | 2024-01-01 | month    | 2024-01-01 | 2024-07-01 | 6
meteroid 029 | 2024-01-10 | month    | 2024-01-01 | 2024-02-10 | 2
meteroid 033 | 2024-01-01 | 3 months | 2024-01-01 | 2024-07-01 | 2
meteroid 040 | 2022-01-01 | year     | 2021-01-10 | 2022-01-01 | 1
meteroid 044 | 2024-01-15 | month    | 2024-01-01 | 2024-02-15 | 2
"""


@pytest.mark.parametrize(
    ("case", "anchor", "interval", "instant", "what", "expected"), rows(ALIGNED)
)
def test_periods_are_aligned_to_the_anchor(
    case: str, anchor: str, interval: str, instant: str, what: str, expected: str
) -> None:
    current = period_at(at(anchor), every(interval), at(instant))
    previous = period_at(at(anchor), every(interval), current.start - 1)
    instants = {
        "start": current.start,
        "end": current.end,
        "previous start": previous.start,
        "previous end": previous.end,
        "on or after": boundary_on_or_after(at(anchor), every(interval), at(instant)),
    }
    assert iso(instants[what]) == iso(at(expected)), case


@pytest.mark.parametrize(
    ("case", "anchor", "interval", "instant", "theirs", "ours"), rows(WALL_CLOCK + FAR_ANCHORS)
)
def test_anchors_are_utc_and_align_every_period(
    case: str, anchor: str, interval: str, instant: str, theirs: str, ours: str
) -> None:
    assert theirs != ours
    assert next_boundary(at(anchor), every(interval), at(instant)) == at(ours), case


@pytest.mark.parametrize(("case", "anchor", "interval", "start", "end"), rows(FIRST_PERIODS))
def test_the_first_period_starts_with_the_subscription_and_ends_on_a_boundary(
    case: str, anchor: str, interval: str, start: str, end: str
) -> None:
    assert period_from(at(anchor), every(interval), at(start)).period == span(start, end), case


@pytest.mark.parametrize(
    ("case", "anchor", "interval", "start", "instant", "completed"), rows(COMPLETED)
)
def test_completed_periods_are_the_boundaries_passed_since_the_start(
    case: str, anchor: str, interval: str, start: str, instant: str, completed: str
) -> None:
    first = period_number(at(anchor), every(interval), at(start))
    last = period_number(at(anchor), every(interval), at(instant))
    assert last - first == int(completed), case


@pytest.mark.parametrize(
    ("case", "end_of_subscription"),
    [("flexprice 074", "2026-03-28"), ("flexprice 076", "2026-05-31")],
)
def test_a_cancellation_before_the_boundary_ends_the_period(
    case: str, end_of_subscription: str
) -> None:
    """The boundary itself does not move; what remains of the period from the end on is given up."""
    period = span("2026-03-15", "2026-07-01")
    given_up = period.remaining_from(at(end_of_subscription))
    assert given_up == span(end_of_subscription, "2026-07-01"), case


@pytest.mark.parametrize(
    ("unit", "count", "reason"),
    [
        ("hour", 1, "autumn 020, -025, 026, 029: Stripe has no hourly interval"),
        ("year", 4, "flexprice 023: a price recurs at least every three years"),
        ("month", 37, "36 months are three years"),
        ("week", 157, "156 weeks are three years"),
        ("day", 1096, "1095 days are three years"),
        ("month", 0, "an interval is at least one unit"),
        ("month", -1, "an interval is at least one unit"),
    ],
)
def test_intervals_outside_the_contract_are_refused(unit: str, count: int, reason: str) -> None:
    with pytest.raises((BillingError, ValueError), match=r"nterval"):
        Interval(IntervalUnit(unit), count)
    assert reason


@pytest.mark.parametrize(
    ("anchor", "interval", "n", "expected"),
    [
        ("2024-01-31", "month", 1, "2024-02-29"),
        ("2024-01-31", "month", 2, "2024-03-31"),
        ("2024-01-31", "month", -2, "2023-11-30"),
        ("2024-02-29", "year", 1, "2025-02-28"),
        ("2024-02-29", "year", 4, "2028-02-29"),
        ("2024-02-29T23:59:59", "3 years", 1, "2027-02-28T23:59:59"),
        ("2024-03-10T01:30:00", "day", 1, "2024-03-11T01:30:00"),
        ("2024-12-31", "36 months", 1, "2027-12-31"),
        ("1999-12-31", "156 weeks", 1, "2002-12-27"),
    ],
)
def test_the_nth_boundary_is_computed_from_the_anchor(
    anchor: str, interval: str, n: int, expected: str
) -> None:
    assert iso(boundary(at(anchor), every(interval), n)) == expected


@pytest.mark.parametrize(
    ("instant", "remaining_days"),
    [
        ("2023-12-01", 31),
        ("2024-01-01", 31),
        ("2024-01-31", 1),
        ("2024-02-01", 0),
        ("2025-01-01", 0),
    ],
)
def test_what_remains_of_a_period_is_never_more_than_the_period(
    instant: str, remaining_days: int
) -> None:
    remaining = span("2024-01-01", "2024-02-01").remaining_from(at(instant))
    assert remaining.seconds == remaining_days * 86_400
    assert remaining.end == at("2024-02-01")


def test_a_period_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Period(2, 1)


@pytest.mark.parametrize(
    ("others", "left"),
    [
        ([], [(10, 20)]),
        ([(10, 20)], []),
        ([(0, 30)], []),
        ([(12, 15)], [(10, 12), (15, 20)]),
        ([(15, 20), (5, 11)], [(11, 15)]),
        ([(12, 16), (14, 18)], [(10, 12), (18, 20)]),
        ([(0, 10), (20, 30), (40, 50)], [(10, 20)]),
    ],
)
def test_a_period_without_others_is_what_none_of_them_has(
    others: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    parts = Period(10, 20).without(Period(*one) for one in others)
    assert [(part.start, part.end) for part in parts] == left


def test_a_boundary_belongs_to_the_period_that_it_starts() -> None:
    anchor, interval = at("2024-01-31"), every("month")
    assert period_at(anchor, interval, at("2024-02-29")) == span("2024-02-29", "2024-03-31")
    assert next_boundary(anchor, interval, at("2024-02-29")) == at("2024-03-31")
    assert boundary_on_or_after(anchor, interval, at("2024-02-29")) == at("2024-02-29")


def test_two_months_after_23_november_is_23_january() -> None:
    assert iso(add_intervals(at("2024-11-23"), every("month"), 2)) == "2025-01-23"


@pytest.mark.parametrize(
    ("stub", "interval", "whole_days", "reason"),
    [
        (("2023-02-15", "2023-03-01"), "month", 28, "published: half of a month from 15 February"),
        (("2023-01-15", "2023-02-01"), "month", 31, "published: 17/31 of a month from 15 January"),
        (
            ("2023-03-03", "2023-03-15"),
            "month",
            31,
            "the month from 3 March, not the one before 15",
        ),
        (("2023-06-08", "2023-06-12"), "week", 7, "weeks are all alike"),
        (
            ("2024-02-10", "2024-07-01"),
            "year",
            366,
            "the year from 10 February 2024 has 29 February",
        ),
        (("2023-02-28T12:00:00", "2023-03-30T12:00:00"), "month", 30, "never more than one price"),
    ],
)
def test_a_stub_is_a_fraction_of_the_interval_that_starts_with_it(
    stub: tuple[str, str], interval: str, whole_days: int, reason: str
) -> None:
    whole = stub_denominator(span(*stub), every(interval))
    assert whole.seconds == whole_days * 86_400, reason
