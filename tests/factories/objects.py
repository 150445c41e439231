"""Objects made through the services, as an API call at an instant makes them; their ids.

``at`` is the instant of the wall clock (UTC seconds).
"""

from typing import Any

from meterline.services.base.context import Context
from meterline.services.base.outbox import Origin
from meterline.services.catalog.prices import create_price
from meterline.services.catalog.products import create_product
from meterline.services.customers.customers import create_customer
from meterline.services.metering.meters import create_meter
from meterline.services.subscriptions.create import create_subscription
from meterline.services.work.test_clocks import (
    advance_test_clock,
    create_test_clock,
    run_test_clock,
)
from meterline.store.base.documents import Body, Change, Document
from meterline.store.billing.repository import BillingStore
from tests.factories.params import items_params, meter_params, price_params

NOW = 1_790_000_000
"""The wall clock of tests that do not freeze it."""

FROZEN = 1_700_000_000
"""Where test clocks begin."""


def context(at: int = NOW, origin: Origin | None = None) -> Context:
    """The surroundings of an API call; with an ``origin`` of one that can be refused."""
    return Context(BillingStore(livemode=False), at, at, origin=origin)


def product(name: str = "Seats", *, at: int = NOW, **params: Any) -> str:
    """A product."""
    return str(create_product(context(at), {"name": name, **params})["id"])


def licence(unit_amount: int = 1_000, *, at: int = NOW, **params: Any) -> str:
    """A price of licences, by ``price_params``; of a product of its own unless ``product`` is."""
    params = {"unit_amount": unit_amount, **params}
    if "product" not in params:
        params["product"] = product(at=at)
    return str(create_price(context(at), price_params(**params))["id"])


def metered(meter_id: str, unit_amount: int = 3, *, at: int = NOW, **params: Any) -> str:
    """A price of a meter's usage, otherwise like ``licence``."""
    return licence(unit_amount, at=at, meter=meter_id, **params)


def meter(event_name: str, formula: str = "sum", *, at: int = NOW) -> str:
    """A meter."""
    return str(create_meter(context(at), meter_params(event_name, formula))["id"])


def clock(frozen_time: int = FROZEN, *, at: int = NOW) -> str:
    """A test clock."""
    return str(create_test_clock(context(at), {"frozen_time": frozen_time})["id"])


def customer(*, at: int = NOW, **params: object) -> str:
    """A customer, on a test clock if ``test_clock`` names one."""
    return str(create_customer(context(at), {"name": "Ada", **params})["id"])


def subscribe(customer_id: str, *prices: str, at: int = NOW, **params: object) -> Body:
    """A subscription to these prices: its body."""
    params |= {"customer": customer_id, "items": items_params(prices)}
    return {**create_subscription(context(at), params)}


def stored(object_id: str) -> Any:
    """The body of an object that exists, of any kind."""
    document = BillingStore(livemode=False).get(object_id)
    assert document is not None, object_id
    return document.body


def place(*bodies: Body) -> None:
    """Store objects as they are, by no service: with ids that a test chooses."""
    documents = [Document(kind=body["object"], livemode=False, body=body) for body in bodies]
    BillingStore(livemode=False).commit(Change(puts=documents))


def listed(kind: str, parent: str | None = None) -> list[Body]:
    """The bodies of a kind, newest first."""
    return [document.body for document in BillingStore(livemode=False).each(kind, parent=parent)]


def advance(clock_id: str, frozen_time: int) -> None:
    """Let time pass on a test clock, with all that is due meanwhile."""
    advance_test_clock(context(), clock_id, {"frozen_time": frozen_time})
    run_test_clock(context(), clock_id)
