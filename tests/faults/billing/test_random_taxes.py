"""Taxes by an engine that fails, answers late, and is asked by processes that die.

A customer moves from country to country while its invoices are drafted, changed and made final; the
engine comes and goes. Whatever happens, the taxes of a final invoice are those that the engine
computes of that invoice: of these amounts, for the address that it shows. And in the end every
invoice is final. A failing seed comes again with ``make test-runs ARGS=--run-seed=SEED``.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.services.billing import engine_taxes, line_taxes
from meterline.services.billing.private_states import InvoiceState, LineState
from meterline.services.billing.tax_basis import asked_lines
from meterline.services.customers.customers import update_customer
from meterline.services.invoices import finalize
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.line_verbs import add_lines
from meterline.services.invoices.manual import create_invoice
from meterline.store.base import keys
from meterline.store.base.documents import LIVE, Conflict
from meterline.store.billing.repository import BillingStore
from meterline.store.billing.tax_engine import PATIENCE
from tests.factories.taxes import tax
from tests.faults.billing.seeds import seeds_of
from tests.faults.billing.wire import Died, Moment
from tests.faults.billing.world import DAY, NOW, State, World
from tests.faults.mistakes.mistake import Mistake, by_name
from tests.tax_engine import Question, TaxEngine, deployed

HOUR = 3_600
BEGINNING = NOW - 16 * DAY
DEATHS = 0.04
CUTTING_IN = 0.1
PERCENTAGES = {"AT": 20, "DE": 19, "FR": 5}
FAILURES = (None, None, None, "unreachable", "throttled", "died", "slow")


def taxed_by_place(question: Question) -> Any:
    """What the engine says: by the country of the address, in whole minor units."""
    percentage = PERCENTAGES[question["customer"]["address"]["country"]]
    lines = [
        {"id": line["id"], "tax_amounts": [_tax(line["amount"], percentage)]}
        for line in question["lines"]
    ]
    invoice = question["invoice"]
    return {"invoice": invoice["id"], "currency": invoice["currency"], "lines": lines}


def _tax(amount: int, percentage: int) -> dict[str, Any]:
    share = abs(amount) * percentage // 100
    return tax(share if amount > 0 else -share, amount, percentage)


@dataclass
class Life:
    """Two weeks of one customer."""

    world: World
    engine: TaxEngine
    chance: Random
    customer: str = ""
    draft: str = ""
    worked_on: str = ""
    busy: bool = False

    def live(self, price: str) -> None:
        """Sweep now and then; requests and faults come in between."""
        on = {"automatic_tax": {"enabled": True}}
        self.customer = self.world.customer(at=BEGINNING, address={"country": "DE"})
        for _ in range(2):
            self.world.subscribe(self.customer, [price], at=BEGINNING, **on)
        by_hand = {"customer": self.customer, "currency": "usd", **on}
        self.draft = create_invoice(self.world.context(), by_hand)["id"]
        while self.world.clock.now < NOW:
            self.world.wire.at = lambda *_: None
            self.world.clock.now += self.chance.choice((HOUR, 9 * HOUR))
            self.engine_works()
            self.world.clock.now += self.chance.choice((HOUR, 9 * HOUR))
            self.engine.fails = self.chance.choice(FAILURES)
            self.request()
            self.sweep()
        self.world.wire.at = lambda *_: None
        for wait in (DAY, 2 * HOUR):
            self.world.clock.now += wait
            self.engine_works()
        left = {one["id"] for one in self.world.bodies("invoice") if one["status"] == "draft"}
        assert left <= {self.draft}, "drafts are left"

    def engine_works(self) -> None:
        """Do what is due, while nothing fails."""
        self.engine.fails = None
        PATIENCE.until = 0
        while due := self._due():
            for _, object_id in due:
                self.world.until_done(self._deliver(object_id))
        self.audit()

    def request(self) -> None:
        """Something that the API is asked, or a second worker does."""
        self.chance.choice([self.move, self.move, self.add, self.finalise, self.repeat])()
        self.audit()

    def move(self) -> None:
        """The customer has another address."""
        address = {"address": {"country": self.chance.choice([*PERCENTAGES])}}
        self._ask(lambda: update_customer(self.world.context(), self.customer, address))

    def add(self) -> None:
        """A line more on the draft by hand."""
        line = {"amount": self.chance.choice((-100, 1, 777)), "description": "More"}
        self._ask(lambda: add_lines(self.world.context(), self.draft, {"lines": [line]}))

    def finalise(self) -> None:
        """Make a draft final by hand; the one by hand goes on from then on."""
        drafts = [one["id"] for one in self.world.bodies("invoice") if one["status"] == "draft"]
        if drafts:
            chosen = self.chance.choice(sorted(drafts))
            params = {"auto_advance": True} if chosen == self.draft else {}
            self._ask(lambda: finalize_invoice(self.world.context(), chosen, params))

    def repeat(self) -> None:
        """A second worker has the message of the first."""
        if self.worked_on:
            self._deliver(self.worked_on)()

    def sweep(self) -> None:
        """Work on what is due until nothing is."""
        while due := self._due():
            for _, object_id in due:
                self.worked_on = object_id
                self.world.wire.at = self.disturb
                self.world.until_done(self._deliver(object_id))
                self.audit()

    def disturb(self, moment: Moment, _operation: str) -> None:
        """Die, or let others do something."""
        if self.busy:
            return
        if self.chance.random() < CUTTING_IN:
            self.busy = True
            try:
                self.request()
            finally:
                self.busy = False
        if self.chance.random() < DEATHS:
            raise Died(moment)

    def audit(self) -> None:
        """Final invoices have the taxes of their place, and no other."""
        for invoice in self.world.bodies("invoice"):
            if invoice["status"] == "draft":
                continue
            assert invoice["automatic_tax"]["status"] == "complete", "final without its taxes"
            percentage = PERCENTAGES[invoice["customer_address"]["country"]]
            for line in asked_lines(invoice["lines"]["data"]):
                owed = _tax(line["amount"], percentage)["amount"]
                assert [one["amount"] for one in line["taxes"]] == [owed], "taxes of before"

    def _ask(self, call: Callable[[], object]) -> None:
        """An API call, which decides again when it loses a race."""
        for _ in range(3):
            with suppress(Conflict, BillingError):
                call()
                return

    def _deliver(self, object_id: str) -> Callable[[], object]:
        function = "roll_billing_cycles" if object_id.startswith("sub_") else "produce_invoices"
        return self.world.deliver(function, object_id)

    def _due(self) -> list[tuple[int, str]]:
        store, now = BillingStore(livemode=False), self.world.clock.now
        shards = keys.due_keys(livemode=False, timeline=LIVE)
        return sorted(entry for shard in shards for entry in store.due(shard, now, limit=50))


@pytest.fixture
def engine(memory_world: World) -> Iterator[TaxEngine]:
    del memory_world  # the engine stands below its wire
    with deployed() as running:
        running.answer = taxed_by_place
        yield running


def live(world: World, nothing: State, engine: TaxEngine, seed: int) -> None:
    """The life that a seed tells."""
    world.restore(nothing)
    world.clock.now = BEGINNING
    engine.fails = None
    Life(world, engine, Random(seed)).live(world.price(unit_amount=1_000, interval="week"))


SHARES = 2
EACH = 6
"""Of how many seeds one is lived."""


@pytest.mark.parametrize("share", range(SHARES))
def test_final_invoices_have_the_taxes_of_the_engine_whatever_happens(
    request: pytest.FixtureRequest, memory_world: World, engine: TaxEngine, share: int
) -> None:
    nothing = memory_world.state()
    for seed in list(seeds_of(request, share, SHARES))[::EACH]:
        try:
            live(memory_world, nothing, engine, seed)
        except BaseException as error:
            error.add_note(f"again with: make test-runs ARGS=--run-seed={seed}")
            raise


def answers_that_count_for_ever(patch: pytest.MonkeyPatch) -> None:
    def has_some(invoice: Any, lines: Any) -> bool:
        known = InvoiceState.of(invoice).tax_calculation or {}
        asked = [LineState.of(line).engine_taxes for line in asked_lines(lines)]
        return "basis" in known and None not in asked

    for module in (engine_taxes, line_taxes):
        patch.setattr(module, "is_answered", has_some)


def invoices_final_without_their_taxes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finalize, "check_taxes", lambda _: None)


def questions_that_are_never_repeated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(engine_taxes, "RETRY_AFTER_SECONDS", ())


MISTAKES = [
    Mistake(answers_that_count_for_ever, "taxes of before"),
    Mistake(invoices_final_without_their_taxes, "final without its taxes"),
    Mistake(questions_that_are_never_repeated, "drafts are left"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=by_name)
def test_random_lives_notice(
    memory_world: World, engine: TaxEngine, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    mistake.must_be_noticed(
        monkeypatch, partial(live, memory_world, memory_world.state(), engine), 20
    )
