"""When an invoice is late, and when it is given up."""

import pytest

from meterline.core.subscriptions.dunning import Deadlines, DunningPolicy, deadlines_of

FINAL = 1_000


@pytest.mark.parametrize(
    ("due_date", "dunning_policy", "deadlines"),
    [
        (None, DunningPolicy(), Deadlines(None, None)),
        (None, DunningPolicy(give_up_seconds=50), Deadlines(None, None)),
        (None, DunningPolicy(late_seconds=30), Deadlines(1_030, None)),
        (None, DunningPolicy(late_seconds=30, give_up_seconds=50), Deadlines(1_030, 1_080)),
        (1_200, DunningPolicy(late_seconds=30), Deadlines(1_200, None)),
        (1_200, DunningPolicy(give_up_seconds=0), Deadlines(1_200, 1_200)),
    ],
)
def test_an_invoice_is_late_after_its_due_date_or_a_window_and_given_up_after_another(
    due_date: int | None, dunning_policy: DunningPolicy, deadlines: Deadlines
) -> None:
    assert deadlines_of(FINAL, due_date, dunning_policy) == deadlines


def test_an_invoice_that_becomes_final_after_its_due_date_is_late_at_once_and_not_before() -> None:
    dunning_policy = DunningPolicy(give_up_seconds=50)
    assert deadlines_of(FINAL, FINAL - 1, dunning_policy) == Deadlines(FINAL, FINAL + 50)
