"""Every event that is counted is billed once, whatever begins or ends in its second."""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day

CLASSIC = {"billing_mode": {"type": "classic"}}


def bills(stage: Stage) -> list[list[tuple[str, int]]]:
    """All invoices, each as its lines: the day on which one begins, and its amount."""
    return [
        [(day(line.period.start), line.amount) for line in one.lines.data]
        for one in stage.invoices()
    ]


# ---------------------------------------------------------------- owed from before a trial


def then_wait(stage: Stage, _: Any) -> None:
    stage.until("2024-06-01 02:00")


def then_end_the_trial(stage: Stage, subscription: Any) -> None:
    stage.until("2024-05-20")
    stage.change(subscription, trial_end="now")


@pytest.mark.parametrize("behavior", ["cancel", "pause"])
@pytest.mark.parametrize("ending", [then_wait, then_end_the_trial])
def test_usage_of_before_a_trial_is_billed_though_the_subscription_does_not_outlast_it(
    api: Api, ending: Any, behavior: str
) -> None:
    stage = Stage(api, "2024-05-01")
    made = stage.subscribe(
        stage.metered("Storage", stage.meter(), 100),
        backdate_start_date=at("2024-03-01"),
        trial_end=at("2024-06-01"),
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
        **CLASSIC,
    )
    stage.use(7, "2024-03-31 23:59")
    stage.use(50, "2024-04-30 23:59")
    stage.use(1000)
    ending(stage, made)
    assert bills(stage) == [[("2024-05-01", 0)], [("2024-03-01", 5700)]]
    status = "canceled" if behavior == "cancel" else "paused"
    assert stage.client.v1.subscriptions.retrieve(made.id).status == status


def test_usage_of_before_a_trial_is_not_billed_again_after_the_pause_that_follows_it(
    api: Api,
) -> None:
    stage = Stage(api, "2024-05-01")
    made = stage.subscribe(
        stage.metered("Storage", stage.meter(), 100),
        backdate_start_date=at("2024-04-01"),
        trial_end=at("2024-05-10"),
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
        **CLASSIC,
    )
    stage.use(50, "2024-04-30 23:59")
    stage.until("2024-05-20")
    stage.client.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})
    stage.until("2024-06-20 02:00")
    amounts = [line.amount for one in stage.invoices() for line in one.lines.data]
    assert amounts == [0, 5000, 0, 0]


# ---------------------------------------------------------------- items that show usage


def test_an_item_of_usage_says_how_much_though_more_of_it_costs_nothing(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    tiers = [{"up_to": 100, "unit_amount": 0}, {"up_to": "inf", "unit_amount": 5}]
    given: dict[str, Any] = {"tiers": tiers, "tiers_mode": "graduated", "billing_scheme": "tiered"}
    meter = stage.meter()
    old, new = stage.metered("Old", meter, **given), stage.metered("New", meter, 7)
    made = stage.subscribe(old)
    stage.use(3)
    stage.until("2024-01-10")
    stage.change(made, items=[{"id": made["items"].data[0].id, "price": new}])
    stage.use(4, "2024-01-05")
    stage.until("2024-02-01 02:00")
    item = stage.client.v1.invoice_items.list({"customer": stage.customer}).data[0]
    line = next(one for one in stage.invoices()[-1].lines.data if "Old" in one.description)
    assert (item.quantity, item.amount) == (line.quantity, line.amount) == (7, 0)
