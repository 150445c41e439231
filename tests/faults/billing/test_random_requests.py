"""Requests to an account under load: each is answered, can be repeated, and takes effect once.

DynamoDB throttles, has conflicts and leaves parts of batches undone. The client is told 429 or 409
and to try again, never 500: nothing has failed. It does so with the same idempotency key until it
is served. A failing seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest

from meterline.api.auth import forget_cached
from meterline.services.account.api_keys import create_key
from meterline.store.account import idempotency_records
from meterline.store.base import failures
from meterline.store.base.budgets import LEASE_SECONDS
from meterline.store.base.settings import settings
from meterline.store.billing import commit
from tests.faults.billing.seeds import seeds_of
from tests.faults.billing.world import NOW, State, World
from tests.faults.load import Load
from tests.faults.mistakes.mistake import Mistake, by_name
from tests.gateway import route
from tests.handlers import gateway_event, load_handler

SHARES = 2
RARER = 4
"""A seed of requests for so many of weeks."""

LOAD = 0.15
MOST_TRIES = 500
LAMBDA_BYTES = 6_000_000
TRY_AGAIN = {409, 429}

type Answer = dict[str, Any]


class Client:
    """Repeats its requests, as SDKs do, until they are served."""

    def __init__(self, world: World, seed: int, rate: float) -> None:
        self.world = world
        self.chance = Random(seed)
        luck = Random(seed + 1)
        self.load = Load(luck, rate, world.contended)
        world.wire.refusal = self.load.refusal
        world.wire.share = lambda parts: luck.randint(0, parts) if rate else parts
        forget_cached()
        self.key = create_key(livemode=False, name="tests").secret
        self.sent = 0

    def post(self, path: str, **params: object) -> Answer:
        """Send until it is served, then once more: the answer is the same."""
        self.sent += 1
        key = f"request-{self.sent}"
        form = urlencode(params)
        answer = self._until_served(path, form, key)
        assert self._until_served(path, form, key) == answer, "a repetition is answered alike"
        return answer

    def _until_served(self, path: str, form: str, key: str) -> Answer:
        headers = {"authorization": f"Bearer {self.key}", "idempotency-key": key}
        event = gateway_event("POST", path, headers, form.encode())
        handler = load_handler(route("POST", path).folder)
        for _ in range(MOST_TRIES):
            forget_cached()
            response: Any = self.world.wire.watch(lambda: handler(event, None))
            assert len(response["body"]) < LAMBDA_BYTES
            if response["statusCode"] == 200:
                return dict(json.loads(response["body"]))
            assert response["statusCode"] in TRY_AGAIN, f"not told to come again: {response}"
            assert response["headers"]["stripe-should-retry"] == "true"
            self.world.clock.now += LEASE_SECONDS
        raise AssertionError(f"not served after {MOST_TRIES} tries")


def _do_business(client: Client) -> None:
    """What a shop does with a new customer; metadata makes batches of rows of the search."""
    labels = {
        f"metadata[key{number}]": str(number) for number in range(client.chance.randint(0, 9))
    }
    customer = client.post("/v1/customers", name="Ada", **labels)["id"]
    client.post(f"/v1/customers/{customer}", **{"metadata[key0]": "", "metadata[more]": "1"})
    product = client.post("/v1/products", name="Base")["id"]
    terms: dict[str, object] = {"currency": "usd", "unit_amount": 1_500, "product": product}
    price = client.post("/v1/prices", **terms, **{"recurring[interval]": "month"})["id"]
    client.post("/v1/invoiceitems", customer=customer, amount=700, currency="usd")
    wanted = {"customer": customer, "items[0][price]": price}
    subscription = client.post("/v1/subscriptions", **wanted, **labels)
    changed = {"items[0][id]": subscription["items"]["data"][0]["id"], "items[0][quantity]": 2}
    client.post(f"/v1/subscriptions/{subscription['id']}", **changed)
    balance = {"amount": -200, "currency": "usd"}
    client.post(f"/v1/customers/{customer}/balance_transactions", **balance)


def _outcome(world: World) -> Counter[str]:
    """How many objects of each kind there are; events as they were emitted."""
    items = (item.get("kind", {}).get("S") for item in world.engine.scan("billing"))
    emitted = [event["type"] for box in world.bodies("event") for event in box["events"]]
    return Counter(emitted) + Counter(kind for kind in items if kind)


def _run(world: World, seed: int, rate: float) -> Counter[str]:
    world.clock.now = NOW
    world.seed_ids(seed)
    client = Client(world, seed, rate)
    _do_business(client)
    assert bool(client.load.refused) is bool(rate)
    [customer] = world.bodies("customer")
    assert customer["metadata"].get("more") == "1"
    assert customer["balance"] == -200
    return _outcome(world)


def _compare(world: World, nothing: State, seed: int) -> None:
    """Under load as without: nothing lost, nothing twice."""
    outcomes = []
    for rate in (0, LOAD):
        world.restore(nothing)
        outcomes.append(_run(world, seed, rate))
    assert outcomes[1] == outcomes[0], "takes effect once"


@pytest.mark.parametrize("share", range(SHARES))
def test_requests_under_load_are_told_to_come_again_and_take_effect_once(
    request: pytest.FixtureRequest, memory_world: World, share: int
) -> None:
    nothing = memory_world.state()
    seeds = [seed for seed in seeds_of(request, share, SHARES) if not seed // SHARES % RARER]
    for seed in seeds:
        try:
            _compare(memory_world, nothing, seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def a_conflict_of_transactions_taken_for_a_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commit, "_CONFLICT", "another code")


def a_record_that_a_transaction_holds_taken_for_a_failure(patch: pytest.MonkeyPatch) -> None:
    def impatient(call: Callable[..., object], **parameters: Any) -> None:
        call(TableName=settings().access_table, **parameters)

    patch.setattr(idempotency_records, "_write", impatient)


def throttling_taken_for_a_failure(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(failures, "is_throttled", lambda _: False)


def a_repetition_that_is_done_again(patch: pytest.MonkeyPatch) -> None:
    claim = idempotency_records.claim

    def forgetful(pk: str, *rest: Any) -> Any:
        return claim(f"{pk}{next(numbers)}", *rest)

    numbers = iter(range(100_000))
    patch.setattr(idempotency_records, "claim", forgetful)


MISTAKES = [
    Mistake(a_conflict_of_transactions_taken_for_a_failure, "told to come again", first=4),
    Mistake(a_record_that_a_transaction_holds_taken_for_a_failure, "told to come again"),
    Mistake(throttling_taken_for_a_failure, "told to come again"),
    Mistake(a_repetition_that_is_done_again, "a repetition is answered alike"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_requests_under_load_notice(
    memory_world: World, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(monkeypatch, partial(_compare, memory_world, memory_world.state()), 24)
