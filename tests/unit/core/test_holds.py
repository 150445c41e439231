"""An endpoint that does not answer is held; what waits for it comes back soon enough."""

import pytest

from meterline.core.events.holds import hold_after, wait_of

HOLDS = [
    # taken nothing for, the call took, held for
    (0, 10_000, None),
    (9, 10_000, None),
    (10, 10_000, 10),
    (10, 1_999, None),
    (10, 2_000, 10),
    (100, 10_000, 20),
    (3_600, 10_000, 300),
    (3_600, 8, None),
    (259_000, 10_000, 300),
]


@pytest.mark.parametrize(("failing", "milliseconds", "held"), HOLDS)
def test_only_what_keeps_workers_waiting_for_some_time_is_held(
    failing: int, milliseconds: int, held: int | None
) -> None:
    assert hold_after(failing, milliseconds) == held


WAITS = [(10, 10, 10), (300, 600, 300), (20, 3_600, 720), (300, 86_400, 17_280)]


@pytest.mark.parametrize(("hold", "failing", "least"), WAITS)
def test_what_waits_comes_back_within_a_fifth_of_the_time_for_which_nothing_was_taken(
    hold: int, failing: int, least: int
) -> None:
    waits = {wait_of(f"whd_{number}", hold, failing) for number in range(200)}
    assert min(waits) == least
    assert max(waits) < least + 20
