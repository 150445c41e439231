"""An alert on spend tells once in a billing period that the usage of a subscription has come to an
amount: after discounts, before taxes.
"""

from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.account.settings_changes import update_settings
from meterline.services.catalog.coupons import create_coupon
from meterline.services.invoices.metered import usage_in
from meterline.services.metering.alerts import (
    activate_alert,
    archive_alert,
    create_alert,
    deactivate_alert,
)
from meterline.services.metering.count import count_records
from meterline.services.metering.meters import create_meter
from meterline.services.subscriptions import usage_so_far
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.create import create_subscription
from meterline.services.subscriptions.update import update_subscription
from tests.engines import Engine
from tests.factories import objects
from tests.factories.objects import FROZEN, context
from tests.factories.params import meter_params
from tests.factories.usage import usage_record
from tests.integration.services.test_recurring_alerts import DAY, FIRST_PERIOD, HOUR, Shop

SECOND = FROZEN + FIRST_PERIOD
PRICE = 7


class Spending(Shop):
    """A customer on a test clock, who pays 7 cents for each use."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.price = objects.metered(self.meter, unit_amount=PRICE)

    def spend_alert(self, cents: int, **filters: str) -> str:
        """An alert on what the customer spends, or as the filters say."""
        return spend_alert(cents, filters=filters or {"customer": self.customer})

    def groups(self) -> list[str]:
        """The subscriptions that were told of, oldest first."""
        return [
            event["data"]["object"]["group_by"]["pricing_plan_subscription"]
            for batch in reversed(objects.listed("event"))
            for event in batch["events"]
            if event["type"] == "billing.alert.triggered"
        ]

    def discounted(self, subscription: str, **terms: Any) -> None:
        """Give a subscription a discount."""
        coupon = create_coupon(context(), {"duration": "forever", **terms})["id"]
        update_subscription(context(), subscription, {"discounts": [{"coupon": coupon}]})


def spend_alert(
    value: int, currency: str = "usd", *, filters: dict[str, str] | None = None, **more: Any
) -> str:
    gte = {"type": "amount", "amount": {"currency": currency, "value": value}}
    terms: dict[str, Any] = {"aggregation_period": "billing", "gte": gte, **more}
    if filters:
        terms["filters"] = filters
    params = {"alert_type": "spend_threshold", "title": "T", "spend_threshold": terms}
    return str(create_alert(context(), params)["id"])


@pytest.fixture
def shop(dynamodb: Engine) -> Spending:
    return Spending(dynamodb)


def test_an_amount_is_told_once_in_each_period(shop: Spending) -> None:
    shop.subscribe()
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 99)
    assert shop.told() == []
    shop.use(FROZEN + HOUR, 1)
    shop.use(FROZEN + 2 * HOUR, 500)
    assert shop.told() == [(alert, FROZEN, 700)]
    objects.advance(shop.clock, SECOND + DAY)
    shop.use(SECOND + DAY, 99)
    assert len(shop.told()) == 1
    shop.use(SECOND + DAY + HOUR, 2)
    assert shop.told() == [(alert, FROZEN, 700), (alert, SECOND, 707)]


@pytest.mark.parametrize(("late_usage", "amounts"), [("next_invoice", [770]), ("ignore", [])])
def test_usage_later_than_its_invoice_is_of_its_own_period_if_it_is_billed(
    shop: Spending, late_usage: str, amounts: list[int]
) -> None:
    shop.subscribe()
    update_settings(context(), {"late_usage": late_usage})
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, SECOND + DAY)
    [invoice] = [one for one in objects.listed("invoice") if one["total"]]
    assert invoice["status"] != "draft"
    shop.use(FROZEN + HOUR, 20)
    shop.use(SECOND + HOUR, 50)
    assert shop.told() == [(alert, FROZEN, amount) for amount in amounts]


def test_what_is_delivered_again_is_not_told_again(shop: Spending) -> None:
    shop.subscribe()
    shop.spend_alert(700)
    shop.use(FROZEN + 60, 100)
    shop.deliver(shop.latest)
    assert len(shop.told()) == 1


@pytest.mark.parametrize(
    ("terms", "uses"),
    [({"percent_off": 50}, 200), ({"amount_off": 140, "currency": "usd"}, 120)],
)
def test_it_is_the_amount_after_discounts(shop: Spending, terms: dict[str, Any], uses: int) -> None:
    shop.discounted(shop.subscribe(), **terms)
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, uses - 1)
    assert shop.told() == []
    shop.use(FROZEN + 60, 1)
    assert shop.told() == [(alert, FROZEN, 700)]


def test_a_discount_that_is_given_afterwards_brings_it_below_again(shop: Spending) -> None:
    subscription = shop.subscribe()
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 100)
    shop.discounted(subscription, percent_off=50)
    shop.use(FROZEN + 120, 2)
    assert shop.told("recovered") == [(alert, FROZEN, 357)]


def test_cancelled_usage_brings_it_below_again_once(shop: Spending) -> None:
    shop.subscribe()
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 90)
    shop.use(FROZEN + 120, 10)
    shop.cancel(FROZEN + 120, 10, 2)
    assert shop.told("recovered") == [(alert, FROZEN, 630)]
    shop.use(FROZEN + 180, 50)
    assert len(shop.told()) == 1


def test_usage_of_all_meters_of_a_subscription_adds_up(shop: Spending) -> None:
    meter = str(create_meter(context(), meter_params("images"))["id"])
    other = objects.metered(meter, unit_amount=PRICE)
    create_subscription(
        context(),
        {"customer": shop.customer, "items": [{"price": shop.price}, {"price": other}]},
    )
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 60)
    assert shop.told() == []
    shop.meter = meter
    shop.use(FROZEN + 60, 40)
    assert shop.told() == [(alert, FROZEN, 700)]


def test_what_a_threshold_has_billed_of_the_period_counts(shop: Spending) -> None:
    shop.subscribe(billing_thresholds={"amount_gte": 500})
    alert = shop.spend_alert(1_400)
    objects.advance(shop.clock, FROZEN + DAY)
    shop.use(FROZEN + 60, 80)
    shop.use(FROZEN + HOUR, 100)
    assert {one["total"] for one in objects.listed("invoice")} == {700, 560}
    shop.use(FROZEN + 2 * HOUR, 20)
    assert shop.told() == [(alert, FROZEN, 1_400)]


def test_a_period_that_a_threshold_ends_is_told_before(shop: Spending) -> None:
    thresholds = {"amount_gte": 700, "reset_billing_cycle_anchor": True}
    shop.subscribe(billing_thresholds=thresholds)
    alert = shop.spend_alert(700)
    objects.advance(shop.clock, FROZEN + DAY)
    shop.use(FROZEN + 60, 100)
    assert shop.told() == [(alert, FROZEN, 700)]
    assert len(objects.listed("invoice")) == 1


def test_usage_that_is_counted_after_the_renewal_is_of_the_period_before(shop: Spending) -> None:
    shop.subscribe()
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, SECOND + 60)
    shop.use(SECOND - HOUR, 10)
    assert shop.told() == [(alert, FROZEN, 700)]


def test_each_subscription_is_told_of_by_itself(shop: Spending) -> None:
    both = [shop.subscribe(), shop.subscribe()]
    shop.spend_alert(700)
    only = shop.spend_alert(1_400, pricing_plan_subscription=both[1])
    shop.use(FROZEN + 60, 100)
    assert sorted(shop.groups()) == sorted(both)
    shop.use(FROZEN + HOUR, 100)
    assert shop.told()[2:] == [(only, FROZEN, 1_400)]
    assert shop.groups()[2:] == [both[1]]


def test_an_alert_for_everybody_is_told_of_whoever_spends(shop: Spending) -> None:
    shop.subscribe()
    alert = spend_alert(700)
    shop.use(FROZEN + 60, 100)
    assert shop.told() == [(alert, FROZEN, 700)]


def test_other_currencies_do_not_count(shop: Spending) -> None:
    shop.subscribe()
    spend_alert(100, "eur")
    shop.use(FROZEN + 60, 100)
    assert shop.told() == []


@pytest.mark.parametrize("currency", ["jpy", "kwd"])
def test_an_amount_is_in_minor_units_of_its_currency(shop: Spending, currency: str) -> None:
    shop.price = objects.metered(shop.meter, unit_amount=70, currency=currency)
    shop.subscribe()
    alert = spend_alert(700, currency, filters={"customer": shop.customer})
    shop.use(FROZEN + 60, 9)
    assert shop.told() == []
    shop.use(FROZEN + 120, 1)
    assert shop.told() == [(alert, FROZEN, 700)]


@pytest.mark.parametrize("rests", [deactivate_alert, archive_alert])
def test_an_alert_that_rests_is_told_of_nothing(shop: Spending, rests: Any) -> None:
    shop.subscribe()
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 1)
    rests(context(), alert, {})
    shop.use(FROZEN + 120, 100)
    assert shop.told() == []
    if rests is deactivate_alert:
        activate_alert(context(), alert, {})
        shop.use(FROZEN + 180, 1)
        assert shop.told() == [(alert, FROZEN, 714)]


def test_usage_of_a_trial_is_free(shop: Spending) -> None:
    shop.subscribe(trial_end=FROZEN + 10 * DAY)
    shop.spend_alert(700)
    shop.use(FROZEN + 60, 1_000)
    assert shop.told() == []


def test_a_subscription_that_has_ended_is_not_looked_at(shop: Spending) -> None:
    subscription = shop.subscribe()
    shop.spend_alert(700)
    cancel_subscription(context(), subscription, {})
    shop.use(FROZEN + 60, 100)
    assert shop.told() == []


def test_usage_that_was_sent_before_a_clock_advances_is_told_of_its_period(
    shop: Spending,
) -> None:
    shop.subscribe()
    alert = shop.spend_alert(700)
    watch, shop.watch = shop.watch, lambda: None  # type: ignore[method-assign]
    shop.use(FROZEN, 100)
    objects.advance(shop.clock, SECOND + DAY)
    assert shop.told() == [(alert, FROZEN, 700)]
    watch()
    assert len(shop.told()) == 1


def test_at_most_25_alerts_stand_on_what_a_customer_spends(shop: Spending) -> None:
    for _ in range(25):
        shop.spend_alert(700)
    with pytest.raises(BillingError, match="At most 25 alerts"):
        shop.spend_alert(700)


def test_usage_that_comes_while_its_period_is_cut_is_not_of_the_former_period(
    shop: Spending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The period begins anew, and is used, between reading the subscription and its usage."""
    subscription = shop.subscribe()
    alert = shop.spend_alert(700)
    objects.advance(shop.clock, FROZEN + DAY)
    cuts = iter([True])

    def cut_once(*args: Any) -> Any:
        if next(cuts, False):
            params = {"billing_cycle_anchor": "now", "proration_behavior": "none"}
            update_subscription(context(), subscription, params)
            count_records([usage_record(shop.meter, shop.customer, FROZEN + DAY, 90, "later")])
        return usage_in(*args)

    monkeypatch.setattr(usage_so_far, "usage_in", cut_once)
    shop.use(FROZEN + 60, 20)
    assert shop.told() == []
    shop.use(FROZEN + DAY + 60, 20)
    assert shop.told() == [(alert, FROZEN + DAY, 770)]
