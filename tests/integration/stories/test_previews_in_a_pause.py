"""What a change of a paused subscription bills is what its preview has shown."""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, lines_of


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"trial_end": 1_706_745_600}, id="a trial begins"),
        pytest.param({"proration_behavior": "always_invoice"}, id="something is charged once"),
    ],
)
def test_a_change_in_a_pause_is_billed_as_previewed(api: Api, change: dict[str, Any]) -> None:
    stage = Stage(api, "2024-01-01")
    seat = stage.price("Seat", 3_100)
    subscription = stage.subscribe(seat)
    stage.until("2024-01-11")
    stage.client.v1.subscriptions.pause(subscription.id)
    product = stage.client.v1.prices.retrieve(seat).product
    data = {"currency": "usd", "product": product, "unit_amount": 250}
    change = change | {"add_invoice_items": [{"price_data": data}]}
    shown = stage.preview(subscription, **change)
    stage.change(subscription, **change)
    billed = stage.invoices()[-1]
    assert (shown.total, lines_of(shown)) == (billed.total, lines_of(billed))
    assert billed.billing_reason == "subscription_update"


def test_a_paused_subscription_has_no_next_renewal_to_preview(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    subscription = stage.subscribe(stage.price("Seat", 3_100))
    stage.client.v1.subscriptions.pause(subscription.id)
    with pytest.raises(Exception, match="No upcoming invoices"):
        stage.preview(subscription, description="x")


def test_an_item_of_another_interval_has_the_period_of_the_pause_that_it_comes_in(api: Api) -> None:
    stage = Stage(api, "2024-01-01", terms={"billing_mode": {"type": "flexible"}})
    year = {"interval": "year"}
    made = stage.subscribe(
        stage.price("Seat", 100, **year),
        stage.price("More", 100, **year),
        trial_period_days=1,
        trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
    )
    stage.until("2024-02-10")
    changed = {"id": made["items"].data[0].id, "price": stage.price("Month", 300)}
    after = stage.change(made, items=[changed])
    assert len({item.current_period_end for item in after["items"].data}) == 1
    given: Any = {"subscription": made.id}
    assert stage.client.v1.invoices.create(given).total == 0
