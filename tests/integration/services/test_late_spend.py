"""Late usage counts for the spend of the period in which it was used, whichever invoice bills it.

| usage is late for | what it counts for |
|---|---|
| the last period, or one before it | that period, at what its invoice would bill now |
| a final invoice, where the account ignores late usage | nothing: no invoice bills it |
| a period whose invoice was voided | nothing: that bills nothing |
| a period that others of its subscription's invoices follow | that period |
| periods of several subscriptions | each by itself |
| a period that credits paid | what they leave, also if they are used up, or given later |
"""

from typing import Any

import pytest

from meterline.services.account.settings_changes import update_settings
from meterline.services.credits.grants import create_credit_grant
from meterline.services.invoices.pay_or_close import void_invoice
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories import objects
from tests.factories.objects import FROZEN, context
from tests.integration.services.test_recurring_alerts import DAY, HOUR
from tests.integration.services.test_spend_alerts import SECOND, Spending, spend_alert

THIRD = SECOND + 31 * DAY


@pytest.fixture
def shop(dynamodb: Engine) -> Spending:
    """A customer who pays 7 cents for each use, and whose late usage is billed."""
    found = Spending(dynamodb)
    update_settings(context(), {"late_usage": "next_invoice"})
    return found


def granted(shop: Spending, cents: int) -> None:
    """A grant that pays for usage."""
    amount = {"type": "monetary", "monetary": {"currency": "usd", "value": cents}}
    scope = {"scope": {"price_type": "metered"}}
    params: dict[str, Any] = {"customer": shop.customer, "amount": amount, "name": "Credits"}
    create_credit_grant(context(), {**params, "applicability_config": scope})


def invoices() -> list[Any]:
    """The invoices that bill something or show usage, oldest first."""
    found = [one for one in objects.listed("invoice") if one["lines"]["data"]]
    return sorted(found, key=lambda one: int(one["created"]))


def test_it_counts_for_the_period_before_the_last(shop: Spending) -> None:
    shop.subscribe()
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 90)
    shop.use(SECOND + 60, 80)
    for start in (SECOND, THIRD):
        objects.advance(shop.clock, start + DAY)
    shop.use(FROZEN + HOUR, 9)
    assert shop.told() == []
    shop.use(FROZEN + HOUR, 1)
    assert shop.told() == [(alert, FROZEN, 700)]
    shop.use(SECOND + HOUR, 20)
    assert shop.told() == [(alert, FROZEN, 700), (alert, SECOND, 700)]


def test_it_tells_nothing_of_a_period_that_it_is_not_of(shop: Spending) -> None:
    shop.subscribe()
    shop.use(SECOND + 60, 200)
    for start in (SECOND, THIRD):
        objects.advance(shop.clock, start + DAY)
    alert = shop.spend_alert(700)
    shop.use(FROZEN + HOUR, 100)
    assert shop.told() == [(alert, FROZEN, 700)]


def test_usage_of_several_periods_in_one_batch_counts_for_each(shop: Spending) -> None:
    shop.subscribe()
    alert = shop.spend_alert(700)
    for start in (SECOND, THIRD):
        objects.advance(shop.clock, start + DAY)
    before = dict(shop.before)
    shop.watch = lambda: None  # type: ignore[method-assign]
    for start in (FROZEN, SECOND, THIRD):
        shop.use(start + HOUR, 100)
    del shop.watch
    shop.before = before
    shop.watch()
    assert sorted(shop.told()) == [(alert, start, 700) for start in (FROZEN, SECOND, THIRD)]


def test_where_late_usage_is_not_billed_it_counts_for_no_period(shop: Spending) -> None:
    update_settings(context(), {"late_usage": "ignore"})
    shop.subscribe()
    shop.spend_alert(700)
    shop.use(FROZEN + 60, 90)
    for start in (SECOND, THIRD):
        objects.advance(shop.clock, start + DAY)
    shop.use(FROZEN + HOUR, 20)
    assert shop.told() == []


def test_an_invoice_that_was_voided_bills_nothing(shop: Spending) -> None:
    shop.subscribe()
    shop.spend_alert(700)
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, SECOND + DAY)
    [invoice] = [one for one in invoices() if one["total"]]
    void_invoice(context(SECOND + DAY), invoice["id"], {})
    shop.use(FROZEN + HOUR, 20)
    assert shop.told() == []


def test_an_invoice_of_the_running_period_does_not_hide_the_one_before(shop: Spending) -> None:
    shop.subscribe(billing_thresholds={"amount_gte": 500})
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 50)
    objects.advance(shop.clock, SECOND + DAY)
    shop.use(SECOND + HOUR, 80)
    assert [one["billing_reason"] for one in invoices()][-1] == "subscription_threshold"
    shop.use(FROZEN + HOUR, 50)
    assert shop.told() == [(alert, FROZEN, 700)]


def test_what_a_threshold_billed_of_a_period_that_is_over_counts_once(shop: Spending) -> None:
    shop.subscribe(billing_thresholds={"amount_gte": 500})
    alert = shop.spend_alert(700)
    objects.advance(shop.clock, FROZEN + DAY)
    shop.use(FROZEN + 60, 80)
    objects.advance(shop.clock, SECOND + DAY)
    shop.use(FROZEN + HOUR, 19)
    assert shop.told() == []
    shop.use(FROZEN + HOUR, 2)
    assert shop.told() == [(alert, FROZEN, 707)]


def test_each_subscription_is_told_of_its_own_period(shop: Spending) -> None:
    both = [shop.subscribe()]
    for price in (1, 14):
        shop.price = objects.metered(shop.meter, unit_amount=price)
        both.append(shop.subscribe())
    alert = shop.spend_alert(1_400)
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, SECOND + DAY)
    shop.use(FROZEN + HOUR, 10)
    assert (shop.told(), shop.groups()) == ([(alert, FROZEN, 1_400)], [both[2]])
    shop.use(FROZEN + HOUR, 100)
    assert (shop.told()[1:], shop.groups()[1:]) == ([(alert, FROZEN, 1_400)], [both[0]])


def test_an_alert_in_another_currency_is_not_told(shop: Spending) -> None:
    shop.subscribe()
    spend_alert(100, "eur", filters={"customer": shop.customer})
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, SECOND + DAY)
    shop.use(FROZEN + HOUR, 10)
    assert shop.told() == []


@pytest.mark.parametrize(
    ("cents", "late", "told"),
    [(1_000, 20, []), (630, 99, []), (630, 100, [700]), (600, 95, []), (600, 96, [702])],
)
def test_credits_that_paid_a_final_invoice_are_off_its_period(
    shop: Spending, cents: int, late: int, told: list[int]
) -> None:
    granted(shop, cents)
    shop.subscribe()
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, SECOND + DAY)
    assert [one["total"] for one in invoices()][-1] == max(0, 630 - cents)
    shop.use(FROZEN + HOUR, late)
    assert shop.told() == [(alert, FROZEN, amount) for amount in told]


def test_credits_that_paid_what_a_threshold_billed_are_off_the_running_period(
    shop: Spending,
) -> None:
    granted(shop, 600)
    shop.subscribe(billing_thresholds={"amount_gte": 100})
    alert = shop.spend_alert(700)
    objects.advance(shop.clock, FROZEN + DAY)
    shop.use(FROZEN + 60, 100)
    assert [one["total"] for one in invoices()] == [100]
    objects.advance(shop.clock, FROZEN + 2 * DAY)
    shop.use(FROZEN + HOUR, 85)
    assert shop.told() == []
    shop.use(FROZEN + HOUR, 1)
    assert shop.told() == [(alert, FROZEN, 702)]


def test_an_invoice_that_no_list_has_yet_is_found_as_the_latest(
    shop: Spending, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.subscribe()
    alert = shop.spend_alert(700)
    shop.use(FROZEN + 60, 90)
    objects.advance(shop.clock, SECOND + DAY)
    with monkeypatch.context() as patch:
        patch.setattr(BillingStore, "each", lambda *_, **__: iter(()))
        shop.use(FROZEN + HOUR, 10)
    assert shop.told() == [(alert, FROZEN, 700)]
