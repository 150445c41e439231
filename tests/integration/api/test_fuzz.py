"""Any request is answered: never a 5xx, never off the schema, never half a refusal.

Rounds take turns: one makes its requests from what the operations accept, the next from the
OpenAPI document. ``METERLINE_FUZZ_REQUESTS`` says how many requests (500 if absent),
``METERLINE_FUZZ_SEED`` which: the number of the first round. The seed of a failed round is in its
name. Without the variable they are the same every day, so that a failure is the change's own.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Hashable
from typing import Any

import pytest
from botocore.client import BaseClient

from meterline.api.openapi import openapi_document
from meterline.api.routes.description import all_operations
from tests.engines import TABLES, Engine
from tests.factories.params import meter_params
from tests.handlers import gateway_event
from tests.integration.api.conftest import Api
from tests.integration.api.document_fuzzing import DocumentFuzzer
from tests.integration.api.fuzzing import Fuzzer

REQUESTS = int(os.environ.get("METERLINE_FUZZ_REQUESTS", "500"))
SEED = int(os.environ.get("METERLINE_FUZZ_SEED", "1"))
READS = {"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"}
ROUND = 250
"""Requests on one engine: it stays small enough to be compared after each refusal."""


type Contents = dict[Hashable, Any]


def _contents(engine: Engine) -> Contents:
    """What the tables hold; the engine in memory never changes an item, but replaces it."""
    if engine.memory is not None:
        tables = engine.memory.tables.values()
        return {
            (table.name, *key): item
            for table in tables
            for key, item in table.items.items()
            if not _is_note(item)
        }
    scanned = (item for name in TABLES for item in engine.scan(name) if not _is_note(item))
    return dict(Counter(json.dumps(item, sort_keys=True, default=repr) for item in scanned))


def _is_note(item: dict[str, Any]) -> bool:
    """Whether an item only says where to look: it is there before the commit that may lose."""
    place = str(item["pk"].get("S", "")).partition("#")[2]
    return place.startswith(("shelves#", "listings#"))


def _changed(before: Contents, now: Contents) -> Contents:
    places = before.keys() | now.keys()
    return {place: now.get(place) for place in places if before.get(place) != now.get(place)}


class Watch:
    """Notices calls that write, so that tables are only compared when they may differ."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wrote = True
        call: Any = vars(BaseClient)["_make_api_call"]  # every client goes through it

        def watched(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            self.wrote |= operation not in READS
            return call(client, operation, parameters)

        monkeypatch.setattr(BaseClient, "_make_api_call", watched)

    def written(self) -> bool:
        """Whether anything may have been written since the last question."""
        wrote, self.wrote = self.wrote, False
        return wrote


@pytest.mark.parametrize("seed", range(SEED, SEED + max(1, REQUESTS // ROUND)))
def test_any_request_is_answered_and_a_refused_one_stores_nothing(
    api: Api, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzzer = _fuzzer(seed)
    token = _session(api)
    fuzzer.known = _world(api)
    operations = [one for one in all_operations() if not one.public]
    watch = Watch(monkeypatch)
    before: Contents = {}
    statuses: Counter[int] = Counter()
    for number in range(ROUND):
        if watch.written():
            before = _contents(api.engine)
        operation = fuzzer.dice.choice(operations)
        target, headers, body = fuzzer.request(operation)
        headers["authorization"] = f"Bearer {token if operation.takes_session else api.key}"
        headers |= fuzzer.headers()
        event = gateway_event(operation.method, target, headers, body, encoded=True)
        status, answer = _send(api, event)
        what = f"request {number}: {operation.method} {target} {body[:500]!r} -> {answer}"
        assert status < 500, what
        statuses[status] += 1
        if status == 200:
            _remember(fuzzer, answer)
        elif watch.wrote:
            now = _contents(api.engine)
            assert now == before, f"{what}\nnow: {_changed(before, now)}"
    print(sorted(statuses.items()))
    assert statuses[200] > ROUND // 20, "too few requests mean anything"


def _fuzzer(seed: int) -> Fuzzer:
    dice = random.Random(seed)
    if seed % 2 == 0:
        return Fuzzer(dice)
    return DocumentFuzzer(dice, document=openapi_document(all_operations()))


def _world(api: Api) -> list[str]:
    """Ids of a little of everything, so that requests have something to be about."""
    client = api.client()
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_704_067_200})
    meter = client.v1.billing.meters.create(meter_params("m"))
    prices = [
        client.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": 100,
                "recurring": {"interval": "month", **metered},
                "product_data": {"name": "P"},
            }
        )
        for metered in ({}, {"usage_type": "metered", "meter": meter.id})
    ]
    coupon = client.v1.coupons.create({"percent_off": 10})
    hook = client.v1.webhook_endpoints.create({"url": "https://a.example", "enabled_events": ["*"]})
    customers = [
        client.v1.customers.create(given) for given in ({}, {"test_clock": clock.id, "balance": 5})
    ]
    subscriptions = [
        client.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price.id} for price in prices]}
        )
        for customer in customers
    ]
    events = client.v1.events.list({"limit": 2}).data
    made = [clock, meter, *prices, coupon, hook, *customers, *subscriptions, *events]
    invoices = [
        subscription.latest_invoice for subscription in subscriptions if subscription.latest_invoice
    ]
    return [*(one.id for one in made), *(price.product for price in prices), *invoices]


def _send(api: Api, event: dict[str, Any]) -> tuple[int, Any]:
    """Status and body; the bridge holds each body to the schema, too."""
    response = api.bridge.call(event)
    return response["statusCode"], json.loads(response["body"])


def _session(api: Api) -> str:
    headers = {"authorization": f"Bearer {api.key}", "content-type": "application/json"}
    event = gateway_event("POST", "/v2/billing/meter_event_session", headers, b"{}")
    return str(_send(api, event)[1]["authentication_token"])


def _remember(fuzzer: Fuzzer, answer: dict[str, Any]) -> None:
    for body in (
        [answer, *answer.get("data", [])] if isinstance(answer.get("data"), list) else [answer]
    ):
        if isinstance(body, dict) and isinstance(body.get("id"), str):
            fuzzer.known.append(body["id"])
