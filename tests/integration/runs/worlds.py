"""Subscriptions on test clocks and on the wall clock, as these tests set them up."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from meterline.services.base.context import Context
from meterline.services.catalog.prices import create_price
from meterline.services.catalog.products import create_product
from meterline.services.customers.customers import create_customer
from meterline.services.subscriptions.create import create_subscription
from meterline.services.work import due_work
from meterline.services.work.test_clocks import create_test_clock
from meterline.store.base.documents import Body, Document
from meterline.store.billing.repository import BillingStore

DAY = 86_400
HOUR = 3_600
NOW = 1_790_000_000
FROZEN = 1_700_000_000


def context(now: int = NOW) -> Context:
    """An API call at a time of the wall clock."""
    return Context(BillingStore(livemode=False), now, now)


def licence(*, unit_amount: int = 1_000, interval: str = "month", **recurring: object) -> str:
    """A price of licences."""
    product = create_product(context(), {"name": "Seats"})
    params = {
        "product": product["id"],
        "currency": "usd",
        "unit_amount": unit_amount,
        "recurring": {"interval": interval, **recurring},
    }
    return str(create_price(context(), params)["id"])


def clock(frozen_time: int = FROZEN) -> str:
    """A test clock."""
    return str(create_test_clock(context(), {"frozen_time": frozen_time})["id"])


def customer(**params: object) -> str:
    """A customer, on a test clock if ``test_clock`` names one."""
    return str(create_customer(context(), {"name": "Ada", **params})["id"])


def subscribe(customer_id: str, *prices: str, at: int = NOW, **params: object) -> Body:
    """A subscription to these prices."""
    items = [{"price": price} for price in prices]
    params |= {"customer": customer_id, "items": items}
    return {**create_subscription(context(at), params)}


def stored(object_id: str) -> Body:
    """The body of an object that exists."""
    document = BillingStore(livemode=False).get(object_id)
    assert document is not None, object_id
    body: Body = document.body
    return body


def listed(kind: str, parent: str | None = None) -> list[Body]:
    """The bodies of a kind, newest first."""
    return [document.body for document in BillingStore(livemode=False).each(kind, parent=parent)]


type Do = Callable[[Context, Document], list[Document]]


def with_work(monkeypatch: pytest.MonkeyPatch, kind: str, instead: Callable[[Do], Do]) -> None:
    """Let something else be done ``instead`` of each kind of due work on objects of a kind."""
    works = tuple(replace(work, do=instead(work.do)) for work in due_work.WORK[kind])
    monkeypatch.setitem(due_work.WORK, kind, works)


def told() -> list[str]:
    """The types of all events, newest first."""
    return [event["type"] for box in listed("event") for event in reversed(box["events"])]
