"""Usage that is not looked at while its hour runs is read by its invoice, or looked at later."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.services.billing.private_states import LineState
from meterline.services.invoices.running_hours import (
    SLACK_SECONDS,
    is_looked_at_later,
    usage_look_at,
)
from meterline.store.metering.usage import BucketKey

HOUR = 3_600
NOON = 1_800_000_000 // 86_400 * 86_400 + 12 * HOUR


def draft(
    *, end: int, finalizes_at: int | None, livemode: bool = True, meter: str | None = "mtr_1"
) -> Any:
    """A draft that bills the usage of a meter up to ``end``."""
    line = {"id": "il_1", "period": {"start": end - 5 * HOUR, "end": end}}
    return {
        "automatically_finalizes_at": finalizes_at,
        "lines": {"data": [LineState(meter=meter).on(line)], "has_more": False},
        "livemode": livemode,
    }


def bucket(start: int, *, livemode: bool = True) -> BucketKey:
    return BucketKey(livemode, "mtr_1", "cus_1", start // HOUR)


# livemode | seconds after the hour began | whether late usage of it is left to others
WHEN = [
    (True, -300, True),
    (True, 0, True),
    (True, HOUR - SLACK_SECONDS - 1, True),
    (True, HOUR - SLACK_SECONDS, False),
    (True, HOUR, False),
    (False, 0, False),
]


@pytest.mark.parametrize(("livemode", "after", "is_later"), WHEN)
def test_an_hour_runs_nearly_until_its_end_in_live_mode(
    *, livemode: bool, after: int, is_later: bool
) -> None:
    assert is_looked_at_later(bucket(NOON, livemode=livemode), now=NOON + after) is is_later


# what is special | when the draft was to be final, and is, after noon | when its usage is looked at
LOOKS: list[tuple[dict[str, Any], int | None, int, int | None]] = [
    ({}, HOUR, HOUR, None),
    ({}, HOUR, 2 * HOUR + 5, None),
    ({}, HOUR, 60, HOUR),
    ({}, 600, 600, HOUR),
    ({}, None, 5 * HOUR + 7, 6 * HOUR),
    ({}, None, 0, HOUR),
    ({"meter": None}, None, 0, None),
    ({"livemode": False}, HOUR, HOUR, None),
    ({"livemode": False}, 600, 600, None),
    ({"livemode": False}, None, 7, 7),
]


@pytest.mark.parametrize(("special", "foreseen", "final", "look"), LOOKS)
def test_an_invoice_that_is_final_early_is_looked_at_when_the_hour_is_over(
    special: dict[str, Any], foreseen: int | None, final: int, look: int | None
) -> None:
    finalizes_at = None if foreseen is None else NOON + foreseen
    invoice = draft(end=NOON, finalizes_at=finalizes_at, **special)
    assert usage_look_at(invoice, NOON + final) == (None if look is None else NOON + look)


@given(
    end=st.integers(0, 2 * HOUR),
    grace=st.one_of(st.none(), st.integers(0, 2 * HOUR)),
    delay=st.integers(0, 3 * HOUR),
    age=st.integers(1, 2 * HOUR),
    seen=st.integers(-300, 4 * HOUR),
    skew=st.integers(-SLACK_SECONDS + 1, SLACK_SECONDS - 1),
)
def test_what_is_not_looked_at_is_read_by_the_invoice_or_looked_at_later(
    end: int, grace: int | None, delay: int, age: int, seen: int, skew: int
) -> None:
    """An event of ``age`` before the end of a period is counted, and its change seen, by a clock
    that is ahead by ``skew`` of the one that makes the invoice final.
    """
    end, used = NOON + end, NOON + end - age
    final = end + (grace or 0) + delay
    counted = used + seen
    if not is_looked_at_later(bucket(used), now=counted + skew):
        return
    invoice = draft(end=end, finalizes_at=None if grace is None else end + grace)
    look = usage_look_at(invoice, final)
    assert counted < final if look is None else counted < look
