"""Weeks of billing with many deaths, late sweeps and API calls in between: the same invoices.

Each seed is run twice over the same weeks: once undisturbed, and once with processes that die at
random calls, with API calls that cut in between the calls of a worker, with second workers that got
the same message, and with batches that DynamoDB leaves undone in part. Every other seed has load in
place of deaths: DynamoDB throttles and has conflicts, and messages are received while the account
can run no worker, which counts. All that passes, so no message may become a dead letter. A failing
seed comes again with ``make test-runs ARGS=--run-seed=SEED``; ``make test-runs`` runs a thousand.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import pytest

from meterline.services.customers.balances import create_balance_transaction
from meterline.services.subscriptions.update import update_subscription
from meterline.store.base import keys
from meterline.store.base.documents import LIVE, Body, Conflict
from meterline.store.billing.repository import BillingStore
from tests.engines import resources
from tests.factories.usage import use
from tests.faults.billing.seeds import seeds_of
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import DAY, NOW, World
from tests.faults.load import Load

SHARES = 4
WEEK = 7 * DAY
HOUR = 3_600
BEGINNING = NOW - 3 * WEEK
DEATHS = 0.06
CUTTING_IN = 0.15
REPEATED = 0.03
LEFT_UNDONE = 0.3
"""How often of a batch some parts, or all, are left undone."""

LOAD = 0.05
"""How often trouble begins at a call of a busy account."""

NO_WORKER = 0.4
MOST_IN_VAIN = 4
"""How often messages begin to be received without a worker, and at most how often in a row."""

MOST_RECEIVES = max(
    queue["RedrivePolicy"]["maxReceiveCount"]
    for queue in resources("AWS::SQS::Queue").values()
    if "RedrivePolicy" in queue
)
"""After so many a message is a dead letter."""

type Call = Callable[[], object]


class Prices(NamedTuple):
    """What is sold: the ids of two prices, and of the meter of one."""

    licence: str
    metered: str
    meter: str


@dataclass
class Weeks:
    """A story of a seed: who subscribes to what, when the sweeps come, what the API is asked."""

    world: World
    chance: Random
    customer: str = ""
    meter: str = ""
    subscriptions: list[str] = field(default_factory=list)
    asked: list[Call] = field(default_factory=list)
    worked_on: str = ""
    busy: bool = False
    is_loaded: bool = False
    dead_letters: list[str] = field(default_factory=list)
    load: Load = field(init=False)

    def __post_init__(self) -> None:
        self._set_load(Random(0), 0)

    def _set_load(self, chance: Random, rate: float) -> None:
        self.load = Load(chance, rate, self.world.contended)
        self.world.wire.refusal = self.load.refusal

    def begin(self, prices: tuple[str, str], meter: str) -> None:
        """A customer with two subscriptions, one with usage; and what the API will be asked."""
        self.meter = meter
        self.customer = self.world.customer(at=BEGINNING)
        for kept in (prices, prices[:1]):
            start = BEGINNING + self.chance.randrange(2 * DAY)
            trial = self.chance.choice([{}, {}, {"trial_period_days": 4}])
            made = self.world.subscribe(self.customer, kept, at=start, **trial)
            self.subscriptions.append(made)
        for number in range(6):
            self.asked.append(self._request(number))

    def _request(self, number: int) -> Call:
        if number % 3 == 0:
            params = {"amount": -self.chance.randrange(1, 900), "currency": "usd"}
            return lambda: create_balance_transaction(self.world.context(), self.customer, params)
        subscription = self.chance.choice(self.subscriptions)
        metadata = {"metadata": {f"key{number}": str(number)}}
        return lambda: update_subscription(self.world.context(), subscription, metadata)

    def run(self, *, disturbed: bool) -> None:
        """Sweep now and then until today; usage comes between the sweeps."""
        times = Random(self.chance.random())
        faults = Random(self.chance.random())
        self._set_load(faults, LOAD if disturbed and self.is_loaded else 0)
        if disturbed:
            self.world.wire.at = self._disturb(faults)
            self.world.wire.share = lambda parts: _share(parts, faults)
        else:
            self.world.wire.at = lambda *_: None
            self.world.wire.share = lambda parts: parts
        now = BEGINNING + 3 * DAY
        while now < NOW:
            self.world.clock.now = now
            used_at = now - times.randrange(DAY)
            use(self.meter, self.customer, at=used_at, quantity=times.randrange(50))
            if not disturbed and self.asked:
                self._ask()
            self._sweep()
            now += times.choice([HOUR, 9 * HOUR, 2 * DAY, 4 * DAY])
        self.world.clock.now = NOW
        while self.asked:
            self._ask()
        self._sweep()

    def _sweep(self) -> None:
        """Work on what is due until nothing is, each object by its own worker."""
        while due := self._due():
            for _, object_id in due:
                self.worked_on = object_id
                if self.load.rate:
                    self._receive(object_id)
                else:
                    self.world.until_done(self._deliver(object_id))

    def _deliver(self, object_id: str, receives: int = 1) -> Call:
        is_invoice = object_id.startswith("in_")
        function = "produce_invoices" if is_invoice else "roll_billing_cycles"
        return self.world.deliver(function, object_id, receives=receives)

    def _receive(self, object_id: str) -> None:
        """A message is received until it is done or dead; some receives find no worker free."""
        receives = self._in_vain()
        while receives < MOST_RECEIVES:
            receives += 1
            answer: Any = self.world.wire.watch(self._deliver(object_id, receives))
            if not answer["batchItemFailures"]:
                return
            receives += self._in_vain()
        self.dead_letters.append(object_id)

    def _in_vain(self) -> int:
        chance = self.load.chance
        return chance.randint(1, MOST_IN_VAIN) if chance.random() < NO_WORKER else 0

    def _due(self) -> list[tuple[int, str]]:
        store = BillingStore(livemode=False)
        shards = keys.due_keys(livemode=False, timeline=LIVE)
        return sorted(
            entry for shard in shards for entry in store.due(shard, self.world.clock.now, limit=50)
        )

    def _disturb(self, faults: Random) -> Callable[[Moment, str], None]:
        def at(moment: Moment, _operation: str) -> None:
            if self.busy:
                return
            if self.asked and faults.random() < CUTTING_IN:
                self._ask()
            if faults.random() < REPEATED:
                self._meanwhile(self._deliver(self.worked_on))
            if not self.load.rate and faults.random() < DEATHS:
                raise Died(moment)

        return at

    def _ask(self) -> None:
        """An API call, as another process makes it; it decides again when it loses a race."""
        call = self.asked.pop(0)
        for _ in range(5):
            try:
                self._meanwhile(call)
            except Conflict:
                continue
            return
        raise AssertionError("an API call lost every race")

    def _meanwhile(self, call: Call) -> None:
        """What another process does in the middle of a worker's work, undisturbed."""
        self.busy = True
        try:
            with self.load.calm():
                call()
        finally:
            self.busy = False


def _share(parts: int, faults: Random) -> int:
    return faults.randint(0, parts) if faults.random() < LEFT_UNDONE else parts


def outcome(world: World) -> dict[str, Any]:
    """What must not depend on deaths and on when the API calls came."""
    invoices = world.bodies("invoice")
    return {
        "invoices": sorted((_billed(invoice) for invoice in invoices), key=str),
        "numbers": sorted(invoice["number"] or "" for invoice in invoices),
        "subscriptions": sorted(
            (subscription for subscription in world.bodies("subscription")),
            key=lambda one: str(one["id"]),
        ),
        "events": Counter(
            (event["type"], event["data"]["object"].get("id"))
            for box in world.bodies("event")
            for event in box["events"]
            if not event["type"].startswith(("invoice.paid", "invoice.payment", "customer.updated"))
        ),
    }


def _billed(invoice: Body) -> Body:
    """An invoice without what depends on the order of credit and finalisation."""
    names = ("id", "billing_reason", "created", "period_start", "period_end", "subtotal", "total")
    lines = [
        {name: line[name] for name in ("id", "amount", "quantity_decimal", "period")}
        for line in invoice["lines"]["data"]
    ]
    is_draft = invoice["status"] == "draft"
    return {name: invoice[name] for name in names} | {"lines": lines, "is_draft": is_draft}


def assert_balanced(world: World, customer: str) -> None:
    """The customer's balance is what it was given, less what its invoices have used of it."""
    transactions = world.bodies("customer_balance_transaction")
    given = sum(
        transaction["amount"] for transaction in transactions if transaction["type"] == "adjustment"
    )
    applied = sum(
        invoice["ending_balance"] - invoice["starting_balance"]
        for invoice in world.bodies("invoice")
        if invoice["status"] != "draft"
    )
    assert world.stored(customer)["balance"] == given + applied


def assert_tiled(world: World) -> None:
    """Each week of each subscription is billed once: periods follow without gap or overlap."""
    for subscription in world.bodies("subscription"):
        periods = sorted(
            (invoice["period_start"], invoice["period_end"])
            for invoice in world.bodies("invoice")
            if invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
            and invoice["billing_reason"] == "subscription_cycle"
        )
        for (_, end), (start, _) in pairwise(periods):
            assert end == start


@pytest.mark.parametrize("share", range(SHARES))
def test_weeks_with_deaths_and_api_calls_end_with_the_same_invoices(
    request: pytest.FixtureRequest, memory_world: World, share: int
) -> None:
    world = memory_world
    prices = make_prices(world)
    nothing = world.state()
    for seed in seeds_of(request, share, SHARES):
        world.restore(nothing)
        try:
            run_weeks(world, seed, prices)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def make_prices(world: World) -> Prices:
    """A licence by the week, and usage."""
    meter = world.meter("tokens")
    licence = world.price(unit_amount=1_500, interval="week")
    return Prices(licence, world.price(unit_amount=3, meter=meter, interval="week"), meter)


def run_weeks(world: World, seed: int, prices: Prices) -> None:
    """The weeks of a seed undisturbed, then disturbed; compares what became of them."""
    world.clock.now = BEGINNING
    world.seed_ids(seed)
    story = Weeks(world, Random(seed), is_loaded=bool(seed // SHARES % 2))
    story.begin((prices.licence, prices.metered), prices.meter)
    beginning = world.state()
    asked, luck = list(story.asked), story.chance.getstate()
    story.run(disturbed=False)
    wanted = outcome(world)
    assert_balanced(world, story.customer)
    world.restore(beginning)
    story.asked = asked
    story.chance.setstate(luck)
    story.run(disturbed=True)
    assert story.dead_letters == [], "dead letters"
    assert outcome(world) == wanted
    assert_balanced(world, story.customer)
    assert_tiled(world)
    assert len(wanted["invoices"]) > len(story.subscriptions), "weeks were billed"
