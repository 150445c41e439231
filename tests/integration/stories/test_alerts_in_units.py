"""Alerts on credits in units of a meter: each crossing is told once, with the exact balance."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage
from tests.integration.stories.test_billing_credits import grant as grant_money
from tests.integration.stories.test_credits_in_units import grant

TOLD = ["billing.alert.triggered", "billing.alert.recovered"]


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def terms(stage: Stage, **lte: Any) -> Any:
    return {
        "alert_type": "credit_balance_threshold",
        "title": "Few units left",
        "credit_balance_threshold": {
            "filters": [{"type": "customer", "customer": stage.customer}],
            "lte": {"balance_type": "custom_pricing_unit", **lte},
        },
    }


def test_an_alert_in_units_is_told_of_units_alone(stage: Stage) -> None:
    calls = stage.meter()
    grant(stage, calls, 100)
    grant_money(stage, 50, "eur")
    units = {"id": calls, "value": "60.5"}
    alert = stage.client.v1.billing.alerts.create(terms(stage, custom_pricing_unit=units))
    lte = alert["credit_balance_threshold"]["lte"]
    assert (lte["custom_pricing_unit"].to_dict(), lte["monetary"]) == (units, None)
    stage.subscribe(stage.metered("Calls", calls, 3))
    stage.use("39.75")
    stage.until("2024-02-02")
    grant(stage, calls, "0.25")
    stage.use(2)
    stage.until("2024-03-02")
    grant(stage, calls, 10)
    events = stage.client.v1.events.list({"types": TOLD, "limit": 100}).data
    told = [
        (
            event.type.rpartition(".")[2],
            event.data.object["value"],
            event.data.object["custom_pricing_unit"].to_dict(),
            event.data.object["currency"],
        )
        for event in reversed(events)
    ]
    assert told == [
        ("triggered", 60, {"id": calls, "value": "60.25"}, None),
        ("recovered", 68, {"id": calls, "value": "68.5"}, None),
    ]
    answer = stage.client.raw_request(
        "get", f"/v1/billing/alerts/{alert.id}/notifications", customer=stage.customer
    )
    shown = stage.client.deserialize(answer, api_mode="V1")["data"]
    assert [one["value"] for one in shown] == ["68.5", "60.25"]


def test_an_alert_needs_the_balance_of_its_type_and_a_meter_that_is_there(stage: Stage) -> None:
    at = "credit_balance_threshold[lte][custom_pricing_unit]"
    for lte, param in [
        ({}, at),
        ({"custom_pricing_unit": {"id": "mtr_no", "value": "1"}}, f"{at}[id]"),
    ]:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            stage.client.v1.billing.alerts.create(terms(stage, **lte))
        assert caught.value.param == param
