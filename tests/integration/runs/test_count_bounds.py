"""How many of a thing there may be: what is accepted at the bound, and refused beyond it."""

from dataclasses import replace

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.catalog.coupons import create_coupon
from meterline.services.events.webhook_endpoints import create_webhook_endpoint
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.create import create_subscription
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Body, Change
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories.objects import NOW, context, customer, licence, listed, stored, subscribe
from tests.integration.runs.worlds import DAY


def running(customer_id: str) -> list[str]:
    """The subscriptions that a customer's own document says run."""
    ids: list[str] = stored(customer_id)["_"]["running"]
    return ids


def with_running(customer_id: str, number: int) -> None:
    """Let so many other subscriptions run."""
    store = BillingStore(livemode=False)
    document = store.get(customer_id)
    assert document is not None
    others = {"running": [f"sub_other{one:03}" for one in range(number)]}
    store.commit(Change(puts=[replace(document, body=document.body | {"_": others})]))


def test_five_hundred_subscriptions_of_a_customer_run_and_no_more() -> None:
    customer_id, price = customer(), licence()
    with_running(customer_id, 499)
    last = subscribe(customer_id, price)
    with pytest.raises(BillingError, match="at most 500 subscriptions") as refused:
        subscribe(customer_id, price)
    assert (refused.value.code, len(running(customer_id))) == ("customer_max_subscriptions", 500)
    update_subscription(context(), last["id"], {"metadata": {"still": "changes"}})
    cancel_subscription(context(), last["id"], {})
    assert subscribe(customer_id, price)["status"] == "active"
    assert len(listed("subscription")) == 2


def test_twenty_items_stand_on_a_subscription_and_no_more() -> None:
    prices = [licence() for _ in range(21)]
    subscription = subscribe(customer(), *prices[:20])
    added: Body = {"items": [{"price": prices[20]}]}
    with pytest.raises(BillingError, match="at most 20 items") as refused:
        update_subscription(context(), subscription["id"], added)
    assert refused.value.param == "items"
    assert stored(subscription["id"]) == subscription
    leaves = {"id": subscription["items"]["data"][0]["id"], "deleted": True}
    changed = {"items": [leaves, *added["items"]]}
    update_subscription(context(), subscription["id"], changed)
    assert len(stored(subscription["id"])["items"]["data"]) == 20


def test_sixteen_webhook_endpoints_are_kept_and_no_more(dynamodb: Engine) -> None:
    given = {"url": "https://example.com/hook", "enabled_events": ["*"]}
    for _ in range(16):
        create_webhook_endpoint(context(), given)
    with pytest.raises(BillingError, match="maximum of 16"):
        create_webhook_endpoint(context(), given)
    kinds = [item.get("kind", {}).get("S") for item in dynamodb.scan("billing")]
    assert kinds.count("webhook_endpoint") == 16


def test_discounts_beyond_one_transaction_are_refused_at_once_and_taken_bit_by_bit(
    dynamodb: Engine,
) -> None:
    customer_id, prices = customer(), [licence() for _ in range(5)]
    percent_off = {"percent_off": 1, "duration": "once"}
    coupons = [create_coupon(context(), percent_off)["id"] for _ in range(20)]
    discounts = [{"coupon": coupon} for coupon in coupons]
    items = [{"price": price, "discounts": discounts} for price in prices]
    before = dynamodb.scan("billing")
    with pytest.raises(BillingError, match="fewer items or discounts at a time"):
        create_subscription(context(), {"customer": customer_id, "items": items})
    assert dynamodb.scan("billing") == before
    subscription = subscribe(customer_id, *prices)
    for item in subscription["items"]["data"]:
        changed = {"items": [{"id": item["id"], "discounts": discounts}]}
        update_subscription(context(), subscription["id"], changed)
    do_due_work(context(NOW + 32 * DAY), subscription["id"])
    assert len(listed("invoice")) == 2
    assert len(listed("discount")) == 100


def test_a_start_lies_two_hundred_and_fifty_periods_back_and_no_more() -> None:
    customer_id, daily = customer(), licence(interval="day")
    subscribe(customer_id, daily, backdate_start_date=NOW - 249 * DAY)
    [invoice] = listed("invoice")
    assert stored(invoice["id"])["total"] == 250 * 1_000
    with pytest.raises(BillingError, match="at most 250 periods") as refused:
        subscribe(customer_id, daily, backdate_start_date=NOW - 250 * DAY)
    assert refused.value.param == "backdate_start_date"
    assert (len(listed("subscription")), len(listed("invoice"))) == (1, 1)
