"""A change as of an earlier instant that restarts the cycle now: what lies between is billed."""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

EARLIER = "2024-05-11"
"""The ``proration_date``: there are 5 calls before it, 7 since then, and 20 after the restart."""


def added(_: Any, calls: str) -> list[dict[str, Any]]:
    return [{"price": calls}]


def swapped(made: Any, calls: str) -> list[dict[str, Any]]:
    return [{"id": made["items"].data[0].id, "price": calls}]


def billed(stage: Stage, of: str) -> list[int]:
    """What lines bill of a product, on one invoice after another."""
    lines = [line for invoice in stage.invoices() for line in invoice.lines.auto_paging_iter()]
    return [line.quantity for line in lines if of in line.description]


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize("items", [added, swapped])
@pytest.mark.parametrize(
    ("restarted", "later"),
    [({"billing_cycle_anchor": "now"}, [20]), ({"trial_end": at("2024-06-01")}, [])],
    ids=["by a new anchor", "by a trial"],
)
@pytest.mark.parametrize("former", ["a fee", "usage of another meter"])
def test_an_item_that_counts_since_before_a_restart_bills_the_usage_up_to_it(
    api: Api, mode: str, items: Any, restarted: dict[str, Any], later: list[int], former: str
) -> None:
    stage = Stage(api, "2024-05-01", terms={"billing_mode": {"type": mode}})
    calls = stage.metered("Calls", stage.meter(), 10)
    other = stage.metered("Storage", stage.meter("storage"), 1)
    made = stage.subscribe(stage.price("Seat", 100) if former == "a fee" else other)
    stage.until("2024-05-20")
    stage.use(5, "2024-05-10 23:59")
    stage.use(7, EARLIER)
    if former != "a fee":
        stage.use(400, "2024-05-15", "storage")
    stage.change(made, items=items(made, calls), proration_date=at(EARLIER), **restarted)
    stage.use(20)
    stage.until("2024-06-20 02:00")
    assert [one for one in billed(stage, "Calls") if one] == [7, *later]
    assert sum(billed(stage, "Storage")) == (0 if former == "a fee" else 400)


def test_usage_of_a_trial_is_free_for_what_is_added_to_it(api: Api) -> None:
    stage = Stage(api, "2024-05-01")
    made = stage.subscribe(stage.price("Seat", 100), trial_end=at("2024-06-01"))
    calls = stage.metered("Calls", stage.meter(), 10)
    stage.until("2024-05-20")
    stage.use(7, EARLIER)
    given = {"proration_date": at(EARLIER), "trial_end": "now"}
    stage.change(made, items=[{"price": calls}], **given)
    stage.use(20)
    stage.until("2024-06-20 02:00")
    assert [one for one in billed(stage, "Calls") if one] == [20]
