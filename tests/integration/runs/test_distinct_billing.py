"""Distinct values as previews, invoices and alerts see them."""

import pytest

from meterline.services.metering.accept import create_meter_event
from meterline.services.metering.alerts import create_alert
from meterline.services.previews.preview import create_preview
from meterline.store.metering.directory import StoredDirectory, forget_directory
from tests.engines import Engine
from tests.factories.objects import (
    FROZEN,
    advance,
    clock,
    context,
    customer,
    listed,
    meter,
    metered,
    subscribe,
)
from tests.factories.streams import watch_counters
from tests.integration.metering.worlds import deliver, sender
from tests.integration.runs.worlds import DAY, HOUR

WEEK = 7 * DAY


class Users:
    """A customer on a test clock who pays five dollars for each active user of a week."""

    def __init__(self, engine: Engine) -> None:
        forget_directory()
        self.engine = engine
        self.meter = meter("active", "unique_count")
        price = metered(self.meter, 500, interval="week")
        self.clock = clock()
        self.customer = customer(test_clock=self.clock)
        self.subscription = subscribe(self.customer, price)["id"]
        self.sent = 0

    def use(self, *users: str) -> None:
        """Each of these users does something now."""
        for user in users:
            self.sent += 1
            payload = {"stripe_customer_id": self.customer, "value": user}
            params = {"event_name": "active", "identifier": f"e{self.sent}", "payload": payload}
            by = sender(f"request-{self.sent}", directory=StoredDirectory(False))  # noqa: FBT003
            create_meter_event(by, params)
        deliver(self.engine)

    def advance(self, to: int) -> None:
        forget_directory()
        advance(self.clock, to)


@pytest.fixture
def users(dynamodb: Engine) -> Users:
    return Users(dynamodb)


def test_each_week_bills_its_own_distinct_users(users: Users) -> None:
    users.advance(FROZEN + DAY)
    users.use("ada", "bob", "ada")
    users.advance(FROZEN + 2 * DAY)
    users.use("ada", "cid")
    preview = create_preview(context(), {"subscription": users.subscription})
    assert preview["total"] == 1_500
    users.advance(FROZEN + WEEK + 2 * HOUR)
    users.use("ada")
    users.advance(FROZEN + 2 * WEEK + 2 * HOUR)
    assert [invoice["total"] for invoice in listed("invoice")] == [500, 1_500]
    assert all(invoice["status"] != "draft" for invoice in listed("invoice"))


def test_an_alert_watches_the_users_of_all_time(users: Users) -> None:
    threshold = {"meter": users.meter, "gte": 3, "recurrence": "one_time"}
    params = {"title": "Many", "alert_type": "usage_threshold", "usage_threshold": threshold}
    create_alert(context(), params)
    told = []
    for user in ("ada", "bob", "ada", "cid", "dan"):
        users.use(user)
        counters = users.engine.scan("usage")
        watch_counters(item for item in counters if item["sk"]["S"].startswith("h#"))
        told.append(len(listed("billing.alert_triggered")))
    assert told == [0, 0, 0, 1, 1]
