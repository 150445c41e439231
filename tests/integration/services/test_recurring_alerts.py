"""An alert that recurs tells of a crossing once in each billing period of the usage."""

from collections.abc import Callable
from typing import Any

import pytest

from meterline.core.metering.acceptance import measure_of, measure_text
from meterline.core.metering.headroom import Headroom
from meterline.services.billing import metered_periods, unit_of_work
from meterline.services.metering import alert_watch, crossings
from meterline.services.metering.alerts import (
    activate_alert,
    archive_alert,
    create_alert,
    deactivate_alert,
)
from meterline.services.metering.count import count_records
from meterline.services.metering.meters import create_meter
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.item_verbs import create_item
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work import usage_watch
from meterline.store.base.documents import Document
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.headrooms import NOTHING, Remembered, UsageKey, headroom_beside
from tests.engines import Engine
from tests.factories import objects
from tests.factories.objects import FROZEN, context
from tests.factories.params import meter_params
from tests.factories.streams import counters_changed, key_of
from tests.factories.usage import usage_record
from tests.handlers import load_handler

HOUR, DAY = 3_600, 86_400
FIRST_PERIOD = 30 * DAY
"""FROZEN is a 14th of November."""


class Shop:
    """A customer on a test clock, subscribed to a meter's usage."""

    def __init__(self, engine: Engine, **of_meter: Any) -> None:
        self.engine = engine
        self.clock = objects.clock(FROZEN)
        self.customer = objects.customer(test_clock=self.clock)
        self.meter = str(create_meter(context(), meter_params("tokens", **of_meter))["id"])
        self.measure = measure_text(measure_of(objects.stored(self.meter)))
        self.price = objects.metered(self.meter)
        self.before: dict[tuple[str, str], Any] = {}
        self.latest: list[dict[str, Any]] = []
        self.uses = 0

    def subscribe(self, **params: Any) -> str:
        """A subscription to the usage."""
        return str(objects.subscribe(self.customer, self.price, **params)["id"])

    def alert(self, gte: int, *, for_all: bool = False, recurrence: str = "billing_period") -> str:
        """An alert on the usage."""
        threshold: dict[str, Any] = {"gte": gte, "meter": self.meter, "recurrence": recurrence}
        if not for_all:
            threshold["filters"] = [{"type": "customer", "customer": self.customer}]
        params = {"alert_type": "usage_threshold", "title": "T", "usage_threshold": threshold}
        return str(create_alert(context(), params)["id"])

    def use(self, at: int, quantity: int, *, received: int | None = None) -> None:
        """Use something, and let it be watched: the counters that have changed."""
        self.uses += 1
        record = usage_record(self.meter, self.customer, at, quantity, str(self.uses))
        image = record["dynamodb"]["NewImage"]
        image["measure"] = {"S": self.measure}
        image["accepted_at"] = {"N": str((received or at) * 1_000_000)}
        self.count(record)

    def cancel(self, at: int, quantity: int, number: int) -> None:
        """Take one of the uses out again."""
        record = usage_record(self.meter, self.customer, at, quantity, str(number))
        record["dynamodb"]["NewImage"]["cancelled_at"] = {"N": str(at)}
        self.count(record)

    def count(self, record: dict[str, Any]) -> None:
        """Count an event, and let it be watched."""
        assert count_records([record]) == []
        self.watch()

    def watch(self) -> None:
        """Let the counters that have changed be watched."""
        counters = {
            key_of(item): item
            for item in self.engine.scan("usage")
            if item["sk"]["S"].startswith("h#")
        }
        changed = [one for name, one in counters.items() if self.before.get(name) != one]
        records = counters_changed(changed)
        for record, item in zip(records, changed, strict=True):
            former = self.before.get(key_of(item))
            record["dynamodb"] |= {} if former is None else {"OldImage": former}
        self.before = counters
        self.latest = records
        self.deliver(records)

    def deliver(self, records: list[dict[str, Any]]) -> None:
        """Hand records to the function that watches usage, which hands none back."""
        answer = load_handler("watch_usage")({"Records": records}, None)
        assert answer == {"batchItemFailures": []}

    def told(self, action: str = "triggered") -> list[tuple[str, int, int]]:
        """What was told, oldest first: which alert, of a period that starts when, which value."""
        subjects = [
            event["data"]["object"]
            for batch in reversed(objects.listed("event"))
            for event in batch["events"]
            if event["type"] == f"billing.alert.{action}"
        ]
        return [
            (subject["alert"]["id"], subject["aggregation_period"]["starts_at"], subject["value"])
            for subject in subjects
        ]


@pytest.fixture
def shop(dynamodb: Engine) -> Shop:
    return Shop(dynamodb)


def test_a_crossing_is_told_once_in_each_period(shop: Shop) -> None:
    shop.subscribe()
    alert = shop.alert(100)
    shop.use(FROZEN + 60, 99)
    shop.use(FROZEN + HOUR, 1)
    shop.use(FROZEN + 2 * HOUR, 500)
    assert shop.told() == [(alert, FROZEN, 100)]
    second = FROZEN + FIRST_PERIOD
    objects.advance(shop.clock, second + DAY)
    shop.use(second + DAY, 99)
    assert len(shop.told()) == 1
    shop.use(second + DAY + HOUR, 2)
    assert shop.told() == [(alert, FROZEN, 100), (alert, second, 101)]


def test_it_is_told_at_the_time_of_the_customers_clock_with_its_period(shop: Shop) -> None:
    shop.subscribe()
    shop.alert(10, for_all=True)
    objects.advance(shop.clock, FROZEN + 3 * DAY)
    shop.use(FROZEN + 3 * DAY, 10)
    [batch] = [one for one in objects.listed("event") if "alert" in one["events"][0]["type"]]
    [event] = batch["events"]
    told = event["data"]["object"]
    period = {"starts_at": FROZEN, "ends_at": FROZEN + FIRST_PERIOD}
    assert told["aggregation_period"] == period
    assert {event["created"], told["created"], told["triggered_at"]} == {FROZEN + 3 * DAY}


def test_several_thresholds_that_are_crossed_at_once_are_each_told(shop: Shop) -> None:
    shop.subscribe()
    alerts = [shop.alert(gte) for gte in (10, 20, 50)]
    shop.use(FROZEN + 60, 25)
    assert sorted(shop.told()) == sorted((alert, FROZEN, 25) for alert in alerts[:2])


def test_usage_counts_from_the_second_in_which_the_period_starts(shop: Shop) -> None:
    shop.subscribe()
    alert = shop.alert(100)
    shop.use(FROZEN - 1, 1_000)
    shop.use(FROZEN, 99)
    assert shop.told() == []
    shop.use(FROZEN + 1, 1)
    assert shop.told() == [(alert, FROZEN, 100)]


def test_without_a_subscription_on_the_meter_nothing_is_told(shop: Shop) -> None:
    alert = shop.alert(10)
    shop.use(FROZEN + 60, 50)
    assert shop.told() == []
    customer = context().store.get_many([shop.customer])[shop.customer]
    assert headroom_beside(customer, shop.meter).headroom, "further usage is not looked at"
    shop.subscribe()
    shop.use(FROZEN + 120, 1)
    assert shop.told() == [(alert, FROZEN, 51)]


def test_a_subscription_beside_is_watched_in_its_own_periods(shop: Shop) -> None:
    shop.subscribe()
    alert = shop.alert(100)
    objects.advance(shop.clock, FROZEN + 10 * DAY)
    shop.use(FROZEN + DAY, 80)
    shop.subscribe()
    shop.use(FROZEN + 10 * DAY + HOUR, 60)
    assert shop.told() == [(alert, FROZEN, 140)]
    shop.use(FROZEN + 10 * DAY + 2 * HOUR, 40)
    assert shop.told() == [(alert, FROZEN, 140), (alert, FROZEN + 10 * DAY, 100)]


def test_usage_that_comes_late_for_a_period_crosses_in_that_period(shop: Shop) -> None:
    shop.subscribe()
    alert = shop.alert(100)
    second = FROZEN + FIRST_PERIOD
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, second + 3 * DAY)
    shop.use(second + 3 * DAY, 90)
    for _ in range(2):
        shop.use(second - HOUR, 10)
    assert shop.told() == [(alert, FROZEN, 100)]
    shop.use(second + 3 * DAY, 10)
    assert shop.told() == [(alert, FROZEN, 100), (alert, second, 100)]


def test_usage_that_comes_late_for_a_subscription_that_has_ended_crosses(shop: Shop) -> None:
    subscription = shop.subscribe()
    alert = shop.alert(100)
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, FROZEN + 3 * DAY)
    cancel_subscription(context(), subscription, {"invoice_now": True})
    shop.use(FROZEN + 3 * DAY + HOUR, 90)
    assert shop.told() == []
    shop.use(FROZEN + DAY, 10)
    assert shop.told() == [(alert, FROZEN, 100)]


def test_a_price_that_comes_to_a_subscription_begins_a_period(shop: Shop) -> None:
    subscription = str(objects.subscribe(shop.customer, objects.licence())["id"])
    alert = shop.alert(10)
    shop.use(FROZEN + 2 * HOUR, 5)
    create_item(context(), {"subscription": subscription, "price": shop.price})
    shop.use(FROZEN + 3 * HOUR, 10)
    assert [told[0] for told in shop.told()] == [alert]


def test_a_period_that_begins_early_begins_anew(shop: Shop) -> None:
    subscription = shop.subscribe()
    alert = shop.alert(100)
    shop.use(FROZEN + 60, 100)
    objects.advance(shop.clock, FROZEN + 3 * DAY)
    shop.use(FROZEN + 2 * DAY, 1)
    params = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
    update_subscription(context(), subscription, params)
    shop.use(FROZEN + 3 * DAY + HOUR, 99)
    assert shop.told() == [(alert, FROZEN, 100)]
    shop.use(FROZEN + 3 * DAY + 2 * HOUR, 1)
    assert shop.told() == [(alert, FROZEN, 100), (alert, FROZEN + 3 * DAY, 100)]


@pytest.mark.parametrize("becomes_active", [True, False])
def test_an_alert_out_of_action_tells_of_a_period_only_if_it_returns_in_time(
    shop: Shop, *, becomes_active: bool
) -> None:
    shop.subscribe()
    alert = shop.alert(100)
    deactivate_alert(context(), alert, {})
    shop.use(FROZEN + 60, 200)
    assert shop.told() == []
    if becomes_active:
        activate_alert(context(), alert, {})
    else:
        archive_alert(context(), alert, {})
    shop.use(FROZEN + 120, 1)
    assert shop.told() == ([(alert, FROZEN, 201)] if becomes_active else [])


def test_an_alert_for_life_beside_it_stays_told(shop: Shop) -> None:
    shop.subscribe()
    once, anew = shop.alert(100, recurrence="one_time"), shop.alert(100)
    second = FROZEN + FIRST_PERIOD
    shop.use(FROZEN + 60, 100)
    objects.advance(shop.clock, second + DAY)
    shop.use(second + DAY, 100)
    alerts = [
        event["data"]["object"]["alert"]["id"]
        for batch in objects.listed("event")
        for event in batch["events"]
        if event["type"] == "billing.alert.triggered"
    ]
    assert sorted(alerts) == sorted([once, anew, anew])


def test_usage_far_from_the_threshold_of_its_period_is_not_added_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.subscribe()
    alert = shop.alert(1_000_000)
    for hour in range(2, 4):
        shop.use(FROZEN + hour * HOUR, 5)
    with monkeypatch.context() as patch:
        patch.setattr(alert_watch, "billed_usage", None)
        for hour in range(2, 12):
            shop.use(FROZEN + hour * HOUR, 5)
    shop.use(FROZEN + 12 * HOUR, 1_000_000)
    assert [told[:2] for told in shop.told()] == [(alert, FROZEN)]


def test_usage_that_falls_below_the_threshold_again_is_told_once_and_crosses_no_more(
    shop: Shop,
) -> None:
    shop.subscribe()
    alert = shop.alert(100)
    shop.use(FROZEN + 2 * HOUR, 60)
    shop.use(FROZEN + 3 * HOUR, 50)
    shop.cancel(FROZEN + 3 * HOUR, 50, 2)
    shop.deliver(shop.latest)
    assert shop.told("recovered") == [(alert, FROZEN, 60)]
    shop.use(FROZEN + 4 * HOUR, 500)
    shop.cancel(FROZEN + 4 * HOUR, 500, 3)
    assert shop.told("recovered") == [(alert, FROZEN, 60)]
    assert shop.told() == [(alert, FROZEN, 110)]


def test_usage_that_falls_but_stays_above_has_not_recovered(shop: Shop) -> None:
    shop.subscribe()
    shop.alert(100)
    shop.use(FROZEN + 2 * HOUR, 60)
    shop.use(FROZEN + 3 * HOUR, 50)
    shop.use(FROZEN + 3 * HOUR, 10)
    shop.cancel(FROZEN + 3 * HOUR, 10, 3)
    assert shop.told("recovered") == []


# A meter | usage in the order of receipt: the hour, and the value | whether it recovers
FALLS: list[tuple[dict[str, Any], list[tuple[int, int]], bool]] = [
    ({}, [(2, 150), (3, -60)], True),
    ({}, [(2, 150), (3, -40)], False),
    ({"formula": "last"}, [(2, 150), (3, 60)], True),
    ({"formula": "last"}, [(3, 150), (2, 60)], False),
    ({"formula": "avg"}, [(2, 150), (3, 20)], True),
    ({"formula": "min"}, [(2, 150), (3, 60)], True),
    ({"formula": "max"}, [(2, 150), (3, 60)], False),
    ({"event_time_window": "day"}, [(2, 150), (3, 60)], True),
    ({"event_time_window": "day"}, [(2, 10), (3, 150), (2, 60)], True),
]


@pytest.mark.parametrize(("of_meter", "uses", "recovers"), FALLS)
def test_usage_falls_by_later_events_too(
    dynamodb: Engine, of_meter: dict[str, Any], uses: list[tuple[int, int]], *, recovers: bool
) -> None:
    shop = Shop(dynamodb, **of_meter)
    shop.subscribe()
    shop.alert(100)
    for number, (hour, quantity) in enumerate(uses):
        shop.use(FROZEN + hour * HOUR + number, quantity, received=FROZEN + DAY + number)
    assert len(shop.told()) == 1
    assert bool(shop.told("recovered")) is recovers


def test_an_alert_for_life_does_not_recover(shop: Shop) -> None:
    shop.alert(100, recurrence="one_time")
    shop.use(FROZEN + 2 * HOUR, 150)
    shop.cancel(FROZEN + 2 * HOUR, 150, 1)
    types = [event["type"] for batch in objects.listed("event") for event in batch["events"]]
    assert [one for one in types if "alert" in one] == ["billing.alert.triggered"]


def test_what_is_cancelled_while_a_crossing_is_told_is_told_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.subscribe()
    alert = shop.alert(100)
    shop.use(FROZEN + 2 * HOUR, 60)
    tell = crossings.tell

    def cancelling(ctx: Any, finding: Any, action: Any) -> bool:
        monkeypatch.setattr(alert_watch, "tell", tell)
        shop.cancel(FROZEN + 3 * HOUR, 50, 2)
        return tell(ctx, finding, action)

    monkeypatch.setattr(alert_watch, "tell", cancelling)
    shop.use(FROZEN + 3 * HOUR, 50)
    assert shop.told() == [(alert, FROZEN, 110)]
    assert shop.told("recovered") == [(alert, FROZEN, 60)]


def test_usage_late_for_a_subscription_that_has_ended_while_another_runs(shop: Shop) -> None:
    ended = shop.subscribe()
    alert = shop.alert(100)
    shop.use(FROZEN + DAY, 98)
    objects.advance(shop.clock, FROZEN + 5 * DAY)
    shop.subscribe()
    objects.advance(shop.clock, FROZEN + 10 * DAY)
    cancel_subscription(context(), ended, {"invoice_now": True})
    shop.use(FROZEN + 10 * DAY + 2 * HOUR, 1)
    shop.use(FROZEN + 10 * DAY - 3 * HOUR, 2)
    assert shop.told() == [(alert, FROZEN, 100)]


def test_usage_is_of_its_period_also_if_that_ends_while_it_is_looked_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = shop.subscribe()
    alert = shop.alert(100)
    shop.use(FROZEN + 60, 99)
    objects.advance(shop.clock, FROZEN + 3 * DAY)
    running = unit_of_work.running_subscriptions

    def ending(customer: Any) -> list[str]:
        monkeypatch.setattr(metered_periods, "running_subscriptions", running)
        params = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
        update_subscription(context(), subscription, params)
        return running(customer)

    monkeypatch.setattr(metered_periods, "running_subscriptions", ending)
    shop.use(FROZEN + DAY, 1)
    assert shop.told() == [(alert, FROZEN, 100)]


def test_whatever_writes_a_subscription_writes_its_customer(shop: Shop) -> None:
    subscription = shop.subscribe()
    versions = []
    for metadata in ({"a": "1"}, {"a": "2"}):
        update_subscription(context(), subscription, {"metadata": metadata})
        customer = BillingStore(livemode=False).get(shop.customer)
        versions.append(customer.version if customer else 0)
    assert versions[0] < versions[1]


def subscriptions_that_change_unnoticed(patch: pytest.MonkeyPatch) -> None:
    """A commit of the customer leaves what is remembered of its usage."""
    saved: dict[str, Remembered] = {}

    def save(key: UsageKey, forgotten: Remembered, basis: str, room: Headroom) -> None:
        saved[key.meter] = Remembered(forgotten.place, basis, room)

    def beside(_: Document, meter: str) -> Remembered:
        return saved.get(meter, NOTHING)

    patch.setattr(alert_watch, "save_headroom", save)
    patch.setattr(usage_watch, "headroom_beside", beside)


def hours_that_an_invoice_has_billed_are_remembered(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(metered_periods, "latest_invoice", lambda _: 0)


type Story = Callable[[Shop], None]

PLANTED: list[tuple[Callable[[pytest.MonkeyPatch], None], Story]] = [
    (subscriptions_that_change_unnoticed, test_without_a_subscription_on_the_meter_nothing_is_told),
    (subscriptions_that_change_unnoticed, test_a_period_that_begins_early_begins_anew),
    (
        hours_that_an_invoice_has_billed_are_remembered,
        test_usage_late_for_a_subscription_that_has_ended_while_another_runs,
    ),
]


@pytest.mark.parametrize(("mistake", "story"), PLANTED)
def test_what_is_remembered_against_the_rules_is_noticed(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    mistake: Callable[[pytest.MonkeyPatch], None],
    story: Story,
) -> None:
    mistake(monkeypatch)
    with pytest.raises(AssertionError):
        story(shop)


def test_usage_that_comes_while_its_period_is_cut_is_not_of_the_former_period(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The period begins anew, and is used, between reading the periods and adding usage up."""
    subscription = shop.subscribe()
    alert = shop.alert(100)
    objects.advance(shop.clock, FROZEN + DAY)
    look, cuts = metered_periods.billing_periods, iter([True])

    def cut_once(*args: Any) -> Any:
        periods = look(*args)
        if next(cuts, False):
            params = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
            update_subscription(context(), subscription, params)
            count_records([usage_record(shop.meter, shop.customer, FROZEN + DAY, 90, "later")])
        return periods

    monkeypatch.setattr(metered_periods, "billing_periods", cut_once)
    shop.use(FROZEN + 60, 20)
    assert shop.told() == []
    shop.use(FROZEN + DAY + 60, 20)
    assert shop.told() == [(alert, FROZEN + DAY, 110)]
