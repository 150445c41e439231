"""How many calls of DynamoDB a request makes one after another, and how many in all.

Each request is sent several times, and the least counts: what a process does once an hour is done
by one of them, such as to note which partitions of a list hold anything.
"""

from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from typing import Any

from meterline.api.auth import forget_cached
from meterline.services.account.api_keys import create_key
from tests.benchmarks import promises
from tests.benchmarks.goals import Goal
from tests.benchmarks.results import Result
from tests.benchmarks.traffic import Traffic
from tests.engines import running
from tests.integration.api.bridge import serving
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage

START = "2024-01-01"
TIMES = 10

type Verb = Callable[[Stage, list[str]], Callable[[], object]]
"""Prepares a request, and gives what sends it."""


def _create(stage: Stage, prices: list[str]) -> Callable[[], Any]:
    customer = stage.client.v1.customers.create({"name": "On the wall clock"}).id
    return lambda: _subscribed(stage, customer, prices)


def _preview(stage: Stage, prices: list[str]) -> Callable[[], object]:
    made = _create(stage, prices)()
    return lambda: stage.client.v1.invoices.create_preview({"subscription": made.id})


def _cancel(stage: Stage, prices: list[str]) -> Callable[[], object]:
    made = _create(stage, prices)()
    return lambda: stage.client.v1.subscriptions.cancel(made.id)


def _cancel_and_bill(stage: Stage, prices: list[str]) -> Callable[[], object]:
    made = _create(stage, prices)()
    return lambda: stage.client.v1.subscriptions.cancel(made.id, {"invoice_now": True})


def _list(stage: Stage, _prices: list[str]) -> Callable[[], object]:
    return partial(stage.client.v1.invoices.list)


def _list_open(stage: Stage, prices: list[str]) -> Callable[[], object]:
    stage.client.v1.invoices.finalize_invoice(_create(stage, prices)().latest_invoice)
    return partial(stage.client.v1.invoices.list, {"status": "open"})


VERBS: dict[str, tuple[Verb, Goal]] = {
    "create a subscription": (_create, promises.CREATE_CALLS),
    "preview its invoice": (_preview, promises.PREVIEW_CALLS),
    "cancel it": (_cancel, promises.CANCEL_CALLS),
    "cancel it and bill": (_cancel_and_bill, promises.CANCEL_CALLS),
    "list invoices": (_list, promises.LIST_CALLS),
    "list open invoices": (_list_open, promises.LIST_CALLS),
}


def measure() -> Iterator[Result]:
    """Each verb, of a subscription with a licence and two metered items."""
    with running() as engine, redirect_stdout(StringIO()), serving() as bridge:
        forget_cached()
        stage = Stage(Api(bridge, engine, create_key(livemode=False, name="bench").secret), START)
        prices = _prices(stage)
        for title, (verb, goal) in VERBS.items():
            times = [_traffic(verb(stage, prices)) for _ in range(TIMES)]
            in_turn = min(traffic.round_trips for traffic in times)
            calls = min(len(traffic.calls) for traffic in times)
            yield Result(f"{title}: calls one after another", in_turn, "calls", goal=goal)
            yield Result(f"{title}: calls", calls, "calls")


def _traffic(send: Callable[[], object]) -> Traffic:
    with Traffic().recorded() as traffic:
        send()
    return traffic


def _prices(stage: Stage) -> list[str]:
    meters = [stage.meter("calls"), stage.meter("bytes")]
    return [stage.price("Seat", 1_000), *(stage.metered(meter, meter, 3) for meter in meters)]


def _subscribed(stage: Stage, customer: str, prices: list[str]) -> Any:
    items = [{"price": price} for price in prices]
    terms = {"collection_method": "send_invoice", "days_until_due": 3}
    return stage.client.v1.subscriptions.create({"customer": customer, "items": items} | terms)
