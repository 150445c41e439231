"""Alerts where meters rest, events are taken back, and usage was there before the alert."""

import pytest

from meterline.services.metering.meters import deactivate_meter, reactivate_meter
from tests.engines import Engine
from tests.factories import objects
from tests.factories.objects import FROZEN, context
from tests.integration.services.test_recurring_alerts import HOUR, Shop


@pytest.fixture
def shop(dynamodb: Engine) -> Shop:
    found = Shop(dynamodb)
    found.subscribe()
    return found


def told(action: str = "triggered") -> list[tuple[str, int]]:
    """What was told, oldest first: which alert, and which value."""
    subjects = [
        event["data"]["object"]
        for batch in reversed(objects.listed("event"))
        for event in batch["events"]
        if event["type"] == f"billing.alert.{action}"
    ]
    return [(subject["alert"]["id"], subject["value"]) for subject in subjects]


@pytest.mark.parametrize("recurrence", ["one_time", "billing_period"])
def test_usage_that_was_accepted_before_its_meter_rests_is_told_of(
    shop: Shop, recurrence: str
) -> None:
    alert = shop.alert(100, recurrence=recurrence)
    shop.use(FROZEN + 60, 60)
    deactivate_meter(context(), shop.meter, {})
    shop.use(FROZEN + 120, 40)
    assert told() == [(alert, 100)]
    reactivate_meter(context(), shop.meter, {})
    shop.use(FROZEN + HOUR, 100)
    assert len(told()) == 1


@pytest.mark.parametrize("recurrence", ["one_time", "billing_period"])
def test_usage_from_before_an_alert_is_told_of_with_the_next_use(
    shop: Shop, recurrence: str
) -> None:
    shop.use(FROZEN + 60, 150)
    alerts = [shop.alert(100, recurrence=recurrence) for _ in range(2)]
    assert told() == []
    shop.use(FROZEN + HOUR, 1)
    assert sorted(told()) == sorted((alert, 151) for alert in alerts)


def test_what_is_taken_back_down_to_the_threshold_does_not_recover_and_below_it_does(
    shop: Shop,
) -> None:
    alert = shop.alert(100)
    shop.use(FROZEN + 60, 90)
    shop.use(FROZEN + 120, 10)
    shop.use(FROZEN + 180, 1)
    assert told() == [(alert, 100)]
    shop.cancel(FROZEN + 180, 1, 3)
    assert told("recovered") == []
    shop.cancel(FROZEN + 120, 10, 2)
    assert told("recovered") == [(alert, 90)]


@pytest.mark.parametrize("recurrence", ["one_time", "billing_period"])
def test_a_negative_event_that_is_taken_back_may_reach_the_threshold(
    shop: Shop, recurrence: str
) -> None:
    alert = shop.alert(100, recurrence=recurrence)
    shop.use(FROZEN + 60, -10)
    shop.use(FROZEN + 120, 100)
    assert told() == []
    shop.cancel(FROZEN + 60, -10, 1)
    assert told() == [(alert, 100)]
